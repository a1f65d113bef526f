"""What a fuse recipe may say. Each field can stand in a recipe or be given as `key=value`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mirctl.data.config import DataConfig
from mirctl.encode.settings import EncoderSettings
from mirctl.section import (
    InputPath,
    JobConfig,
    ModelName,
    Relative,
    Section,
)
from mirctl.sequences.config import WIDEST, EvalConfig, SaveConfig, SequenceTrain, UserConfig

KINDS = ("text", "image", "audio", "video")
TUNED = ("lora", "adapter")
"""Methods in which encoders learn."""
PAIRWISE = "pairwise-iisan"
NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
Folder = Annotated[Path, Relative(hashed=False)]
TAKEN = ("item", "user", "history")


class Modality(EncoderSettings):
    """What is read of each item, and by which frozen model; or vectors that are there already.

    A plain string stands for `{model: ...}`; one that is called text, image, audio or video is
    that.
    """

    model: ModelName | None = Field(
        None, description=EncoderSettings.model_fields["model"].description
    )
    column: str | None = Field(None, description="Column of a text; the title if not given")
    vectors: InputPath | None = Field(
        None,
        description="Instead of a model: .npy (items, width) or (items, layers, width) in the "
        "order of the items, or a table of item ids and lists of numbers",
    )

    @model_validator(mode="after")
    def one_thing_is_read(self) -> Self:
        if (self.model is None) == (self.vectors is None):
            raise ValueError("name either a model or vectors")
        if self.column is not None and (self.vectors is not None or self.modality != "text"):
            raise ValueError("column: texts alone stand in columns")
        return self


class FuseData(DataConfig):
    """Interactions and items, as for any recommender, and what they sound and move like."""

    place: ClassVar[str] = "data"
    audio: Folder | None = Field(
        None, description="Folder of sounds named by item id; without it those of data.video"
    )
    video: Folder | None = Field(None, description="Folder of films named by item id")

    @model_validator(mode="after")
    def sounds_are_of_items(self) -> Self:
        if (self.audio or self.video) and not self.items:
            raise ValueError("audio and video need items: the table that lists them")
        return self


def encoders(modalities: Mapping[str, Modality]) -> dict[str, Modality]:
    """Those that a model reads."""
    return {name: own for name, own in modalities.items() if own.vectors is None}


def _named(name: str, own: Any) -> Any:
    if isinstance(own, str):
        own = {"model": own}
    if isinstance(own, dict) and name in KINDS and "vectors" not in own:
        return {"modality": name, **own}
    return own


def _names_tell_the_kind(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _named(name, own) for name, own in value.items() if own is not None}


def _something_is_read(value: dict[str, Modality]) -> dict[str, Modality]:
    if not value:
        raise ValueError("name at least one")
    for name in value:
        if not NAME.fullmatch(name) or name in TAKEN:
            told = f"is of a-z, 0-9, _ and -, begins with a-z, and is not {', '.join(TAKEN)}"
            raise ValueError(f"{name!r}: a name {told}")
    return value


Modalities = Annotated[
    dict[str, Modality],
    BeforeValidator(_names_tell_the_kind),
    AfterValidator(_something_is_read),
    Field(description="Name -> what is read, one or more; null: without it"),
]


class Fusion(Section):
    """Towers on what frozen models saw, how they meet, and how they become one."""

    dim: int = Field(64, ge=1, le=WIDEST, description="Width of embeddings")
    modality_dropout: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of what items have that a step hides, so that what is missing later "
        "costs less; of each item one modality stays",
    )
    groups: Annotated[int, Field(ge=1, le=10_000)] = Field(
        6, description="Groups of layers; a group keeps its last layer"
    )
    bottleneck: int = Field(
        64, ge=1, le=WIDEST, description="Inner width of an adapter, rank of lora"
    )
    cross: Literal["bus", "paths", "none"] = Field(
        "bus",
        description="crossan: towers hear of each other by one shared space, or by a path each",
    )
    rank: int = Field(16, ge=1, le=WIDEST, description="Width of the bus, or of a path")
    gate: bool = Field(True, description="Learn the gates; without, they stay at equal weights")
    fusion: Literal["momef", "sum", "concat", "attention", "gated"] = "momef"
    shared: int = Field(1, ge=0, le=64, description="momef: experts that read all modalities")
    top: int | None = Field(None, ge=1, le=128, description="momef: the best experts alone; all")
    balance: float = Field(0.01, ge=0, description="momef: weight of the load balance in the loss")
    z: float = Field(0.001, ge=0, description="momef: weight of the router's squared logsumexp")


class FuseModel(Fusion, UserConfig):
    """The recommender: the modalities of an item, how they meet, and who reads a history."""

    modalities: Modalities
    method: Literal["crossan", "pairwise-iisan", "lora", "adapter"] = Field(
        "crossan",
        description="Side towers that hear of each other; or what they are compared with: a tower "
        "for each and each pair, joined by concat; text encoders that learn by lora or adapters",
    )

    @model_validator(mode="before")
    @classmethod
    def pairs_are_joined(cls, value: Any) -> Any:
        pairwise = isinstance(value, dict) and value.get("method") == PAIRWISE
        return {"fusion": "concat", **value} if pairwise else value

    @model_validator(mode="after")
    def methods_fit(self) -> Self:
        if self.method == PAIRWISE and self.fusion != "concat":
            raise ValueError(f"method {PAIRWISE!r} joins its towers by concat: leave out fusion")
        if self.method in TUNED and not self.tuned:
            listed = ", ".join(self.modalities)
            raise ValueError(f"method {self.method!r} tunes text encoders, and {listed} have none")
        return self

    @property
    def encoders(self) -> dict[str, Modality]:
        """The modalities that a model reads."""
        return encoders(self.modalities)

    @property
    def tuned(self) -> dict[str, Modality]:
        """Those whose encoder learns: texts, where the method is one of TUNED."""
        if self.method not in TUNED:
            return {}
        return {name: own for name, own in self.encoders.items() if own.modality == "text"}

    @property
    def cached(self) -> dict[str, Modality]:
        """Those whose encoder stays frozen."""
        return {name: own for name, own in self.encoders.items() if name not in self.tuned}


class FuseConfig(JobConfig):
    """A recipe with `uses: fuse/train`."""

    uses: Literal["fuse/train"]
    data: FuseData
    model: FuseModel
    train: SequenceTrain = SequenceTrain()
    evaluation: EvalConfig = EvalConfig()
    save: SaveConfig = SaveConfig()

    def key(self, name: str) -> str:
        """Where a modality stands in a recipe."""
        return f"model.modalities.{name}"


class Facts(Section):
    """What modalities.json says of one modality."""

    weights: str
    widths: list[Annotated[int, Field(ge=1, le=2**20)]]
    layers: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"

    @model_validator(mode="after")
    def layers_have_widths(self) -> Self:
        if max(self.layers) >= len(self.widths):
            raise ValueError(f"layer {max(self.layers)} is not among {len(self.widths)}")
        return self
