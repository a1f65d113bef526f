"""A catalogue -> what the towers of the modalities read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

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
from mirctl_fuse.config import FuseConfig, FuseData, FuseModel, Modality


@dataclass(frozen=True)
class Raw:
    """What there is of some items, by modality."""

    ids: Sequence[str]
    content: Mapping[str, Sequence[RawItem]]
    """What frozen models read."""
    vectors: Mapping[str, States]

    @classmethod
    def of(cls, config: FuseConfig, items: Items) -> "Raw":
        """A catalogue; what no encoding would mend is refused at once."""
        content = {}
        for name, own in config.model.encoders.items():
            content[name] = _read(items, own, config.data, key(name))
        for name, own in config.model.encoders.items():
            with catalogue.in_recipe(key(name)):
                specs_for(own)
        column = config.data.columns.in_items
        given = {name: own.vectors for name, own in config.model.modalities.items() if own.vectors}
        found = {name: vectors.read(path, items.ids, column) for name, path in given.items()}
        return cls(items.ids, content, found)

    def wanted(self, config: FuseConfig) -> Wanted:
        """What is to be encoded."""
        return Wanted(config.model.cached, self.content, self.ids, key)

    def tuned(self, model: FuseModel) -> dict[str, TextTower]:
        """The towers whose encoders learn: their texts as tokens."""
        found = {}
        for name, own in model.tuned.items():
            with catalogue.in_recipe(key(name)):
                found[name] = TextTower(own, self.content[name], model.method, model.bottleneck)
        return found


def key(name: str) -> str:
    """Where a modality stands in a recipe."""
    return f"model.modalities.{name}"


def _read(items: Items, own: Modality, data: FuseData, where: str) -> Sequence[RawItem]:
    """What a modality reads of each item."""
    if own.modality == "text":
        return items.text(own.column)
    if own.modality == "image":
        return items.images
    films = data.video and by_id(data.video, items.ids, FILMS)
    sounds = data.audio and by_id(data.audio, items.ids, SOUNDS)
    found = {"video": films or items.video, "audio": sounds or films or items.audio}
    if found[own.modality] is None:
        raise UsageError(f"set data.{own.modality}: a folder of files by item id", where=where)
    return found[own.modality]


def inputs_for(
    config: FuseConfig, raw: Raw, device: torch.device, dtype: torch.dtype, meter: Meter,
    saved: Mapping[str, Mapping[str, Any]] | None = None,
) -> CatalogueInputs:  # fmt: skip
    """Encode items and open them; `saved` is what an artifact's model read."""
    model = config.model
    found = catalogue.encode_together(raw.wanted(config), device, dtype, meter)
    states, rule, kept = {**found, **raw.vectors}, "last" if model.tuned else "group", {}
    for name, own in states.items():  # each by itself: towers end together, not begin
        cached = Cached(own.layers, own.widths)
        kept |= keep(rule, min(model.groups, cached.layers), {name: cached})
    towers = {**catalogue.keep_layers(states, kept, dtype), **raw.tuned(model)}
    towers = {name: towers[name] for name in model.modalities}
    made = CatalogueInputs(towers, len(raw.ids), device)
    models = {name: own.model or str(own.vectors) for name, own in model.modalities.items()}
    catalogue.refuse_others(made, saved or {}, models, key)
    return made
