"""Raw items -> cached hidden states of every tower a recipe names."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from mirctl.data.catalogue import Items
from mirctl.efficiency import Meter
from mirctl.encode import catalogue
from mirctl.encode.catalogue import Wanted
from mirctl.encode.content import RawItem
from mirctl.encode.layers import Cached, check_groups
from mirctl.encode.protocol import specs_for
from mirctl.encode.settings import EncoderSettings
from mirctl.encode.states import States
from mirctl.encode.towers import CatalogueInputs
from mirctl.encode.tuning import TextTower
from mirctl_adapt import layers
from mirctl_adapt.config import ModelConfig


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
    check(config, items)
    return catalogue.encode(_wanted(config.cached, items), device, dtype, meter, shard)


def _wanted(encoders: Mapping[str, EncoderSettings], items: Items) -> Wanted:
    return Wanted(encoders, {name: raw_items(items, name) for name in encoders}, items.ids, key)


def key(name: str) -> str:
    """Where a tower's encoder stands in a recipe."""
    return f"model.{name}" if name in ("text", "image") else f"model.columns.{name}"


def check(config: ModelConfig, items: Items) -> None:
    """Refuse at once what no encoding would mend: columns, encoders, towers that are not there."""
    for name, settings in config.encoders.items():
        raw_items(items, name)
        with catalogue.in_recipe(key(name)):
            specs_for(settings)
    check_groups(config.groups, config.encoders)


def raw_items(items: Items, name: str) -> Sequence[RawItem]:
    """What a tower reads of each item: its picture, its title, or the column of that name."""
    return items.images if name == "image" else items.text(None if name == "text" else name)


def contents(config: ModelConfig, items: Items) -> dict[str, str]:
    """Input name -> sha256 of what each tower would read now."""
    return catalogue.contents(_wanted(config.encoders, items))


def _tuned(config: ModelConfig, items: Items, name: str) -> TextTower:
    """A tower whose encoder learns: its texts as tokens."""
    with catalogue.in_recipe(key(name)):
        settings, texts = config.tuned[name], raw_items(items, name)
        return TextTower(settings, texts, config.method, config.bottleneck)


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
    check(config, items)
    states = catalogue.encode_together(_wanted(config.cached, items), device, dtype, meter)
    cached = {name: Cached(found.layers, found.widths) for name, found in states.items()}
    kept = catalogue.keep_layers(states, layers.choose(config, cached), dtype)
    towers = {name: kept.get(name) or _tuned(config, items, name) for name in config.encoders}
    inputs = CatalogueInputs(towers, len(items.ids), device)
    models = {name: settings.model for name, settings in config.encoders.items()}
    catalogue.refuse_others(inputs, saved or {}, models, key)
    return inputs
