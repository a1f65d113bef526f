"""A catalogue -> what the towers of the modalities read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch

from mirctl.data.config import Columns
from mirctl.data.images import FILMS, SOUNDS, by_id
from mirctl.data.items import Items
from mirctl.efficiency import Meter
from mirctl.encode import catalogue
from mirctl.encode.catalogue import Wanted
from mirctl.encode.content import RawItem
from mirctl.encode.layers import Cached, keep
from mirctl.encode.protocol import specs_for
from mirctl.encode.states import States
from mirctl.encode.towers import CatalogueInputs
from mirctl.encode.tuning import TextTower
from mirctl.errors import UsageError
from mirctl_fuse import vectors
from mirctl_fuse.config import Modality


class Model(Protocol):
    """The modalities that are read, how many layers of each, and whose encoders learn."""

    modalities: Mapping[str, Modality]
    groups: int
    method: str
    bottleneck: int

    @property
    def encoders(self) -> Mapping[str, Modality]: ...
    @property
    def tuned(self) -> Mapping[str, Modality]: ...
    @property
    def cached(self) -> Mapping[str, Modality]: ...


class Data(Protocol):
    """Where files of the items lie, and what the columns are called."""

    place: ClassVar[str]
    """Its own, in a recipe."""
    audio: Path | None
    video: Path | None

    @property
    def columns(self) -> Columns: ...


class Reads(Protocol):
    """What a recipe says of a table of things, and of what is read of them."""

    model: Model
    data: Data

    def key(self, name: str) -> str: ...


@dataclass(frozen=True)
class Raw:
    """What there is of some items, by modality."""

    ids: Sequence[str]
    content: Mapping[str, Sequence[RawItem]]
    """What frozen models read."""
    vectors: Mapping[str, States]

    @classmethod
    def of(cls, config: Reads, items: Items) -> "Raw":
        """A catalogue; what no encoding would mend is refused at once."""
        content = {}
        for name, own in config.model.encoders.items():
            content[name] = _read(items, own, config.data, config.key(name))
        for name, own in config.model.encoders.items():
            with catalogue.in_recipe(config.key(name)):
                specs_for(own)
        column = config.data.columns.in_items
        given = {name: own.vectors for name, own in config.model.modalities.items() if own.vectors}
        found = {name: vectors.read(path, items.ids, column) for name, path in given.items()}
        return cls(items.ids, content, found)

    def wanted(self, config: Reads) -> Wanted:
        """What is to be encoded."""
        return Wanted(config.model.cached, self.content, self.ids, config.key)

    def tuned(self, config: Reads) -> dict[str, TextTower]:
        """The towers whose encoders learn: their texts as tokens."""
        found, model = {}, config.model
        for name, own in model.tuned.items():
            with catalogue.in_recipe(config.key(name)):
                found[name] = TextTower(own, self.content[name], model.method, model.bottleneck)
        return found


def _read(items: Items, own: Modality, data: Data, where: str) -> Sequence[RawItem]:
    """What a modality reads of each item."""
    if own.modality == "text":
        return items.text(own.column)
    if own.modality == "image":
        return items.images
    films = data.video and by_id(data.video, items.ids, FILMS)
    sounds = data.audio and by_id(data.audio, items.ids, SOUNDS)
    found = {"video": films or items.video, "audio": sounds or films or items.audio}
    if found[own.modality] is None:
        raise UsageError(
            f"set {data.place}.{own.modality}: a folder of files by item id", where=where
        )
    return found[own.modality]


def precision(model: Model, facts: Mapping[str, Mapping[str, Any]]) -> str:
    """In which the frozen encoders of a saved model computed."""
    frozen = (own for name, own in facts.items() if name not in model.tuned)
    return next(frozen, {"precision": "fp32"})["precision"]


def inputs_for(
    config: Reads, raw: Raw, device: torch.device, dtype: torch.dtype, meter: Meter,
    saved: Mapping[str, Mapping[str, Any]] | None = None,
) -> CatalogueInputs:  # fmt: skip
    """Encode items and open them; `saved` is what an artifact's model read."""
    model = config.model
    found = catalogue.encode_together(raw.wanted(config), device, dtype, meter)
    states, rule, kept = {**found, **raw.vectors}, "last" if model.tuned else "group", {}
    for name, own in states.items():  # each by itself: towers end together, not begin
        cached = Cached(own.layers, own.widths)
        kept |= keep(rule, min(model.groups, cached.layers), {name: cached})
    towers = {**catalogue.keep_layers(states, kept, dtype), **raw.tuned(config)}
    towers = {name: towers[name] for name in model.modalities}
    made = CatalogueInputs(towers, len(raw.ids), device)
    models = {name: own.model or str(own.vectors) for name, own in model.modalities.items()}
    catalogue.refuse_others(made, saved or {}, models, config.key)
    return made
