"""Columns with what was measured while people read the answers of a pair."""

import math

import numpy as np

from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.words import Text
from mirctl_align.dialogue import Dialogue
from mirctl_align.pairs.rows import Row, shown

CHOSEN, REJECTED = "chosen_gaze", "rejected_gaze"


class GazeColumns:
    """Reads them of each row; all rows must have the same measures."""

    def __init__(self) -> None:
        self.measures: tuple[str, ...] = ()
        """As the first row names them."""

    def __call__(
        self, row: Row, chosen: Dialogue, rejected: Dialogue, where: str
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """(words, measures) float32 of the last message of each; None where a row has none."""
        given = [row.get(CHOSEN), row.get(REJECTED)]
        if given == [None, None]:
            return None
        if None in given:
            lacks = CHOSEN if given[0] is None else REJECTED
            raise DataError(f"has no {lacks}, where the other answer has gaze", where=where)
        better = self._read(given[0], CHOSEN, chosen, where)
        return better, self._read(given[1], REJECTED, rejected, where)

    def refuse(self, row: Row, where: str) -> None:
        """Raise a DataError where a row has gaze: of which of its several answers is not told."""
        for name in (CHOSEN, REJECTED):
            if row.get(name) is not None:
                told = f"has {name}, and several answers: give each two answers a row of their own"
                raise DataError(told, where=where)

    def _read(self, value: object, name: str, dialogue: Dialogue, where: str) -> np.ndarray:
        if isinstance(value, list):
            value = dict(zip(map(str, range(1, len(value) + 1)), value, strict=True))
        if not isinstance(value, dict) or not value:
            told = f"{name} is {shown(value)}: it must be an object of measures with their lists"
            raise DataError(told, where=where)
        self.measures = self.measures or tuple(value)
        if set(value) != set(self.measures):
            told = f"{name} has {', '.join(value)}, and others have {', '.join(self.measures)}"
            raise DataError(f"{told}: give the same measures in all rows", where=where)
        words = len(Text.of(dialogue[-1].content))
        lists = [_numbers(value[key], f"{name}: {key}", words, where) for key in self.measures]
        return np.stack(lists, axis=1)


def _numbers(value: object, name: str, words: int, where: str) -> np.ndarray:
    """(words,) float32; nothing is NaN."""
    if not isinstance(value, list):
        raise DataError(f"{name} is {shown(value)}: it must be a list of numbers", where=where)
    if len(value) != words:
        has = f"{name} has {counted(len(value), 'number')}, and the answer {counted(words, 'word')}"
        raise DataError(f"{has}: words stand between blanks, with their punctuation", where=where)
    for one in value:
        is_number = isinstance(one, int | float) and not isinstance(one, bool)
        if one is not None and not ((is_number and abs(one) <= 1e30) or _is_nan(one)):
            raise DataError(f"{name} has {shown(one)}: it must hold finite numbers", where=where)
    return np.array([math.nan if one is None else one for one in value], np.float32)


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
