"""Texts, or words, to a table with predicted measures of each word, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError, Interrupted, UsageError, suggest
from mirctl.tables import Block, Stream, new_table, open_stream
from mirctl.words import Predictor, Text
from mirctl_gaze.measured import WordTable, usable, words_of
from mirctl_gaze.output import cells_of
from mirctl_gaze.rows import Trial, Unusable

TEXTS = 512
"""Rows of texts at a time."""
WORD = {"trial": "text", "word": "int64", "text": "text", "start": "int64", "end": "int64"}
"""What a row says of a word in a text: which, the characters it covers."""
DIGITS = 4
NAMES = ("trial", "id")
"""Columns that name a text."""


@dataclass
class Predicted:
    """What was predicted."""

    measures: tuple[str, ...]
    texts: int = 0
    words: int = 0
    calls: int = 0
    """Texts that went through the generator; the others were known."""
    sums: np.ndarray = field(default_factory=lambda: np.zeros((2, 0)))
    """(2, measures): sums over words, and how many have a value."""

    def add(self, found: Sequence[np.ndarray]) -> None:
        """Count some texts."""
        self.texts += len(found)
        self.words += sum(map(len, found))
        none = np.zeros((0, len(self.measures)), np.float32)
        every = np.concatenate([none, *found])
        known = np.stack([np.nansum(every, 0, dtype=float), (~np.isnan(every)).sum(0)])
        self.sums = known if not self.sums.size else self.sums + known

    def metrics(self) -> dict[str, dict[str, Any]]:
        """Means over words."""
        sums = self.sums if self.sums.size else np.zeros((2, len(self.measures)))
        return {
            name: {"value": total / n if n else None, "n": int(n), "unit": "mean over words"}
            for name, total, n in zip(self.measures, *sums.tolist(), strict=True)
        }

    def facts(self) -> dict[str, Any]:
        return {"texts": self.texts, "words": self.words, "predicted_now": self.calls}

    def tell(self) -> None:
        """Say it to people."""
        known = self.texts - self.calls
        kept = f" ({known:,} known before)" if known else ""
        console.say(f"{counted(self.words, 'word')} of {counted(self.texts, 'text')}{kept}")


@dataclass(frozen=True)
class Asked:
    """Which measures are written, and under what names."""

    measures: tuple[str, ...]
    at: list[int]
    """Their places among all that the generator gives."""
    columns: list[str]

    @classmethod
    def of(cls, given: Sequence[str], wanted: Sequence[str] | None, prefix: str) -> Asked:
        """Raises a UsageError for a measure that the generator does not give."""
        chosen = tuple(wanted or given)
        if absent := [name for name in chosen if name not in given]:
            hint = suggest(absent[0], given, f"it gives: {', '.join(given)}")
            raise UsageError(f"the generator does not give {absent[0]!r}{hint}")
        if len(set(chosen)) < len(chosen):
            raise UsageError(f"measures {','.join(chosen)}: one is there twice")
        return cls(chosen, [given.index(m) for m in chosen], [f"{prefix}{m}" for m in chosen])


def predict(
    table: Path | str, generator: Predictor, out: Path | str, *, measures: Sequence[str] | None,
    column: str = "text", prefix: str = "",
) -> Predicted:  # fmt: skip
    """Write a row a word; a table of words as it was, with columns more."""
    asked = Asked.of(generator.measures, measures, prefix)
    stream = open_stream(table)
    told = Predicted(asked.measures)
    by_word = "word" in stream.columns and column == "text"
    work = _words if by_word else _texts
    try:
        with console.progress("words", 0, "words") as advance:

            def measure(texts: Sequence[Text]) -> list[np.ndarray]:
                found = [own[:, asked.at] for own in generator(texts)]
                told.add(found)
                advance(sum(map(len, found)))
                return found

            work(stream, measure, asked, out, column)
    except KeyboardInterrupt as error:
        raise Interrupted(
            "stopped; what was predicted stays in the cache", where=str(out)
        ) from error
    finally:
        generator.close()
        told.calls = generator.predicted
    return told


Measure = Callable[[Sequence[Text]], list[np.ndarray]]


def check_texts(stream: Stream, column: str) -> None:
    """Raise a DataError where a table has no such column, or no text in it."""
    if column not in stream.columns:
        hint = suggest(column, stream.columns, f"its columns: {', '.join(stream.columns)}")
        raise DataError(f"has no column {column!r}{hint}", where=stream.name)
    if stream.types.get(column) == "opaque":
        raise DataError(f"column {column!r} holds lists or objects, not text", where=stream.name)


def _texts(stream: Stream, measure: Measure, asked: Asked, out: Path | str, column: str) -> None:
    """From a row a text to a row a word."""
    check_texts(stream, column)
    name = next((name for name in NAMES if name in stream.columns), None)
    types = {**WORD, **dict.fromkeys(asked.columns, "double")}
    with new_table(out, list(types), types, stream.kind) as new:
        for block in stream.blocks(TEXTS):
            texts = [Text.of(cell or "") for cell in block.cells[column]]
            rows = range(block.first, block.first + len(block))
            names = block.cells[name] if name else list(map(str, rows))
            new.write(_cells(names, texts, measure(texts), asked))


def _cells(
    names: Sequence[str | None], texts: Sequence[Text], found: Sequence[np.ndarray], asked: Asked
) -> dict[str, Sequence[str | None]]:
    """A row a word of all these texts."""
    spans = np.concatenate([text.spans for text in texts])
    own = {
        "trial": [name or "" for name, text in zip(names, texts, strict=True) for _ in text.words],
        "word": [str(n) for text in texts for n in range(1, len(text) + 1)],
        "text": [word for text in texts for word in text.words],
        "start": list(map(str, spans[:, 0].tolist())),
        "end": list(map(str, spans[:, 1].tolist())),
    }
    return own | numbers(np.concatenate(found), asked)


def numbers(found: np.ndarray, asked: Asked) -> dict[str, Sequence[str | None]]:
    """Cells of (rows, measures) by the columns that they go to."""
    return {
        name: cells_of(values, "double", DIGITS)
        for name, values in zip(asked.columns, found.T, strict=True)
    }


def _words(stream: Stream, measure: Measure, asked: Asked, out: Path | str, column: str) -> None:
    """A table of words as it is, with its measures behind. Each text is read by its numbers of
    words, as `fit-reading` reads it; rows that are no word have no measure."""
    if there := [name for name in asked.columns if name in stream.columns]:
        todo = "--prefix puts something before the new names"
        raise UsageError(f"has a column {there[0]!r} already: {todo}", where=stream.name)
    table = WordTable.of(stream)
    types = dict.fromkeys(asked.columns, "double")
    waiting = _Waiting(len(asked.columns))
    unusable = Unusable(table.name)
    with stream.writer(out, after=asked.columns, types=types) as writer:
        for some in _together(table.trials(waiting.followed(table.blocks()))):
            words = [usable(trial, unusable) for trial in some]
            found = measure([Text.joined(words_of(own)) for own in words])
            for block, values in waiting.take(list(map(_in_rows, found, words, some))):
                writer.write(block, added=numbers(values, asked))
        for block, values in waiting.take([]):  # a table without rows
            writer.write(block, added=numbers(values, asked))
    unusable.tell()


def _in_rows(found: np.ndarray, words: Trial, trial: Trial) -> np.ndarray:
    """Measures of words (words, measures) where their rows are in the trial (rows, measures)."""
    rows = np.full((len(trial), found.shape[1]), np.nan, np.float32)
    rows[words.rows - trial.rows[0]] = found
    return rows


def _together(trials: Iterator[Trial]) -> Iterator[list[Trial]]:
    """Texts in groups, since a generator is faster with many."""
    while some := list(islice(trials, TEXTS)):
        yield some


class _Waiting:
    """Blocks whose last text may go on in the next; texts come in the order of the rows."""

    def __init__(self, columns: int) -> None:
        self.blocks: list[Block] = []
        self.found = [np.zeros((0, columns), np.float32)]
        self.rows = 0

    def followed(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """The blocks, each of them kept until its rows are there."""
        for block in blocks:
            self.blocks.append(block)
            yield block

    def take(self, found: Sequence[np.ndarray]) -> Iterator[tuple[Block, np.ndarray]]:
        """Blocks whose words are all measured, once these are, and their values."""
        self.found += found
        self.rows += sum(map(len, found))
        while self.blocks and self.rows >= len(self.blocks[0]):
            block = self.blocks.pop(0)
            whole = np.concatenate(self.found)
            yield block, whole[: len(block)]
            self.found = [whole[len(block) :]]
            self.rows -= len(block)
