"""What an impute recipe may say. Each field can stand in a recipe or be given as `key=value`."""

from typing import Literal, Self

from pydantic import Field, PositiveFloat, field_validator, model_validator

from mirctl.section import ArtifactName, InputPath, JobConfig, Section
from mirctl.training import TrainConfig


class TableConfig(Section):
    """The table to learn from."""

    table: InputPath = Field(description="CSV, TSV, JSONL or Parquet; it may itself have holes")
    names: tuple[str, ...] | None = Field(None, description="Columns of a table without a header")
    schema_file: InputPath | None = Field(
        None, description="Kinds of columns, as `mirctl impute schema` writes them"
    )
    missing: tuple[str, ...] | None = Field(
        None, description="Texts that say a cell is missing, instead of the usual ones"
    )


class ModelConfig(Section):
    """The denoiser: an encoder of the known cells, a decoder of the hidden ones."""

    denoiser: Literal["mtabgen", "pooled", "mlp"] = Field(
        "mtabgen",
        description="To compare with: pooled has no conditioning attention, mlp no attention",
    )
    width: int = Field(64, ge=4, le=4096)
    encoder_layers: int = Field(2, ge=0, le=64)
    decoder_layers: int = Field(2, ge=1, le=64)
    heads: int = Field(4, ge=1, le=64)
    dropout: float = Field(0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def heads_share_the_width(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width {self.width} is no multiple of twice {self.heads} heads: take a multiple "
                f"of {2 * self.heads}"
            )
        return self


class ImputeTrain(TrainConfig):
    """The shared loop's settings and the random masks.

    An epoch is a round of as many rows as the table has, drawn at random, within limits.
    """

    epochs: int = Field(20, ge=0, le=1_000_000)
    batch_size: int = Field(256, ge=1, le=1_000_000)
    lr: PositiveFloat = 4e-3
    optimizer: Literal["adamw", "muon"] = Field(
        "muon", description="muon: orthogonalised momentum for matrices, AdamW for the rest"
    )
    weight_decay: float = Field(0.01, ge=0)
    warmup: float = Field(0.1, ge=0, lt=1)
    ema: float = Field(0.995, ge=0, lt=1)
    metric: Literal["score"] = Field(
        "score", description="Minus the mean loss of the held-out cells"
    )
    hidden: float | None = Field(
        None, gt=0, le=1, description="Hide this share of each row, always: no dynamic masking"
    )
    all_hidden: float = Field(
        0.4, ge=0, le=1, description="Share of the rows without a copied mask that hide every cell"
    )
    at_end: float = Field(
        0.3, ge=0, le=1, description="Share of the rows at t = 1, which teach the point estimate"
    )
    copied: float = Field(
        0.5, ge=0, le=1, description="Share of the rows that hide what another row misses, if any"
    )
    apart: float = Field(
        0.2, ge=0, le=1, description="Share of the rows of which only some cells take part at all"
    )
    epoch_rows: int = Field(
        16_384, ge=1, le=100_000, description="Fewest rows of an epoch; the most are 100,000"
    )
    held_out: float = Field(
        0.1, gt=0, lt=1, description="Share of the cells, of up to 4,000 rows, kept to validate on"
    )


class ImputeConfig(JobConfig):
    """A recipe with `uses: impute/fit`."""

    uses: Literal["impute/fit"]
    data: TableConfig
    model: ModelConfig = ModelConfig()
    train: ImputeTrain = ImputeTrain()

    @field_validator("data")
    @classmethod
    def names_are_distinct(cls, value: TableConfig) -> TableConfig:
        names = value.names or ()
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"names has {min(twice)!r} more than once")
        return value


class FillConfig(JobConfig):
    """A recipe with `uses: impute/fill`."""

    uses: Literal["impute/fill"]
    model: ArtifactName = Field(description="A learned table")
    table: InputPath = Field(description="The table with holes")
    names: tuple[str, ...] | None = Field(None, description="Columns of a table without a header")
    draws: int = Field(1, ge=1, le=10_000, description="Copies of each row, each filled anew")
    point: bool = Field(False, description="The mean, or the most likely category; no draw")
    mark: bool = Field(False, description="Add a column `filled`: names of the filled cells")
    uncertainty: bool = Field(False, description="Add the spread of each filled cell")
    steps: int = Field(20, ge=1, le=1000, description="Calls of the network")


class SampleConfig(JobConfig):
    """A recipe with `uses: impute/sample`."""

    uses: Literal["impute/sample"]
    model: ArtifactName = Field(description="A learned table")
    rows: int = Field(1000, ge=0, le=10**12, description="Rows to make")
    given: tuple[str, ...] = Field((), description="COLUMN=VALUE or COLUMN=LOW..HIGH")
    guidance: float = Field(0.0, ge=0, le=100)
    steps: int = Field(20, ge=1, le=1000, description="Calls of the network")


class MaskConfig(JobConfig):
    """A recipe with `uses: impute/mask`."""

    uses: Literal["impute/mask"]
    table: InputPath = Field(description="A table, to make holes in")
    names: tuple[str, ...] | None = Field(None, description="Columns of a table without a header")
    schema_file: InputPath | None = None
    level: float = Field(0.3, ge=0, le=1, description="Share to hide of a column that is hit")
    mechanism: Literal["mcar", "mar", "mnar"] = "mcar"
    keep: tuple[str, ...] = Field((), description="Columns that stay whole")


class EvaluateConfig(JobConfig):
    """A recipe with `uses: impute/evaluate`; its result is a table of metrics."""

    uses: Literal["impute/evaluate"]
    real: InputPath = Field(description="The table that was learned from, as it truly is")
    table: InputPath = Field(description="The made or filled table")
    holdout: InputPath | None = Field(None, description="Real rows that were never learned from")
    holes: InputPath | None = Field(None, description="A filled table as it was before")
    target: str | None = Field(None, description="Column that models are to tell; else the last")
    criteria: tuple[Literal["filled", "ml", "similarity", "privacy"], ...] | None = Field(
        None, min_length=1, description="All that apply if not given"
    )
    names: tuple[str, ...] | None = Field(None, description="Columns of a table without a header")
    schema_file: InputPath | None = None


def metrics() -> list[str]:
    """What a fit measures on held-out cells."""
    return ["nrmse", "accuracy"]
