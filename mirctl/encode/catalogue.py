"""A catalogue's raw items -> cached hidden states, tower by tower, and what of them is kept."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from mirctl import console, distributed
from mirctl import device as devices
from mirctl.efficiency import Meter
from mirctl.encode import content
from mirctl.encode.content import RawItem
from mirctl.encode.protocol import choose
from mirctl.encode.settings import EncoderSettings
from mirctl.encode.states import OTHER_SHARD, States, encode_with
from mirctl.encode.towers import CatalogueInputs, Tower
from mirctl.errors import ArtifactError, DataError, UsageError

NORMAL = ("no text", "no image", "no audio", "no video", OTHER_SHARD)
"""Reasons for having no states that are nobody's mistake."""
EXAMPLES = 3


@dataclass(frozen=True)
class Wanted:
    """What is to be encoded of a catalogue, by tower."""

    settings: Mapping[str, EncoderSettings]
    raw: Mapping[str, Sequence[RawItem]]
    """What each tower reads of each item."""
    ids: Sequence[str]
    """Of the items, for what is told of them."""
    key: Callable[[str], str]
    """Where a tower's encoder stands in the recipe."""


def encode(
    wanted: Wanted,
    device: torch.device,
    dtype: torch.dtype,
    meter: Meter,
    shard: tuple[int, int] | None = None,
) -> dict[str, States]:
    """Encode what is not cached yet, tower by tower, and tell what an item may lack.

    `shard` (index, count), index from 0, encodes only every count-th item.
    """
    choices = {}
    for name, settings in wanted.settings.items():
        with in_recipe(wanted.key(name)):
            choices[name] = choose(settings, dtype)
    states = {}
    for name, choice in choices.items():
        with meter.phase(f"encode {name}") as phase, in_recipe(wanted.key(name)):
            states[name] = encode_with(choice, wanted.raw[name], device=device, shard=shard)
            phase.items, phase.shared = states[name].calls, shard is not None
        _tell(name, states[name], wanted.ids)
    return states


def encode_together(
    wanted: Wanted, device: torch.device, dtype: torch.dtype, meter: Meter
) -> dict[str, States]:
    """As `encode`, and of several processes each encodes its part."""
    for shard in distributed.shares():  # by and by, each process finds the others' states
        with console.aside():
            encode(wanted, device, dtype, meter, shard)
        distributed.wait()
    return encode(wanted, device, dtype, meter)


@contextmanager
def in_recipe(key: str) -> Iterator[None]:
    """Tell what is wrong with an encoder's settings by their place in the recipe."""
    try:
        yield
    except UsageError as error:
        if error.where not in EncoderSettings.model_fields:
            raise
        raise UsageError(error.message, where=f"{key}.{error.where}") from error


def input_name(name: str) -> str:
    """What an artifact calls the contents of all items that a tower read."""
    return f"{name} of the items"


def contents(wanted: Wanted) -> dict[str, str]:
    """Input name -> sha256 of what each tower would read now."""
    return {
        input_name(name): content.read(wanted.raw[name], settings.modality).digest
        for name, settings in wanted.settings.items()
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


def refuse_empty(inputs: CatalogueInputs, key: Callable[[str], str]) -> None:
    """Raise a DataError for a tower that no item of a training catalogue has states for."""
    for name, tower in inputs.towers.items():
        if not tower.present.any():
            place = key(name)
            told = f"no item has any {name} that can be read: mend the data or leave out {place}"
            raise DataError(told, where=place)


def refuse_others(
    inputs: CatalogueInputs, saved: Mapping[str, Mapping[str, Any]], models: Mapping[str, str],
    key: Callable[[str], str],
) -> None:  # fmt: skip
    """Raise an ArtifactError for a tower that is not what an artifact `saved` of it.

    `models` are the names of the towers' encoders.
    """
    now = inputs.facts()
    for name, facts in saved.items():
        if any(now[name][key] != facts.get(key) for key in ("weights", "widths", "layers")):
            raise ArtifactError(
                f"tower {name!r} was trained on other weights or layers than "
                f"{models[name]} gives now",
                where=key(name),
            )


def keep_layers(
    states: Mapping[str, States], kept: Mapping[str, Sequence[int]], dtype: torch.dtype
) -> dict[str, Tower]:
    """Each tower with its kept layers, and what made its states."""
    return {
        name: Tower(states[name], tuple(layers), states[name].weights, devices.NAMES[dtype])
        for name, layers in kept.items()
    }
