"""Tables of words, and of how they were read, as texts with measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mirctl.errors import DataError, suggest
from mirctl.tables import Block, Stream, open_stream
from mirctl.words import Text
from mirctl_gaze.rows import ROWS, Trial, trials
from mirctl_gaze.schema import MEASURED

NAMES = {"trial": ("trial", "sentence_id"), "text": ("text", "word")}
"""Ours -> what a column is called; the second as in CMCL's files, where `word` is no number."""
MARK = "<EOS>"
"""What CMCL's files put behind the last word of a sentence."""


@dataclass(frozen=True)
class WordTable:
    """A stream with a row a word, its columns called by our names."""

    stream: Stream
    columns: list[str]
    names: dict[str, str]
    """Ours -> theirs, where another."""

    @property
    def name(self) -> str:
        return self.stream.name

    @classmethod
    def of(cls, stream: Stream) -> WordTable:
        """Raises a DataError where there is no column with words."""
        has = stream.columns
        numbered = "text" in has and "word" in has
        names = {} if numbered else {"text": "word"}
        if not numbered and "word" not in has:
            hint = suggest("word", has, f"its columns: {', '.join(has)}")
            raise DataError(f"has no columns 'word' and 'text'{hint}", where=stream.name)
        if "trial" not in has and "sentence_id" in has:
            names["trial"] = "sentence_id"
        theirs = set(names.values())
        return cls(stream, [*names, *(name for name in has if name not in theirs)], names)

    def blocks(self) -> Iterator[Block]:
        """The stream's, with our names."""
        for block in self.stream.blocks(ROWS):
            cells = {name: block.cells[self.names.get(name, name)] for name in self.columns}
            yield Block(block.first, cells, block.raw)

    def trials(self, blocks: Iterator[Block], numbers: Sequence[str] = ()) -> Iterator[Trial]:
        """The words of each text, by reader where there are several."""
        return trials(blocks, self, [], [*numbers, "word"], ["text"])  # type: ignore[arg-type]


def has_words(stream: Stream) -> bool:
    """Is a row a word, not a text?"""
    return "word" in stream.columns


def words_of(trial: Trial) -> list[str]:
    """The words of a trial, as text."""
    return [word.removesuffix(MARK) for word in trial.texts["text"]]


@dataclass(frozen=True)
class Reading:
    """Texts and how they were read."""

    measures: tuple[str, ...]
    texts: list[Text]
    values: list[np.ndarray]
    """Of each text (words, measures) float32; NaN where there is no value."""

    @property
    def words(self) -> int:
        return sum(map(len, self.texts))


@dataclass
class _Read:
    """One text, and the sums over those who read it."""

    words: dict[float, str] = field(default_factory=dict)
    """Number -> word."""
    sums: dict[float, np.ndarray] = field(default_factory=dict)
    counts: dict[float, np.ndarray] = field(default_factory=dict)


def read(path: Path, measures: Sequence[str] | None) -> Reading:
    """A table of words with these measures, or all reading measures that it has; means over
    readers where it has several."""
    table = WordTable.of(open_stream(path))
    wanted = tuple(measures or (name for name in MEASURED if name in table.columns))
    if absent := [name for name in wanted if name not in table.columns]:
        raise DataError(f"has no column {absent[0]!r}{suggest(absent[0], table.columns)}",
                        where=table.name)  # fmt: skip
    if not wanted:
        raise DataError(f"has no measure: {', '.join(MEASURED)}", where=table.name)
    found: dict[str, _Read] = {}
    for trial in table.trials(table.blocks(), wanted):
        _add(found.setdefault(trial.trial, _Read()), trial, wanted, table.name)
    texts, values = [], []
    for of in found.values():
        order = sorted(of.words)
        texts.append(Text.joined([of.words[number] for number in order]))
        values.append(np.stack([_mean(of, number) for number in order]))
    if not any(np.isfinite(part).any() for part in values):
        raise DataError("has no word with a measure", where=table.name)
    return Reading(wanted, texts, values)


def _add(of: _Read, trial: Trial, measures: Sequence[str], table: str) -> None:
    numbered = trial.numbers.get("word")
    numbers = np.arange(len(trial)) if numbered is None else numbered
    columns = np.stack([trial[name] for name in measures], axis=1)
    for number, word, row in zip(numbers.tolist(), words_of(trial), columns, strict=True):
        if not word.strip() or number != number:
            continue
        if of.words.setdefault(number, word) != word:
            raise DataError(
                f"word {number:g} of {trial.name()} is {word!r}, and {of.words[number]!r} before: "
                "readers of one trial read the same text",
                where=table,
            )
        known = ~np.isnan(row)
        of.sums[number] = of.sums.get(number, 0.0) + np.where(known, row, 0.0)
        of.counts[number] = of.counts.get(number, 0) + known


def _mean(of: _Read, number: float) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return (of.sums[number] / of.counts[number]).astype(np.float32)
