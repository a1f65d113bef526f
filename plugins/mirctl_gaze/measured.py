"""Tables with a row a word: which words a text has, and how they were read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mirctl.errors import DataError, UsageError, suggest
from mirctl.tables import Block, Stream, at_row
from mirctl_gaze.means import mean
from mirctl_gaze.rows import ROWS, Trial, Unusable, in_order, refuse_repeated_words, trials
from mirctl_gaze.schema import MEASURED

MARK = "<EOS>"
"""What CMCL's files put behind the last word of a sentence."""


@dataclass(frozen=True)
class WordTable:
    """A stream with a row a word, its columns called by our names. CMCL's own files have the words
    in a column `word`, and no numbers of words."""

    stream: Stream
    columns: list[str]
    names: dict[str, str]
    """Ours -> theirs, where another."""

    @property
    def name(self) -> str:
        return self.stream.name

    @classmethod
    def of(cls, stream: Stream) -> WordTable:
        """Raises a DataError where there are no words."""
        has = stream.columns
        marked = not {"word_id", "sentence_id"}.isdisjoint(has)
        theirs = marked and "word" in has and "text" not in has
        if not theirs and not {"word", "text"} <= set(has):
            hint = f"its columns: {', '.join(has)}"
            raise DataError(f"has no columns 'word' and 'text' ({hint})", where=stream.name)
        names = {"text": "word"} if theirs else {}
        if "trial" not in has and "sentence_id" in has:
            names["trial"] = "sentence_id"
        renamed = set(names.values())
        return cls(stream, [*names, *(name for name in has if name not in renamed)], names)

    def blocks(self) -> Iterator[Block]:
        """The stream's, with our names."""
        for block in self.stream.blocks(ROWS):
            cells = {name: block.cells[self.names.get(name, name)] for name in self.columns}
            yield Block(block.first, cells, block.raw)

    def trials(self, blocks: Iterator[Block], numbers: Sequence[str] = ()) -> Iterator[Trial]:
        """The words of each text, by reader where there are several."""
        return trials(blocks, self, [], [*numbers, "word"], ["text"])  # type: ignore[arg-type]


def words_of(trial: Trial) -> list[str]:
    """The words of a trial, as text."""
    return [word.strip().removesuffix(MARK).rstrip() for word in trial.texts["text"]]


@dataclass(frozen=True)
class Read:
    """How the words of one text were read, in the mean over readers."""

    trial: str
    words: list[str]
    values: np.ndarray
    """(words, measures) float64; NaN where nobody has a value."""


@dataclass(frozen=True)
class Measured:
    """All that was read."""

    measures: tuple[str, ...]
    texts: list[Read]
    unusable: Unusable


def read(stream: Stream, measures: Sequence[str] | None = None) -> Measured:
    """Each text's words in their order, with these measures, or all reading measures there are."""
    table = WordTable.of(stream)
    wanted = tuple(measures or (name for name in MEASURED if name in table.columns))
    if len(set(wanted)) < len(wanted):
        raise UsageError(f"measures {','.join(wanted)}: one is there twice")
    if absent := [name for name in wanted if name not in table.columns]:
        hint = suggest(absent[0], table.columns, f"its columns: {', '.join(stream.columns)}")
        raise DataError(f"has no column {absent[0]!r}{hint}", where=table.name)
    if not wanted:
        names = ", ".join(MEASURED)
        raise DataError(f"has no reading measure: one of {names} is wanted", where=table.name)
    unusable = Unusable(table.name)
    parts: dict[str, list[Trial]] = {}
    for trial in table.trials(table.blocks(), wanted):
        parts.setdefault(trial.trial, []).append(usable(trial, unusable))
    texts = [_mean(name, readers, wanted, table.name) for name, readers in parts.items()]
    return Measured(wanted, texts, unusable)


def usable(trial: Trial, unusable: Unusable) -> Trial:
    """The rows that are words, by their number; without a column of numbers as they stand."""
    if "word" not in trial.numbers:
        places = np.arange(len(trial), dtype=float)
        trial = replace(trial, numbers={**trial.numbers, "word": places})
    broken = np.isnan(trial["word"]) | (trial["word"] % 1 != 0)
    empty = np.array([not word for word in words_of(trial)], bool)
    unusable.add(broken, trial.rows, "word is no whole number")
    unusable.add(empty & ~broken, trial.rows, "no text")
    kept = trial.keep(~broken & ~empty)
    refuse_repeated_words(kept, unusable.table)
    return in_order(kept, ["word"], unusable.table)


def _mean(name: str, readers: Sequence[Trial], measures: Sequence[str], table: str) -> Read:
    """Over the readers who have a value."""
    number = np.concatenate([trial["word"] for trial in readers])
    texts = [word for trial in readers for word in words_of(trial)]
    rows = np.concatenate([trial.rows for trial in readers])
    numbers, first, word = np.unique(number, return_index=True, return_inverse=True)
    for place, text in enumerate(texts):
        other = first[word[place]]
        if text != texts[other]:
            raise DataError(
                f"word {number[place]:.0f} of trial {name!r} is {text!r}, and {texts[other]!r} in "
                f"row {rows[other]}: readers of one trial read one text",
                where=at_row(table, int(rows[place])),
            )
    values = np.full((len(readers), len(numbers), len(measures)), np.nan)
    for own, trial in zip(values, readers, strict=True):
        own[np.searchsorted(numbers, trial["word"])] = np.stack([trial[m] for m in measures], 1)
    return Read(name, [texts[place] for place in first], mean(values))
