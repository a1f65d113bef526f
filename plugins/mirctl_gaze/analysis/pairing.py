"""Which chosen text goes with which rejected one, and who has read both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl_gaze.analysis.reading import Readings
from mirctl_gaze.means import mean

CHOSEN = "1"
"""What stands after the last dot of a chosen text's name, where one table has both kinds."""
SHOWN = 5
FEW = 6
"""From so many readers, or pairs, on bootstrap intervals hold the truth as often as they say."""
Key = Callable[[str], str]


def stem(trial: str) -> str:
    """What stands before the last dot: 12 of 12.3."""
    return trial.rpartition(".")[0] or trial


def same(trial: str) -> str:
    """The whole name."""
    return trial


def rule(chosen: Collection[str], rejected: Collection[str]) -> Key:
    """Equal names make a pair; where no two are, names that are equal up to the last dot."""
    return stem if set(chosen).isdisjoint(rejected) else same


def split(readings: Readings) -> tuple[Readings, Readings]:
    """The chosen and the rejected texts of a table that has both: T.1, and all others."""
    chosen, rejected = {}, {}
    for trial, readers in readings.items():
        (chosen if trial.rpartition(".")[2] == CHOSEN else rejected)[trial] = readers
    return chosen, rejected


@dataclass(frozen=True)
class Pairs:
    """Texts of which somebody has read both kinds."""

    names: list[str]
    readers: list[str]
    chosen: np.ndarray
    """(readers, pairs, measures); NaN where a reader has not read both, or has no value."""
    rejected: np.ndarray
    unpaired: dict[str, list[str]]
    """Kind -> trials that are left out: the other kind is missing."""
    half_read: int
    """Readings that are left out: their reader has not read the other kind of the pair."""

    def facts(self) -> dict[str, Any]:
        """For a document."""
        return {
            "pairs": len(self.names), "readers": len(self.readers) if self.by_reader else None,
            "unpaired": self.unpaired, "half_read": self.half_read,
        }  # fmt: skip

    @property
    def by_reader(self) -> bool:
        """Are there readers, or only their means?"""
        return self.readers != [""]

    def tell(self, tables: Mapping[str, str]) -> None:
        """Say what was left out, and of what there is too little."""
        for kind, trials in self.unpaired.items():
            if trials:
                told = f"{counted(len(trials), f'{kind} trial')} without the other kind"
                console.warn(f"{tables[kind]}: {told}, left out: {first_of(trials)}")
        if self.half_read:
            told = f"{counted(self.half_read, 'reading')} of one kind by a reader who has not read"
            console.warn(f"{told} the other, left out")
        drawn, what = len(self.names), "pair"
        if len(self.readers) > 1:
            drawn, what = len(self.readers), "reader"
        if 1 < drawn < FEW:
            console.warn(f"intervals over {counted(drawn, what)} are too narrow")


def first_of(names: Sequence[str]) -> str:
    """Some names, for people."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def pair(chosen: Readings, rejected: Readings, key: Key) -> Pairs:
    """Pairs of equal keys; several texts of one kind and key count by their mean."""
    a, b = _by_key(chosen, key), _by_key(rejected, key)
    names = [name for name in a if name in b and not a[name].keys().isdisjoint(b[name])]
    both = {name: [reader for reader in a[name] if reader in b[name]] for name in names}
    readers = list(dict.fromkeys(reader for name in names for reader in both[name]))
    measures = next((len(v) for readers in chosen.values() for v in readers.values()), 0)
    sides = np.full((2, len(readers), len(names), measures), np.nan)
    places = {reader: place for place, reader in enumerate(readers)}
    for column, name in enumerate(names):
        for reader in both[name]:
            sides[0, places[reader], column] = a[name][reader]
            sides[1, places[reader], column] = b[name][reader]
    sides[:, np.isnan(sides).any(axis=0)] = np.nan
    unpaired = {
        "chosen": [trial for trial in chosen if key(trial) not in both],
        "rejected": [trial for trial in rejected if key(trial) not in both],
    }
    half_read = sum(len(side[name].keys() - set(both[name])) for name in names for side in (a, b))
    return Pairs(names, readers, *sides, unpaired, half_read)


def _by_key(readings: Readings, key: Key) -> Readings:
    found: dict[str, dict[str, list[np.ndarray]]] = {}
    for trial, readers in readings.items():
        for reader, values in readers.items():
            found.setdefault(key(trial), {}).setdefault(reader, []).append(values)
    return {
        name: {reader: mean(np.stack(several), axis=0) for reader, several in readers.items()}
        for name, readers in found.items()
    }


def refuse_too_few(pairs: Pairs, chosen: Readings, rejected: Readings, table: str) -> None:
    """Raise a DataError where there is nothing to be compared."""
    if len(pairs.names) > 1:
        return
    if pairs.names:
        raise DataError(f"{pairs.names[0]} is the only pair: two are needed at least", where=table)
    kinds = {"chosen": chosen, "rejected": rejected}
    if empty := [kind for kind, readings in kinds.items() if not readings]:
        raise DataError(
            f"there is no {empty[0]} trial: where one table has both kinds, the chosen ones end in "
            f".{CHOSEN}, the rejected ones in .2, .3, ...; else use --chosen and --rejected",
            where=table,
        )
    if {stem(t) for t in chosen} & {stem(t) for t in rejected}:
        raise DataError(
            "no reader has read both kinds of any pair: compare means over readers, as "
            "`gaze measures --mean` makes them",
            where=table,
        )
    first, other = next(iter(chosen)), next(iter(rejected))
    raise DataError(
        f"no trials make a pair (the first chosen one is {first!r}, the first rejected one "
        f"{other!r}): their names must be equal, or equal up to the last dot, as 12.1 and 12.2",
        where=table,
    )
