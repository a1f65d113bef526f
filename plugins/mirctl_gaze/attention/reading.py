"""Measures of words, the mean over readers, and the texts that the words stand in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mirctl.errors import DataError, suggest
from mirctl.tables import Stream, require_columns
from mirctl.words import Text
from mirctl_gaze import measured
from mirctl_gaze.rows import ROWS, Unusable, in_order, trials


@dataclass(frozen=True)
class Read:
    """How the words of one text were read."""

    trial: str
    text: Text
    values: np.ndarray
    """(words, measures), NaN where nobody has one."""


@dataclass(frozen=True)
class Reading:
    """All that was read."""

    texts: list[Read]
    measures: tuple[str, ...]
    unusable: Unusable
    left_out: dict[str, str]
    """Trials that cannot be used, and why."""
    kind: str
    """Format of the table."""


def read(gaze: Stream, texts: Texts | None = None) -> Reading:
    """Measures of each trial's words, in the words' own order or where `texts` has them."""
    found = measured.read(gaze)
    placed, left_out = [], {}
    for of in found.texts:
        text = Text.joined(of.words) if texts is None else texts.holding(of.trial, of.words)
        if isinstance(text, str):
            left_out[of.trial] = text
        else:
            placed.append(Read(of.trial, text, of.values))
    if not placed:
        reason = next(iter(left_out.values()), "it has no rows")
        raise DataError(f"has no trial that can be used: {reason}", where=gaze.name)
    return Reading(placed, found.measures, found.unusable, left_out, gaze.kind)


@dataclass(frozen=True)
class Texts:
    """Texts as a model should read them; a table without a column `trial` holds for every one."""

    table: str
    texts: dict[str, str]
    by_trial: bool

    @classmethod
    def read(cls, stream: Stream) -> Texts:
        """A row a text, or a row a word: the rows of a trial are joined by a blank."""
        require_columns(["text"], stream.columns, stream.name)
        found = {}
        for trial in trials(stream.blocks(ROWS), stream, [], ["word"], ["text"], ["trial"]):
            words = in_order(trial, ["word"], stream.name).texts["text"]
            found[trial.trial] = " ".join(words)
        return cls(stream.name, found, "trial" in stream.columns)

    def holding(self, trial: str, words: Sequence[str]) -> Text | str:
        """The text of a trial with the places of these words, or why there is none."""
        text = self.texts.get(trial if self.by_trial else "")
        if text is None:
            return f"{self.table} has no trial {trial!r}{suggest(trial, self.texts)}"
        found = located(words, text)
        if isinstance(found, int):
            return f"{self.table}: its word {words[found]!r} does not follow in the text"
        return found


def located(words: Sequence[str], text: str) -> Text | int:
    """Where words stand in a text one after another, blanks aside; the last time, if they do more
    than once. Else the place of the first word that does not follow the ones before it."""
    letters = np.array([place for place, c in enumerate(text) if not c.isspace()], np.int64)
    bare = "".join(text.split())
    sought = ["".join(word.split()) for word in words]
    start = bare.rfind("".join(sought))
    if start < 0:
        fit = bisect_left(
            range(1, len(words) + 1), True, key=lambda count: "".join(sought[:count]) not in bare
        )
        return int(fit)
    ends = start + np.cumsum([len(word) for word in sought])
    starts = ends - [len(word) for word in sought]
    return Text(text, np.stack([letters[starts], letters[ends - 1] + 1], 1))
