"""What recipes of predicted reading may say."""

from typing import Literal

from pydantic import Field, PositiveFloat, field_validator

from mirctl.section import ArtifactName, InputPath, JobConfig, Section
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

    width: int = Field(32, ge=1, le=4096)
    kernel: int = Field(5, ge=1, le=99, description="Words that a word is read among: odd")
    members: int = Field(5, ge=1, le=64, description="Networks whose mean is the prediction")
    dropout: float = Field(0.1, ge=0, lt=1)
    often: int = Field(
        5, ge=1, le=10**9, description="Times a word stands in the data, to have an embedding"
    )

    @field_validator("kernel")
    @classmethod
    def kernel_is_odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError(f"kernel {value}: an odd number, as many words before as after")
        return value


class ReadingTrain(TrainConfig):
    """The shared loop's settings; the rate ends at nothing, and the last epoch is the model."""

    epochs: int = Field(20, ge=0, le=100_000)
    batch_size: int = Field(16, ge=1, le=1_000_000, description="Texts")
    lr: PositiveFloat = 5e-3
    weight_decay: float = Field(0.01, ge=0)
    warmup: float = Field(0.1, ge=0, lt=1)
    metric: None = Field(None, description="No epoch is chosen")


class FitReadingConfig(JobConfig):
    """A recipe with `uses: gaze/fit-reading`."""

    uses: Literal["gaze/fit-reading"]
    data: ReadingData
    model: LexicalConfig = LexicalConfig()
    train: ReadingTrain = ReadingTrain()


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
