"""A catalogue -> what the towers of its modalities read."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from mirctl.data.items import Items
from mirctl.efficiency import Meter
from mirctl.encode import catalogue
from mirctl.encode.catalogue import Wanted
from mirctl.encode.content import RawItem
from mirctl.encode.layers import Cached, keep
from mirctl.encode.protocol import specs_for
from mirctl.encode.states import States
from mirctl.encode.towers import CatalogueInputs
from mirctl_fuse import vectors
from mirctl_fuse.config import FuseConfig, FuseModel, Modality


def key(name: str) -> str:
    """Where a modality stands in a recipe."""
    return f"model.modalities.{name}"


def raw_items(items: Items, own: Modality) -> Sequence[RawItem]:
    """What a modality reads of each item."""
    return items.images if own.modality == "image" else items.text(own.column)


def wanted(model: FuseModel, items: Items) -> Wanted:
    """What frozen models are to read."""
    raw = {name: raw_items(items, own) for name, own in model.encoders.items()}
    return Wanted(model.encoders, raw, items.ids, key)


def check(config: FuseConfig, items: Items) -> None:
    """Refuse at once what no encoding would mend."""
    for name, own in config.model.encoders.items():
        raw_items(items, own)
        with catalogue.in_recipe(key(name)):
            specs_for(own)
    given(config, items)


def given(config: FuseConfig, items: Items) -> dict[str, States]:
    """The modalities that are vectors."""
    column = config.data.columns.in_items
    return {
        name: vectors.read(own.vectors, items.ids, column)
        for name, own in config.model.modalities.items()
        if own.vectors is not None
    }


def inputs_for(
    config: FuseConfig, items: Items, device: torch.device, dtype: torch.dtype, meter: Meter,
    saved: Mapping[str, Mapping[str, Any]] | None = None,
) -> CatalogueInputs:  # fmt: skip
    """Encode a catalogue and open it; `saved` is what an artifact's model read."""
    check(config, items)
    model = config.model
    found = catalogue.encode_together(wanted(model, items), device, dtype, meter)
    found |= given(config, items)
    states = {name: found[name] for name in model.modalities}
    # What has fewer layers than groups keeps all: towers end together, not begin.
    kept = {}
    for name, own in states.items():
        cached = Cached(own.layers, own.widths)
        kept |= keep("group", min(model.groups, cached.layers), {name: cached})
    towers = catalogue.keep_layers(states, kept, dtype)
    made = CatalogueInputs(towers, len(items.ids), device)
    models = {name: own.model or str(own.vectors) for name, own in model.modalities.items()}
    catalogue.refuse_others(made, saved or {}, models, key)
    return made
