"""What an align recipe may say. Each field can stand in a recipe or be given as `key=value`."""

import re
from typing import Literal, Self

from pydantic import Field, PositiveFloat, field_validator, model_validator

from mirctl.section import ArtifactName, Count, InputPath, JobConfig, ModelName, Section
from mirctl.training import TrainConfig

MEASURED = "data"
"""Generator that stands for the gaze columns of the pairs themselves."""


class Columns(Section):
    """What the columns are called; all but `chosen` and `rejected` may be missing."""

    prompt: str = Field("prompt", description="Text or messages before both responses")
    chosen: str = Field("chosen", description="The better response, or a whole dialogue")
    rejected: str = Field("rejected", description="The other one")
    margin: str = Field("margin", description="How much better the chosen one is, at least")
    weight: str = Field("weight", description="How much the pair counts")
    target: str = Field("target", description="Probability that the chosen one is better; 0.5: tie")
    subset: str = Field("subset", description="Group in which it is measured")


class PairsConfig(Section):
    """How preferences are read, and shown to the model."""

    layout: Literal["auto", "pairs", "oasst", "helpsteer"] = Field(
        "auto",
        description="pairs: a row each, also hh-rlhf and RewardBench; oasst: trees of OASST1; "
        "helpsteer: two rows with scores for a prompt",
    )
    columns: Columns = Columns()
    score: str = Field("helpfulness", description="Of HelpSteer: the score that decides")
    language: str | None = Field(None, description="Of OASST: replies in this language only")
    ties: Literal["drop", "keep"] = Field(
        "drop", description="Equal scores or ranks: left out and counted, or pairs of target 0.5"
    )


class TextConfig(Section):
    """How a dialogue becomes tokens."""

    template: Literal["auto", "chat", "dialogue", "plain"] = Field(
        "auto",
        description="chat: the tokenizer's own template; dialogue: Human: and Assistant: before "
        "turns; plain: turns with a blank line between; auto: chat where there is one, else "
        "dialogue",
    )
    length: int = Field(512, ge=8, le=1_000_000, description="Most tokens of a dialogue")
    too_long: Literal["left", "right", "drop"] = Field(
        "left", description="Longer ones lose tokens at the left or right end, or are left out"
    )


class DataConfig(PairsConfig):
    """Preferences to learn from, and to measure on."""

    train: InputPath = Field(description="Pairs: JSONL, Parquet, CSV, TSV, also compressed")
    test: InputPath | None = Field(None, description="Other pairs, to measure on")
    fold: str | None = Field(
        None, description="Instead of test, i/n: the i-th of n parts of the conversations"
    )
    valid: InputPath | None = Field(None, description="Other pairs, to choose the epoch on")
    share: float = Field(
        0.1, gt=0, lt=1, description="Without valid: share of the conversations that is held out"
    )
    of_train: float = Field(
        1.0, gt=0, le=1, description="Share of the conversations that is learned from"
    )

    @field_validator("fold")
    @classmethod
    def fold_is_one_of_several(cls, value: str | None) -> str | None:
        found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", value or "1/2")
        if not found or not 1 <= int(found[1]) <= int(found[2]) or int(found[2]) < 2:
            raise ValueError(f"fold {value!r}: write i/n, as in 1/5")
        return value

    @model_validator(mode="after")
    def there_is_one_test(self) -> Self:
        if self.test is not None and self.fold is not None:
            raise ValueError("test and fold: one of them says what is measured on")
        return self


class GazeConfig(Section):
    """Which measures of reading a model gets, and where they enter."""

    inject: Literal["none", "concat", "add", "attn-bias", "aux-loss", "token-weight"] = Field(
        "none",
        description="concat: a prefix; add: to the embeddings; attn-bias: to the attention; "
        "aux-loss: predicted in training, and not needed later; token-weight: in the mean that is "
        "read",
    )
    generator: ArtifactName = Field(
        "formula",
        description="What measures words: a generator, its artifact, or data: columns "
        "chosen_gaze and rejected_gaze",
    )
    measures: tuple[str, ...] | None = Field(
        None, min_length=1, description="Some of them only, as [TRT, FFD]; unless told all"
    )
    shuffle: bool = Field(
        False, description="A control: every dialogue gets the gaze of another one"
    )
    width: Count = Field(128, description="Inner width of the projector")
    dropout: tuple[float, float] = Field((0.1, 0.3), description="In the projector and behind it")
    weight: PositiveFloat = Field(0.1, description="Of aux-loss beside the loss of the preferences")


class ModelConfig(Section):
    """A pretrained decoder or encoder with one score."""

    base: ModelName = Field(description="Hugging Face model to start from")
    method: Literal["lora", "full"] = Field("lora", description="What of it learns")
    rank: int = Field(8, ge=1, le=65_536, description="Of lora")
    alpha: PositiveFloat = Field(32.0, description="Of lora: updates count alpha / rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="Of lora")
    targets: tuple[str, ...] | None = Field(
        None, min_length=1, description="Of lora: layers by name; unless told, what peft takes"
    )
    checkpointing: bool = Field(False, description="Less memory: compute activations twice")


class RewardTrain(TrainConfig):
    """The shared loop's settings and the loss of preferences."""

    epochs: int = Field(2, ge=0, le=100_000)
    batch_size: int = Field(16, ge=1, le=1_000_000, description="Pairs")
    lr: PositiveFloat = 2e-4
    weight_decay: float = Field(0.01, ge=0)
    warmup: float = Field(0.1, ge=0, lt=1)
    metric: Literal["accuracy", "log_likelihood"] | None = Field(
        "accuracy", description="Validation metric that picks the best epoch; null: the last one"
    )
    smoothing: float = Field(
        0.0, ge=0, lt=0.5, description="Share of labels that are taken to be wrong"
    )
    centering: float = Field(
        0.0, ge=0, description="Weight of (r_chosen + r_rejected)^2, which keeps rewards near 0"
    )


class RewardConfig(JobConfig):
    """A recipe with `uses: align/train`."""

    uses: Literal["align/train"]
    data: DataConfig
    text: TextConfig = TextConfig()
    model: ModelConfig
    gaze: GazeConfig = GazeConfig()
    train: RewardTrain = RewardTrain()

    @model_validator(mode="after")
    def shuffled_gaze_is_used(self) -> Self:
        if self.gaze.shuffle and self.gaze.inject == "none":
            raise ValueError("gaze.shuffle: inject none uses no gaze that could be shuffled")
        return self


Group = Literal["subset", "length"]
"""By what pairs are measured apart."""


class EvalConfig(JobConfig):
    """A recipe with `uses: align/eval`; its result is a table of metrics."""

    uses: Literal["align/eval"]
    model: ArtifactName = Field(description="A reward model of align/train")
    pairs: InputPath = Field(description="Pairs to measure on")
    data: PairsConfig = PairsConfig()
    by: tuple[Group, ...] = Field((), description="Also apart by these")


class ScoreConfig(JobConfig):
    """A recipe with `uses: align/score`; its result is the table with one column more."""

    uses: Literal["align/score"]
    model: ArtifactName = Field(description="A reward model of align/train")
    texts: InputPath = Field(description="Rows with text, prompt and response, or messages")
    column: str = Field("reward", min_length=1, description="Where the rewards go")
