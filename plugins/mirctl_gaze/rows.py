"""A table as trials: the rows of one reader and one stimulus, as columns of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.tables import Block, Stream, at_row, require_columns
from mirctl_gaze.schema import KEYS, MISSING

ROWS = 1 << 16
SHOWN = 5


@dataclass
class Unusable:
    """Rows that cannot be used, and why: counted, and named."""

    table: str
    rows: list[dict[str, int | str]] = field(default_factory=list)

    def add(self, row: int, why: str) -> None:
        self.rows.append({"row": int(row), "why": why})

    def add_where(self, bad: np.ndarray, rows: np.ndarray, why: str) -> None:
        """Add the rows for which `bad` holds."""
        for row in rows[bad]:
            self.add(row, why)

    def tell(self) -> None:
        """Warn of them; the first few are named."""
        if not self.rows:
            return
        shown = [f"row {one['row']} ({one['why']})" for one in self.rows[:SHOWN]]
        more = f", and {len(self.rows) - SHOWN:,} more" if len(self.rows) > SHOWN else ""
        console.warn(
            f"{self.table}: {counted(len(self.rows), 'row')} cannot be used: "
            f"{', '.join(shown)}{more}"
        )


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


def trials(
    stream: Stream, needed: Sequence[str], optional: Sequence[str] = (), texts: Sequence[str] = ()
) -> Iterator[Trial]:
    """The trials of a table in their order; one that comes again after another is refused.

    Numbers that are missing are NaN. Only one trial is held in memory at a time.
    """
    require_columns(needed, stream.columns, stream.name)
    names = [*needed, *(name for name in optional if name in stream.columns)]
    words = [name for name in texts if name in stream.columns]
    seen: set[tuple[str, str]] = set()
    for key, pieces in groupby(_pieces(stream, names, words), key=lambda piece: piece[0]):
        parts = [part for _, part in pieces]
        if key in seen:
            where = at_row(stream.name, parts[0].rows[0])
            raise DataError(
                f"{parts[0].name()} comes again after others: sort the table by reader and trial",
                where=where,
            )
        seen.add(key)
        yield _joined(parts)


def _pieces(
    stream: Stream, names: Sequence[str], words: Sequence[str]
) -> Iterator[tuple[tuple[str, str], Trial]]:
    """Neighbouring rows of one reader and trial, as far as they stand in one block."""
    for block in stream.blocks(ROWS):
        keys = [block.cells.get(name) or [""] * len(block) for name in KEYS]
        pairs = [(a or "", b or "") for a, b in zip(*keys, strict=True)]
        numbers = {name: column_of(block, name, stream.name) for name in names}
        start = 0
        for key, same in groupby(pairs):
            stop = start + sum(1 for _ in same)
            part = slice(start, stop)
            yield (
                key,
                Trial(
                    *key,
                    np.arange(block.first + start, block.first + stop),
                    {name: column[part] for name, column in numbers.items()},
                    {name: [cell or "" for cell in block.cells[name][part]] for name in words},
                ),
            )
            start = stop


def _joined(parts: Sequence[Trial]) -> Trial:
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    numbers = {
        name: np.concatenate([part.numbers[name] for part in parts]) for name in first.numbers
    }
    texts = {name: sum((part.texts[name] for part in parts), []) for name in first.texts}
    rows = np.concatenate([part.rows for part in parts])
    return Trial(first.reader, first.trial, rows, numbers, texts)


def column_of(block: Block, name: str, table: str) -> np.ndarray:
    """A column as numbers; missing and infinite ones are NaN, what is no number is an error."""
    cells = block.cells[name]
    try:
        values = np.array([np.nan if cell in MISSING else cell for cell in cells], dtype=float)
    except ValueError:
        values = np.array(
            [
                _number(cell, name, table, number)
                for number, cell in enumerate(cells, start=block.first)
            ]
        )
    values[~np.isfinite(values)] = np.nan
    return values


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
