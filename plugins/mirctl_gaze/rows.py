"""A table as trials: the rows of one reader and one stimulus, as columns of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby

import numpy as np
import pyarrow as pa

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.tables import Block, Stream, at_row, require_columns
from mirctl_gaze.schema import KEYS, LARGEST, MISSING

ROWS = 1 << 16
SHOWN = 5


@dataclass
class Unusable:
    """Rows that cannot be used, and why: counted, and named."""

    table: str
    reasons: dict[int, str] = field(default_factory=dict)

    def add(self, bad: np.ndarray, rows: np.ndarray, why: str) -> None:
        """Add the rows for which `bad` holds."""
        self.reasons |= dict.fromkeys(rows[bad].tolist(), why)

    def facts(self) -> list[dict[str, int | str]]:
        """For a document."""
        return [{"row": row, "why": self.reasons[row]} for row in sorted(self.reasons)]

    def tell(self) -> None:
        """Warn of them; the first few are named."""
        if not self.reasons:
            return
        count = len(self.reasons)
        shown = [f"row {row} ({self.reasons[row]})" for row in sorted(self.reasons)[:SHOWN]]
        more = f", and {count - SHOWN:,} more" if count > SHOWN else ""
        told = f"{counted(count, 'row')} cannot be used: {', '.join(shown)}{more}"
        console.warn(f"{self.table}: {told}")


@dataclass(frozen=True)
class Trial:
    """What one reader did with one stimulus."""

    reader: str
    trial: str
    rows: np.ndarray
    """Numbers of its rows in the table, from 1."""
    numbers: Mapping[str, np.ndarray]
    texts: Mapping[str, list[str]]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.numbers[name]

    def name(self) -> str:
        """As people say it."""
        said = {"reader": self.reader, "trial": self.trial}
        return " ".join(f"{key} {value}" for key, value in said.items() if value) or "the table"

    def keep(self, which: np.ndarray) -> Trial:
        """The rows of a mask, or in the order of their places."""
        places = np.flatnonzero(which) if which.dtype == bool else which
        numbers = {name: column[places] for name, column in self.numbers.items()}
        texts = {name: [column[i] for i in places] for name, column in self.texts.items()}
        return Trial(self.reader, self.trial, self.rows[places], numbers, texts)


def in_order(trial: Trial, by: Sequence[str], table: str) -> Trial:
    """The rows of a trial by the first of these columns that it has; as they are without one."""
    name = next((name for name in by if name in trial.numbers), None)
    if name is None:
        return trial
    back = np.diff(trial[name]) < 0
    if not back.any():
        return trial
    row = trial.rows[1:][back][0]
    console.warn(f"{table}: {name} goes back in row {row} ({trial.name()}): sorted by {name}")
    return trial.keep(np.argsort(trial[name], kind="stable"))


def refuse_repeated_words(trial: Trial, table: str) -> None:
    """Raise a DataError where two rows of a trial have one number of a word."""
    if "word" not in trial.numbers:
        return
    known = np.flatnonzero(~np.isnan(trial["word"]))
    _, first = np.unique(trial["word"][known], return_index=True)
    again = np.delete(known, first)
    if len(again):
        raise DataError(
            f"word {trial['word'][again[0]]:g} of {trial.name()} comes twice: "
            "columns `trial` and `reader` tell texts and readers apart",
            where=at_row(table, int(trial.rows[again[0]])),
        )


def trials(
    blocks: Iterable[Block], table: Stream, needed: Sequence[str], optional: Sequence[str] = (),
    texts: Sequence[str] = (), keys: Sequence[str] = KEYS,
) -> Iterator[Trial]:  # fmt: skip
    """The trials of a table in their order; one that comes again after another is refused.

    Numbers that are missing are NaN. Only one trial is held in memory at a time.
    """
    require_columns(needed, table.columns, table.name)
    names = [*needed, *(name for name in optional if name in table.columns)]
    words = [name for name in texts if name in table.columns]
    seen: set[tuple[str, str]] = set()
    pieces = _pieces(blocks, table.name, names, words, keys)
    for key, same in groupby(pieces, key=lambda piece: (piece.reader, piece.trial)):
        parts = list(same)
        if key in seen:
            raise DataError(
                f"{parts[0].name()} comes again after others: sort the table by reader and trial",
                where=at_row(table.name, parts[0].rows[0]),
            )
        seen.add(key)
        yield _joined(parts)


def _pieces(
    blocks: Iterable[Block], table: str, names: Sequence[str], words: Sequence[str],
    keys: Sequence[str],
) -> Iterator[Trial]:  # fmt: skip
    """Neighbouring rows of one reader and trial, as far as they stand in one block."""
    for block in blocks:
        known = [block.cells.get(k) if k in keys else None for k in KEYS]
        columns = [cells or [""] * len(block) for cells in known]
        numbers = {name: column_of(block, name, table) for name in names}
        start = 0
        for key, same in groupby(zip(*columns, strict=True)):
            stop = start + len(list(same))
            part = slice(start, stop)
            yield Trial(
                *(name or "" for name in key),
                np.arange(block.first + start, block.first + stop),
                {name: column[part] for name, column in numbers.items()},
                {name: [cell or "" for cell in block.cells[name][part]] for name in words},
            )
            start = stop


def _joined(parts: Sequence[Trial]) -> Trial:
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    numbers = {
        name: np.concatenate([part.numbers[name] for part in parts]) for name in first.numbers
    }
    texts = {name: [*chain.from_iterable(p.texts[name] for p in parts)] for name in first.texts}
    rows = np.concatenate([part.rows for part in parts])
    return Trial(first.reader, first.trial, rows, numbers, texts)


def column_of(block: Block, name: str, table: str) -> np.ndarray:
    """A column as numbers; missing and endless ones are NaN, what is no number is an error."""
    cells = block.cells[name]
    try:
        text = pa.array(["nan" if cell in MISSING else cell for cell in cells], pa.string())
        values = text.cast(pa.float64()).to_numpy()
    except ValueError:  # what arrow is stricter in than Python, or no number
        numbers = enumerate(cells, start=block.first)
        values = np.array([_number(cell, name, table, row) for row, cell in numbers])
    return np.where(np.abs(values) < LARGEST, values, np.nan)


def _number(cell: str | None, name: str, table: str, row: int) -> float:
    text = (cell or "").strip()
    if text in MISSING:
        return np.nan
    try:
        return float(text)
    except ValueError:
        hint = ": write it with a point" if "," in text else ""
        raise DataError(
            f"{name} is {text!r}, which is no number{hint}", where=at_row(table, row)
        ) from None
