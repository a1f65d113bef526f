"""Making rows: from nothing, or with some columns given."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirctl import console
from mirctl.errors import DataError, UsageError, suggest
from mirctl.tables import new_table
from mirctl_impute.columns import CategoryColumn
from mirctl_impute.imputer import Imputer
from mirctl_impute.schema import MODELLED

TRIES = 50
"""Draws in which a value may fall into the range asked for, before it is put at its edge."""


@dataclass(frozen=True)
class Given:
    """What is asked of a column: values from `low` to `high`; one value, where they are equal."""

    column: int
    low: float
    high: float


def parse(imputer: Imputer, texts: Sequence[str]) -> list[Given]:
    """`income=>50K`, `age=30..40`, `age=30..`; several with commas between."""
    names = {column.name: i for i, column in enumerate(imputer.table.columns)}
    given: dict[int, Given] = {}
    for part in (part for text in texts for part in _parts(text, names)):
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or name not in names:
            hint = suggest(name, names, f"learned columns: {', '.join(names)}")
            raise UsageError(f"--given {part!r}: write COLUMN=VALUE or COLUMN=LOW..HIGH{hint}")
        if names[name] in given:
            raise UsageError(f"--given {name!r} is there twice")
        given[names[name]] = _wanted(imputer, names[name], value.strip())
    return list(given.values())


def _parts(text: str, names: dict[str, int]) -> list[str]:
    """Cut at the commas that a column's name follows: a value may hold commas itself."""
    parts: list[str] = []
    for piece in text.split(","):
        starts = "=" in piece and piece.partition("=")[0].strip() in names
        if starts or not parts:
            parts.append(piece)
        else:
            parts[-1] += f",{piece}"
    return parts


def _wanted(imputer: Imputer, index: int, value: str) -> Given:
    column = imputer.table.columns[index]
    present = np.array([True])
    if isinstance(column, CategoryColumn):
        code = column.parse([value], present, 1, "--given")[0]
        if np.isnan(code):
            known = [text.strip() for text in column.spellings]
            hint = suggest(value, known, f"known: {', '.join(known[:20])}")
            raise UsageError(f"--given {column.name}={value}: no such category{hint}")
        return Given(index, code, code)
    low, dots, high = value.partition("..")
    if not low and not high:
        raise UsageError(f"--given {column.name}={value}: write a number, or LOW..HIGH")
    bottom, top = float(column.scale.knots[0]), float(column.scale.knots[-1])
    try:
        first, last = (
            float(column.parse([text], present, 1, "--given")[0]) if text else limit
            for text, limit in ((low, bottom), (high if dots else low, top))
        )
    except DataError as error:
        raise UsageError(f"--given {column.name}={value}: write a number, or LOW..HIGH") from error
    if first > last or last < bottom or first > top:
        seen = " to ".join(text.strip() for text in column.text(np.array([bottom, top])))
        raise UsageError(f"--given {column.name}={value}: values are from {seen}")
    first, last = max(first, bottom), min(last, top)
    if column.step:
        first = bottom + np.ceil((first - bottom) / column.step - 1e-9) * column.step
        last = bottom + np.floor((last - bottom) / column.step + 1e-9) * column.step
    if first > last:
        raise UsageError(f"--given {column.name}={value}: the column has no value in between")
    return Given(index, first, last)


def sample(
    imputer: Imputer, count: int, target: Path | str, given: Sequence[Given], *, seed: int,
    steps: int, guidance: float,
) -> int:  # fmt: skip
    """Write rows; give how many values had to be put at the edge of a range asked for."""
    table = imputer.table
    forced = 0
    size = imputer.block_rows
    with (
        console.progress("sample", count, "rows") as advance,
        new_table(target, table.names, table.storage) as out,
    ):
        for start in range(0, count, size):
            rows = min(size, count - start)
            numbers = np.arange(start, start + rows)
            values, edges = draw_rows(imputer, numbers, given, seed, steps, guidance)
            forced += edges
            cells = {c.name: c.text(values[:, i]) for i, c in enumerate(table.columns)}
            cells |= {name: [text] * rows for name, text in table.constants.items()}
            out.write({name: cells.get(name, [None] * rows) for name in table.names})
            advance(rows)
    return forced


def draw_rows(
    imputer: Imputer, rows: np.ndarray, given: Sequence[Given], seed: int, steps: int,
    guidance: float = 0.0,
) -> tuple[np.ndarray, int]:  # fmt: skip
    """Values (rows, modelled columns) of the rows of these numbers (rows,), and how many of them
    were put at the edge of a range.

    Whole rows are drawn, given the columns with one value, again and again until they fall into all
    ranges. Where guidance is asked for, the columns with ranges are then given too.
    """
    values = np.full((len(rows), len(imputer.table.columns)), np.nan)
    ranges = [g for g in given if g.low < g.high]
    for g in given:
        if g.low == g.high:
            values[:, g.column] = g.low
    if not ranges:
        return _complete(imputer, values, rows, (seed, 0), steps, guidance), 0
    todo, drawn = np.arange(len(rows)), values.copy()
    for attempt in range(TRIES):
        drawn[todo] = _complete(imputer, values[todo], rows[todo], (seed, attempt), steps)
        todo = todo[~_inside(drawn[todo], ranges)]
        if not len(todo):
            break
    again = np.arange(len(rows)) if guidance else todo
    for g in ranges:
        values[:, g.column] = drawn[:, g.column].clip(g.low, g.high)
    if len(again):
        drawn[again] = _complete(
            imputer, values[again], rows[again], (seed, TRIES), steps, guidance
        )
    return drawn, len(todo)


def _inside(values: np.ndarray, ranges: Sequence[Given]) -> np.ndarray:
    """Which rows (rows,) fall into every range."""
    hits = [(values[:, g.column] >= g.low) & (values[:, g.column] <= g.high) for g in ranges]
    return np.all(hits, axis=0)


def _complete(
    imputer: Imputer, values: np.ndarray, rows: np.ndarray, seed: tuple[int, ...], steps: int,
    guidance: float = 0.0,
) -> np.ndarray:  # fmt: skip
    """Draw all that is NaN."""
    return imputer.draw(values, np.isnan(values), rows, seed, steps, guidance)


def tell(imputer: Imputer, forced: int) -> None:
    """Say what the rows lack, and what could not be drawn."""
    left = [n for n, kind in imputer.table.kinds.items() if kind not in (*MODELLED, "constant")]
    if left:
        console.say(f"{', '.join(left)} stay empty: they are not modelled")
    if forced:
        console.warn(
            f"{forced:,} rows hardly ever fall into the ranges given: their values are at the edge"
        )
