"""Preference data of several layouts as pairs of dialogues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl_align.config import PairsConfig
from mirctl_align.dialogue import Pair
from mirctl_align.pairs import columns, helpsteer, oasst
from mirctl_align.pairs.gaze import GazeColumns
from mirctl_align.pairs.rows import Row, rows
from mirctl_align.pairs.single import read_dialogue

__all__ = ["Pairs", "read", "read_dialogue"]


@dataclass(frozen=True)
class Pairs:
    """What can be learned from, and how much cannot."""

    pairs: list[Pair]
    dropped: Counter[str]
    """Why something makes no pair -> how often."""
    measures: tuple[str, ...] = ()
    """Of the pairs' own gaze."""
    name: str = ""
    """What messages call them."""

    def of(self, numbers: Iterable[int]) -> Pairs:
        """Some of the pairs."""
        return replace(self, pairs=[self.pairs[n] for n in numbers])

    def called(self, name: str) -> Pairs:
        return replace(self, name=name)

    def tell(self) -> None:
        """Say what was read, and what was not."""
        console.say(f"{self.name}: {counted(len(self.pairs), 'pair')}")
        for reason, count in self.dropped.most_common():
            console.say(f"{self.name}: {count:,} dropped: {reason}")


def read(path: Path | str, config: PairsConfig) -> Pairs:
    """All pairs of a file, or of stdin for `-`."""
    given = rows(path)
    first = next(given, None)
    name = "stdin" if str(path) == "-" else str(path)
    if first is None:
        raise DataError("has no rows", where=name)
    layout = _layout(first, config) if config.layout == "auto" else config.layout
    pairs, dropped, gaze = [], Counter(), GazeColumns()
    read_pairs = {
        "pairs": partial(columns.pairs, gaze=gaze),
        "oasst": oasst.pairs,
        "helpsteer": helpsteer.pairs,
    }
    for found in read_pairs[layout](chain([first], given), config):
        ties = layout != "pairs" and config.ties == "drop"
        reason = found if isinstance(found, str) else _useless(found, ties)
        if reason:
            dropped[reason] += 1
        else:
            pairs.append(found)
    if not pairs:
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in dropped.most_common())
        raise DataError(f"no pair is left ({reasons})", where=name)
    name = "stdin" if str(path) == "-" else Path(path).name
    return Pairs(pairs, dropped, gaze.measures, name)


def _useless(pair: Pair, ties: bool) -> str:
    """Why nothing can be learned from a pair; '' if something can."""
    if pair.chosen == pair.rejected:
        return "chosen and rejected are the same"
    if not (pair.chosen[-1].content.strip() and pair.rejected[-1].content.strip()):
        return "an answer is blank"
    return "a tie" if ties and pair.tie else ""


def _layout(first: tuple[str, Row], config: PairsConfig) -> str:
    """What the first row looks like."""
    where, row = first
    names = config.columns
    wanted = {
        "pairs": {names.chosen, names.rejected},
        "oasst": {"message_id", "role", "text"},
        "helpsteer": {names.prompt, helpsteer.RESPONSE, config.score},
    }
    for layout, keys in wanted.items():
        if keys <= row.keys():
            return layout
    if isinstance(row.get("prompt"), dict):
        return "oasst"
    listed = "; ".join(f"{layout}: {', '.join(sorted(keys))}" for layout, keys in wanted.items())
    told = f"has {', '.join(row)}, which is no known layout ({listed})"
    raise DataError(f"{told}: set layout, or the names under columns", where=where)
