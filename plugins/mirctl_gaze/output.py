"""Results as tables: cells of text, written as they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mirctl import files
from mirctl.tables import goes_through, new_table
from mirctl.tables.stream import NewTable

Columns = Mapping[str, np.ndarray | Sequence[str]]


def refuse_to_overwrite(*targets: Path | str | None, force: bool) -> None:
    """Raise a UsageError where a result exists and nobody gave it up."""
    for target in targets:
        if target is not None and not goes_through(target):
            files.refuse_to_overwrite(Path(target), force=force, marker=None)


@contextmanager
def table(
    target: Path | str, types: Mapping[str, str], kind: str, without: Sequence[str] = (),
    digits: int = 3,
) -> Iterator[Results]:  # fmt: skip
    """A new table of these columns, in a pipe of a kind; `without` some of them."""
    kept = {name: held for name, held in types.items() if name not in without}
    with new_table(target, list(kept), kept, kind) as new:
        yield Results(new, kept, digits)


class Results:
    """Takes columns of numbers and text, and counts the rows."""

    def __init__(self, new: NewTable, types: Mapping[str, str], digits: int) -> None:
        self.new, self.types, self.digits, self.rows = new, types, digits, 0

    def write(self, columns: Columns) -> None:
        cells = {
            name: cells_of(columns[name], self.types[name], self.digits) for name in self.types
        }
        self.new.write(cells)
        self.rows += len(next(iter(cells.values())))


def cells_of(
    values: np.ndarray | Sequence[str], kind: str, digits: int = 3
) -> Sequence[str | None]:
    """Numbers as text, with so many digits after the point at most; NaN is nothing."""
    if kind == "text":
        return list(values)
    if kind == "int64":
        digits = 0
    if isinstance(values, np.ndarray):
        values = values.tolist()  # plain numbers are written twice as fast
    return [None if value != value else plain(value, digits) for value in values]


def plain(value: float, digits: int) -> str:
    """12.5 and 12, not 12.500 and 12.000."""
    text = f"{value:.{digits}f}"
    if digits:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
