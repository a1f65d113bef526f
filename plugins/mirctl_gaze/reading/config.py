"""What recipes of predicted reading may say."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, PositiveFloat, Tag, field_validator, model_validator

from mirctl.section import ArtifactName, InputPath, JobConfig, ModelName, Section
from mirctl.training import TrainConfig


class ReadingData(Section):
    """Words and how they were read."""

    train: InputPath = Field(description="Table of words and their measures, as `measures --mean`")
    valid: InputPath | None = Field(None, description="Another one, to measure on")
    measures: tuple[str, ...] | None = Field(
        None, min_length=1, description="Columns to learn; unless told, all reading measures there"
    )
    language: str = Field("en", description="Whose word frequencies: en, de, zh, ...")


class LexicalConfig(Section):
    """A small network on length, frequency, punctuation, place and neighbours."""

    arch: Literal["lexical"] = "lexical"
    width: int = Field(32, ge=1, le=4096)
    kernel: int = Field(5, ge=1, le=99, description="Words that a word is read among: odd")
    members: int = Field(5, ge=1, le=64, description="Networks whose mean is the prediction")
    dropout: float = Field(0.1, ge=0, lt=1)
    often: int = Field(
        5, ge=1, le=10**9, description="Times a word stands in the data, to have an embedding"
    )
    surprisal: ModelName | None = Field(
        None, description="Causal language model: its surprisal of a word is one feature more"
    )

    @field_validator("kernel")
    @classmethod
    def kernel_is_odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError(f"kernel {value}: an odd number, as many words before as after")
        return value


class Et1Config(Section):
    """A recurrent network on frozen token embeddings, both ways (Huang and Hollenstein, 2023)."""

    arch: Literal["et1"]
    base: ModelName = Field(
        "google-t5/t5-small", description="Model whose tokens and token embeddings it reads"
    )
    dropout: float = Field(0.2, ge=0, lt=1)


class Et2Config(Section):
    """A pretrained encoder, fine-tuned, read at each word's first token (Li and Rudzicz, 2021)."""

    arch: Literal["et2"]
    base: ModelName = Field("FacebookAI/roberta-base", description="Encoder to start from")


def _arch(value: Any) -> Any:
    return value.get("arch", "lexical") if isinstance(value, dict) else getattr(value, "arch", None)


ModelConfig = Annotated[
    Annotated[LexicalConfig, Tag("lexical")]
    | Annotated[Et1Config, Tag("et1")]
    | Annotated[Et2Config, Tag("et2")],
    Discriminator(
        _arch,
        custom_error_type="unknown_arch",
        custom_error_message="arch: should be lexical, et1 or et2",
    ),
]

PACE: dict[str, dict[str, Any]] = {
    "lexical": {"epochs": 20, "lr": 5e-3},
    "et1": {"epochs": 30, "lr": 1e-3},
    "et2": {"epochs": 5, "lr": 5e-5},
}
"""What training takes where it is not told."""


class ReadingTrain(TrainConfig):
    """The shared loop's settings; the rate ends at nothing, and the last epoch is the model."""

    epochs: int = Field(20, ge=0, le=100_000, description="Default: 30 for et1, 5 for et2")
    batch_size: int = Field(16, ge=1, le=1_000_000, description="Texts")
    lr: PositiveFloat = Field(5e-3, description="Default: 1e-3 for et1, 5e-5 for et2")
    weight_decay: float = Field(0.01, ge=0)
    warmup: float = Field(0.1, ge=0, lt=1)
    metric: None = Field(None, description="No epoch is chosen")


class FitReadingConfig(JobConfig):
    """A recipe with `uses: gaze/fit-reading`."""

    uses: Literal["gaze/fit-reading"]
    data: ReadingData
    model: ModelConfig = LexicalConfig()
    train: ReadingTrain = ReadingTrain()

    @model_validator(mode="after")
    def pace_suits_the_model(self) -> Self:
        told = self.train.model_dump(exclude_unset=True)
        paced = ReadingTrain(**(PACE[self.model.arch] | told))
        object.__setattr__(self, "train", paced)
        return self


class _Predicted(JobConfig):
    """What predictions of any form are told."""

    generator: ArtifactName = Field(description="formula, or an artifact of fit-reading")
    measures: tuple[str, ...] | None = Field(None, min_length=1, description="Some of them only")
    column: str = Field("text", description="Column that holds the texts")
    prefix: str = Field("", description="Put before the names of the new columns")


class PredictConfig(_Predicted):
    """A recipe with `uses: gaze/predict`."""

    uses: Literal["gaze/predict"]
    texts: InputPath = Field(description="Table with a text a row, or a word a row")


class AugmentConfig(_Predicted):
    """A recipe with `uses: gaze/augment`."""

    uses: Literal["gaze/augment"]
    texts: InputPath = Field(description="Table with a text a row")
    mean: bool = Field(False, description="A number a text, not a list with one for each word")
