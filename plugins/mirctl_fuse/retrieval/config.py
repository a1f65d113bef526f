"""What a recipe with `uses: fuse/retrieval` may say."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from mirctl.errors import suggest
from mirctl.metrics import answers
from mirctl.section import InputPath, JobConfig, Section
from mirctl.training import TrainConfig
from mirctl_fuse.config import Folder, Fusion, Modalities, Modality, encoders

SIDES = ("queries", "items")
REVERSE = "reverse/"
"""Before a measure: items are asked with, and queries are found."""


class ThingColumns(Section):
    """What the columns are called."""

    id: str = "item_id"
    title: str = "title"
    image: str | None = Field(
        None, description="Column of picture files, relative to images or else to the table"
    )

    @property
    def in_items(self) -> str:
        """The id column."""
        return self.id

    @property
    def items_id(self) -> str:
        """The same."""
        return self.id


class PairColumns(Section):
    """What the columns of the pairs are called."""

    query: str = "query_id"
    item: str = "item_id"
    split: str = "split"

    @model_validator(mode="after")
    def each_names_another(self) -> Self:
        if len({self.query, self.item, self.split}) < 3:
            raise ValueError("query, item and split are three columns: give each a name of its own")
        return self


class QueryColumns(ThingColumns):
    """The same, of a table of queries."""

    id: str = "query_id"


class Files(Section):
    """What things look, sound and move like."""

    place: ClassVar[str] = "data"
    images: Folder | None = Field(None, description="Folder of pictures named by id")
    audio: Folder | None = Field(
        None, description="Folder of sounds named by id; without it those of video"
    )
    video: Folder | None = Field(None, description="Folder of films named by id")


class Queries(Files):
    """Queries that are no items. A plain path stands for `{table: ...}`."""

    place: ClassVar[str] = "data.queries"
    table: InputPath = Field(description="CSV, TSV, JSONL or Parquet: query and any text columns")
    columns: QueryColumns = QueryColumns()

    @model_validator(mode="before")
    @classmethod
    def short_form(cls, value: Any) -> Any:
        return {"table": value} if isinstance(value, str | Path) else value


class PairData(Files):
    """Things, each of which is asked for by what else is known of it; or queries and items."""

    items: InputPath = Field(description="CSV, TSV, JSONL or Parquet: item and any text columns")
    queries: Queries | None = Field(
        None, description="Table of what asks, where that is not the items themselves"
    )
    pairs: InputPath | None = Field(
        None,
        description="Table of right answers: query, item and, if you like, split: train, valid or "
        "test; without it each item is the answer to itself",
    )
    columns: ThingColumns = ThingColumns()
    pair_columns: PairColumns = PairColumns()

    @model_validator(mode="after")
    def queries_have_answers(self) -> Self:
        if self.queries and not self.pairs:
            raise ValueError("queries need pairs: the table that says which items answer them")
        return self


class PairModel(Fusion):
    """Two encoders into one space: what is read of queries, and what of items."""

    queries: Modalities
    items: Modalities


class PairTrain(TrainConfig):
    """The loop's settings; a batch is of pairs, each the others' wrong answer."""

    batch_size: int = Field(1024, ge=2, le=1_000_000)
    chunk: int = Field(
        256,
        ge=1,
        le=1_000_000,
        description="Things that are embedded, and compared, at once: what memory grows with",
    )

    @field_validator("metric")
    @classmethod
    def metric_is_measured(cls, value: str | None) -> str | None:
        known = [way + name for way in ("", REVERSE) for name in answers.names()]
        if value is not None and value not in known:
            hint = suggest(value, known, f"known: {', '.join(known)}")
            raise ValueError(f"{value!r} is no validation metric{hint}")
        return value

    @model_validator(mode="after")
    def pieces_go_in_one_chunk(self) -> Self:
        if self.parallel == "fsdp" and self.chunk < self.batch_size:
            raise ValueError("chunk: a model in pieces (parallel: fsdp) embeds a batch at once")
        return self


class PairEval(Section):
    """How much is kept for validation and test: of queries, by a hash of seed and id."""

    valid: float = Field(0.1, ge=0, lt=1)
    test: float = Field(0.2, gt=0, lt=1)

    @model_validator(mode="after")
    def something_is_left(self) -> Self:
        if self.valid + self.test >= 1:
            raise ValueError("valid and test leave nothing to learn from")
        return self


@dataclass(frozen=True)
class Read:
    """The modalities of one side, and how many layers of each."""

    modalities: Mapping[str, Modality]
    groups: int

    method: ClassVar[str] = "crossan"
    tuned: ClassVar[Mapping[str, Modality]] = {}
    bottleneck: ClassVar[int] = 0

    @property
    def encoders(self) -> dict[str, Modality]:
        """Those that a model reads, and it stays frozen."""
        return encoders(self.modalities)

    cached = encoders


@dataclass(frozen=True)
class Side:
    """What a recipe says of its queries, or of its items."""

    name: str
    model: Read
    data: Queries | PairData

    def key(self, name: str) -> str:
        """Where a modality stands in the recipe."""
        return f"model.{self.name}.{name}"


class PairConfig(JobConfig):
    """A recipe with `uses: fuse/retrieval`."""

    uses: Literal["fuse/retrieval"]
    data: PairData
    model: PairModel
    train: PairTrain = PairTrain()
    evaluation: PairEval = PairEval()

    def side(self, name: str) -> Side:
        """The queries or the items."""
        data = self.data.queries if name == "queries" and self.data.queries else self.data
        return Side(name, Read(getattr(self.model, name), self.model.groups), data)
