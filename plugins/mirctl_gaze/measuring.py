"""From fixations that have words to a table of reading measures, by reader or their mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.tables import Stream
from mirctl_gaze import output
from mirctl_gaze.assigning import ORDER
from mirctl_gaze.boxes import AllBoxes, Boxes
from mirctl_gaze.measures import reading_measures
from mirctl_gaze.metrics import Metrics, metric
from mirctl_gaze.rows import ROWS, Trial, Unusable, in_order, trials
from mirctl_gaze.schema import MEASURES

UNITS = {
    "nFix": "fixations", **dict.fromkeys(("FFD", "GD", "GPT", "TRT", "first_duration"), "ms"),
    "skip": "share", "reg_in": "regressions", "reg_out": "regressions", "fixProp": "share",
}  # fmt: skip
Values = Mapping[str, np.ndarray]


@dataclass
class Measured:
    """What was read."""

    unusable: Unusable
    trials: int = 0
    fixations: int = 0
    without_word: int = 0
    unread: list[str] = field(default_factory=list)
    """Texts that nobody has read."""
    sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(UNITS, 0.0))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(UNITS, 0))

    def add(self, values: Values) -> None:
        """Count a reader's measures in the means over all."""
        for name, column in values.items():
            self.sums[name] += float(np.nansum(column))
            self.counts[name] += int((~np.isnan(column)).sum())

    def metrics(self) -> Metrics:
        """Means over all words and readers."""
        return {name: metric(self.sums[name], self.counts[name], UNITS[name]) for name in UNITS}

    def facts(self) -> dict[str, Any]:
        """For a document."""
        return {
            "trials": self.trials, "fixations": self.fixations,
            "without_word": self.without_word, "unread": self.unread,
            "unusable": self.unusable.facts(),
        }  # fmt: skip

    def tell(self) -> None:
        """Say it to people."""
        self.unusable.tell()
        if self.unread:
            texts = f"{counted(len(self.unread), 'text')} (as {self.unread[0]!r})"
            console.warn(f"{texts} without any fixation: not in the table")
        console.say(
            f"{counted(self.trials, 'trial')} of {counted(self.fixations, 'fixation')}, "
            f"{self.without_word:,} of them without a word"
        )


@dataclass
class Text:
    """The words of a text in their order, each once."""

    numbers: np.ndarray
    texts: list[str]

    @classmethod
    def of(cls, boxes: Boxes) -> Text:
        numbers, first = np.unique(boxes.numbers, return_index=True)
        return cls(numbers, [boxes.names[i] for i in first])

    def places(self, word: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Place of each of these words, and whether it is one."""
        place = np.searchsorted(self.numbers, word).clip(0, len(self.numbers) - 1)
        return place, self.numbers[place] == word


@dataclass
class Mean:
    """Measures of a text summed over its readers."""

    readers: int = 0
    sums: dict[str, np.ndarray] = field(default_factory=dict)
    counts: dict[str, np.ndarray] = field(default_factory=dict)

    def add(self, values: Values) -> None:
        self.readers += 1
        for name, column in values.items():
            known = ~np.isnan(column)
            self.sums[name] = self.sums.get(name, 0.0) + np.where(known, column, 0.0)
            self.counts[name] = self.counts.get(name, 0) + known

    def values(self) -> Values:
        """NaN where no reader has a value."""
        with np.errstate(invalid="ignore"):
            return {name: self.sums[name] / self.counts[name] for name in self.sums}


def measured() -> list[str]:
    """Names of the metrics."""
    return list(UNITS)


def measure(stream: Stream, words: AllBoxes, out: Path | str, *, mean: bool = False) -> Measured:
    """Write each word's measures for each reader of its text, or their mean over readers."""
    if "word" not in stream.columns:
        raise DataError("has no column 'word': make it by `gaze assign`", where=stream.name)
    told = Measured(Unusable(stream.name))
    texts = {name: Text.of(boxes) for name, boxes in words.trials.items()}
    means: dict[str, Mean] = {}
    types, without = _columns(stream, mean=mean)
    strangers: set[str] = set()
    read: set[str] = set()
    with output.table(out, types, stream.kind, without) as results:
        for trial in trials(stream.blocks(ROWS), stream, ["word", "duration"], ORDER):
            text = texts.get(words.key(trial.trial))
            if text is None:
                strangers.add(trial.trial)
                continue
            read.add(words.key(trial.trial))
            values = _measured(trial, text, told)
            if mean:
                means.setdefault(trial.trial, Mean()).add(values)
            else:
                _write(results, trial.reader, trial.trial, text, values)
        words.refuse_strangers(strangers, told.trials)
        for name, of in means.items():
            text = texts[words.key(name)]
            _write(results, of.readers, name, text, of.values())
    told.unread = [name for name in texts if name and name not in read]
    return told


def _columns(stream: Stream, *, mean: bool) -> tuple[dict[str, str], list[str]]:
    """Columns of the result, and those of them that these tables cannot have."""
    without = [name for name in ("reader", "trial") if name not in stream.columns]
    if not mean:
        return dict(MEASURES), without
    types = {"readers": "int64", **{n: t for n, t in MEASURES.items() if n != "reader"}}
    return types, without


def _measured(trial: Trial, text: Text, told: Measured) -> Values:
    told.trials += 1
    told.fixations += len(trial)
    short = ~(trial["duration"] > 0)
    told.unusable.add(short, trial.rows, "duration is not above 0")
    trial = in_order(trial.keep(~short), ORDER, told.unusable.table)
    place, known = text.places(trial["word"])
    missing = np.isnan(trial["word"])
    told.without_word += int(missing.sum())
    told.unusable.add(~known & ~missing, trial.rows, "its word is not in the text")
    values = reading_measures(len(text.numbers), place[known], trial["duration"][known])
    told.add(values)
    return values


def _write(
    results: output.Results, reader: str | int, trial: str, text: Text, values: Values
) -> None:
    count = len(text.numbers)
    whose = {"readers": np.full(count, reader)} if isinstance(reader, int) else {}
    results.write(
        {
            "reader": [str(reader)] * count,
            **whose,
            "trial": [trial] * count,
            "word": text.numbers,
            "text": text.texts,
            **values,
        }
    )
