"""Measures of words, the mean over readers, and the texts that the words stand in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mirctl.errors import DataError, suggest
from mirctl.tables import Stream, at_row, require_columns
from mirctl.words.text import Text
from mirctl_gaze.rows import ROWS, Trial, Unusable, in_order, trials
from mirctl_gaze.schema import MEASURED


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
    measures: list[str]
    unusable: Unusable
    left_out: dict[str, str]
    """Trials that cannot be used, and why."""


def read(gaze: Stream, texts: Texts | None = None) -> Reading:
    """Measures of each trial's words, in the words' own order or where `texts` has them."""
    measures = [name for name in MEASURED if name in gaze.columns]
    if not measures:
        names = ", ".join(MEASURED)
        raise DataError(f"has no reading measure: one of {names} is wanted", where=gaze.name)
    require_columns(["text"], gaze.columns, gaze.name)
    unusable = Unusable(gaze.name)
    parts: dict[str, list[Trial]] = {}
    for trial in trials(gaze.blocks(ROWS), gaze, ["word"], measures, ["text"]):
        usable = in_order(_usable(trial, unusable), ["word"], gaze.name)
        _refuse_twice(usable, gaze.name)
        parts.setdefault(trial.trial, []).append(usable)
    found, left_out = [], {}
    for name, readers in parts.items():
        words, values = _mean(readers, measures, gaze.name)
        text = Text.joined(words) if texts is None else texts.holding(name, words)
        if isinstance(text, str):
            left_out[name] = text
        else:
            found.append(Read(name, text, values))
    if not found:
        reason = next(iter(left_out.values()), "it has no rows")
        raise DataError(f"has no trial that can be used: {reason}", where=gaze.name)
    return Reading(found, measures, unusable, left_out)


def _usable(trial: Trial, unusable: Unusable) -> Trial:
    broken = np.isnan(trial["word"]) | (trial["word"] % 1 != 0)
    empty = np.array([not word.strip() for word in trial.texts["text"]], bool)
    unusable.add(broken, trial.rows, "word is no whole number")
    unusable.add(empty & ~broken, trial.rows, "no text")
    return trial.keep(~broken & ~empty)


def _refuse_twice(trial: Trial, table: str) -> None:
    twice = np.flatnonzero(np.diff(trial["word"]) == 0)
    if len(twice):
        raise DataError(
            f"word {trial['word'][twice[0]]:.0f} of {trial.name()} comes twice",
            where=at_row(table, trial.rows[twice[0] + 1]),
        )


def _mean(
    readers: Sequence[Trial], measures: Sequence[str], table: str
) -> tuple[list[str], np.ndarray]:
    """The words of a trial in their order, and (words, measures) over those who have a value."""
    number = np.concatenate([trial["word"] for trial in readers])
    texts = [word.strip() for trial in readers for word in trial.texts["text"]]
    rows = np.concatenate([trial.rows for trial in readers])
    numbers, first, word = np.unique(number, return_index=True, return_inverse=True)
    for place, text in enumerate(texts):
        other = first[word[place]]
        if text != texts[other]:
            raise DataError(
                f"word {number[place]:.0f} of trial {readers[0].trial!r} is {text!r}, and "
                f"{texts[other]!r} in row {rows[other]}: readers of one trial read one text",
                where=at_row(table, rows[place]),
            )
    values = np.stack([np.concatenate([t[name] for t in readers]) for name in measures], 1)
    known = ~np.isnan(values)
    sums, counts = np.zeros((2, len(numbers), len(measures)))
    np.add.at(sums, word, np.where(known, values, 0.0))
    np.add.at(counts, word, known)
    with np.errstate(invalid="ignore"):
        return [texts[place] for place in first], sums / counts


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
