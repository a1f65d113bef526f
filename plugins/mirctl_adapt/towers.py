"""Raw items -> cached hidden states of every tower a recipe names."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from mirctl import console, distributed
from mirctl import device as devices
from mirctl.data.catalogue import Items
from mirctl.efficiency import Meter
from mirctl.encode import EncoderSettings, choose, content
from mirctl.encode.content import RawItem
from mirctl.encode.protocol import specs_for
from mirctl.encode.states import OTHER_SHARD, States, encode_with
from mirctl.errors import ArtifactError, DataError, UsageError
from mirctl_adapt import layers
from mirctl_adapt.config import ModelConfig
from mirctl_adapt.inputs import CatalogueInputs, Tower
from mirctl_adapt.tuning import TextTower

NORMAL = ("no text", "no image", OTHER_SHARD)
"""Reasons for having no states that are nobody's mistake."""
EXAMPLES = 3


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
    choices = {}
    for name, settings in config.cached.items():
        with _in_recipe(name):
            choices[name] = choose(settings, dtype)
    states = {}
    for name, choice in choices.items():
        raw = raw_items(items, name)
        with meter.phase(f"encode {name}") as phase, _in_recipe(name):
            states[name] = encode_with(choice, raw, device=device, shard=shard)
            phase.items, phase.shared = states[name].calls, shard is not None
        _tell(name, states[name], items.ids)
    return states


@contextmanager
def _in_recipe(name: str) -> Iterator[None]:
    """Tell what is wrong with an encoder's settings by their place in the recipe."""
    try:
        yield
    except UsageError as error:
        if error.where not in EncoderSettings.model_fields:
            raise
        raise UsageError(error.message, where=f"{_key(name)}.{error.where}") from error


def _key(name: str) -> str:
    """Where a tower's encoder stands in a recipe."""
    return f"model.{name}" if name in ("text", "image") else f"model.columns.{name}"


def check(config: ModelConfig, items: Items) -> None:
    """Refuse at once what no encoding would mend: columns, encoders, towers that are not there."""
    for name, settings in config.encoders.items():
        raw_items(items, name)
        with _in_recipe(name):
            specs_for(settings)
    layers.check_groups(config)


def raw_items(items: Items, name: str) -> Sequence[RawItem]:
    """What a tower reads of each item: its picture, its title, or the column of that name."""
    return items.images if name == "image" else items.text(None if name == "text" else name)


def input_name(name: str) -> str:
    """What an artifact calls the contents of all items that a tower read."""
    return f"{name} of the items"


def contents(config: ModelConfig, items: Items) -> dict[str, str]:
    """Input name -> sha256 of what each tower would read now."""
    return {
        input_name(name): content.read(raw_items(items, name), settings.modality).digest
        for name, settings in config.encoders.items()
    }


def _tell(name: str, states: States, ids: Sequence[str]) -> None:
    here = int(states.present().sum())
    lacking = ", ".join(
        f"{len(items)} {reason}{_such_as(reason, items, ids)}"
        for reason, items in states.absent.items()
    )
    console.say(
        f"{name}: {here} of {len(ids)} items have states ({', '.join(_origin(states))})"
        + (f"; a learned state stands in for the others: {lacking}" if lacking else "")
    )


def _origin(states: States) -> Iterator[str]:
    """Where the states of the items come from, in figures."""
    yield f"{states.calls} encoded now"
    if cached := states.distinct - states.calls:
        yield f"{cached} cached"
    if equal := int(states.present().sum()) - states.distinct:
        yield f"{equal} equal to another"


def _such_as(reason: str, items: Sequence[int], ids: Sequence[str]) -> str:
    """Some items by name where their owner may want to mend something."""
    if reason in NORMAL:
        return ""
    more = ", ..." if len(items) > EXAMPLES else ""
    return f" ({', '.join(ids[n] for n in items[:EXAMPLES])}{more})"


def refuse_empty(inputs: CatalogueInputs) -> None:
    """Raise a DataError for a tower that no item of a training catalogue has states for."""
    for name, tower in inputs.towers.items():
        if not tower.present.any():
            raise DataError(
                f"no item has any {name} that can be read: mend the data or leave out {_key(name)}",
                where=_key(name),
            )


def keep_layers(
    config: ModelConfig, states: Mapping[str, States], dtype: torch.dtype
) -> dict[str, Tower]:
    """Each tower with the layers that the recipe keeps, and what made its states."""
    cached = {name: layers.Cached(found.layers, found.widths) for name, found in states.items()}
    chosen = layers.choose(config, cached)
    return {
        name: Tower(states[name], tuple(kept), states[name].weights, devices.NAMES[dtype])
        for name, kept in chosen.items()
    }


def _tuned(config: ModelConfig, items: Items, name: str) -> TextTower:
    """A tower whose encoder learns: its texts as tokens."""
    with _in_recipe(name):
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
    for shard in distributed.shares():  # by and by, each process finds the others' states
        with console.aside():
            encode(config, items, device, dtype, meter, shard)
        distributed.wait()
    kept = keep_layers(config, encode(config, items, device, dtype, meter), dtype)
    towers = {name: kept.get(name) or _tuned(config, items, name) for name in config.encoders}
    inputs = CatalogueInputs(towers, len(items.ids), device)
    for name, facts in (saved or {}).items():
        now = inputs.facts()[name]
        if any(now[key] != facts.get(key) for key in ("weights", "widths", "layers")):
            raise ArtifactError(
                f"tower {name!r} was trained on other weights or layers than "
                f"{config.encoders[name].model} gives now",
                where=f"model.{name}",
            )
    return inputs
