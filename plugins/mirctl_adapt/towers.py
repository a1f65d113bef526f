"""Raw items -> cached hidden states of every tower a recipe names."""

from collections.abc import Mapping
from typing import Any

import torch

from mirctl import console, hub
from mirctl.data.catalogue import Items
from mirctl.efficiency import Meter
from mirctl.encode.states import States, encode_items
from mirctl.errors import ArtifactError
from mirctl_adapt import layers
from mirctl_adapt.config import ModelConfig
from mirctl_adapt.inputs import CatalogueInputs, Tower


def encode(
    config: ModelConfig,
    items: Items,
    device: torch.device,
    dtype: torch.dtype,
    meter: Meter,
    shard: tuple[int, int] | None = None,
) -> dict[str, States]:
    """Encode what is not cached yet, tower by tower, and tell what an item may lack.

    `shard` (index, count), index from 0, encodes only every count-th item.
    """
    states = {}
    for name, settings in config.encoders.items():
        raw = items.images if name == "image" else items.text(text_column(config, name))
        with meter.phase(f"encode {name}") as phase:
            states[name] = encode_items(settings, raw, device=device, dtype=dtype, shard=shard)
            phase.items = states[name].calls
        _tell(name, states[name], len(items.ids))
    return states


def text_column(config: ModelConfig, name: str) -> str | None:
    """The items' column that a text tower reads; None is the title."""
    return None if name == "text" else name


def _tell(name: str, states: States, items: int) -> None:
    here = int(states.present().sum())
    lacking = ", ".join(f"{count} {reason}" for reason, count in states.absent.items())
    console.say(
        f"{name}: {here} of {items} items have states ({states.calls} encoded now, the rest cached)"
        + (f"; a learned state stands in for the others: {lacking}" if lacking else "")
    )


def keep_layers(config: ModelConfig, states: Mapping[str, States]) -> dict[str, Tower]:
    """Each tower with the layers that the recipe keeps, and the digest of its weights."""
    cached = {name: layers.Cached(found.layers, found.widths) for name, found in states.items()}
    chosen = layers.choose(config, cached)
    return {
        name: Tower(states[name], tuple(kept), hub.resolve(config.encoders[name].model).sha256)
        for name, kept in chosen.items()
    }


def inputs_for(
    config: ModelConfig,
    items: Items,
    device: torch.device,
    dtype: torch.dtype,
    meter: Meter,
    saved: Mapping[str, Mapping[str, Any]] | None = None,
) -> CatalogueInputs:
    """Encode a catalogue and open it for the model.

    `saved` are the towers of an artifact: other weights or layers than those raise ArtifactError.
    """
    towers = keep_layers(config, encode(config, items, device, dtype, meter))
    inputs = CatalogueInputs(towers, len(items.ids), device)
    for name, facts in (saved or {}).items():
        if inputs.facts()[name] != facts:
            raise ArtifactError(
                f"tower {name!r} was trained on other weights or layers than "
                f"{config.encoders[name].model} gives now",
                where=f"model.{name}",
            )
    return inputs
