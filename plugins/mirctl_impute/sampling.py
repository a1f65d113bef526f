"""Making rows: from nothing, or with some columns given."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mirctl import console
from mirctl.errors import DataError, UsageError, suggest
from mirctl.tables import new_table
from mirctl_impute import diffusion
from mirctl_impute.columns import CategoryColumn
from mirctl_impute.diffusion import Noise
from mirctl_impute.filling import decode
from mirctl_impute.saving import Imputer
from mirctl_impute.schema import MODELLED
from mirctl_impute.table import Table

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
        new_table(target, table.names, _types(table)) as out,
    ):
        for number, start in enumerate(range(0, count, size)):
            rows = min(size, count - start)
            values, edges = draw_rows(imputer, rows, given, (seed, number), steps, guidance)
            forced += edges
            cells = {c.name: c.text(values[:, i]) for i, c in enumerate(table.columns)}
            cells |= {name: [text] * rows for name, text in table.constants.items()}
            out.write({name: cells.get(name, [None] * rows) for name in table.names})
            advance(rows)
    return forced


def _types(table: Table) -> dict[str, str]:
    """How typed formats store the columns: as the learned table did; text by its kind."""
    by_kind = {"integer": "int64", "number": "number"}
    return {
        name: by_kind.get(table.kinds[name], "text") if kind == "text" else kind
        for name, kind in table.types.items()
    }


@torch.no_grad()
def draw_rows(
    imputer: Imputer, rows: int, given: Sequence[Given], seed: tuple[int, ...], steps: int,
    guidance: float = 0.0,
) -> tuple[np.ndarray, int]:  # fmt: skip
    """Values (rows, modelled columns), and how many were put at the edge of a range.

    Columns with a range are drawn first, given the ones with a value, again and again until they
    fall into it; then all others, given those.
    """
    columns = len(imputer.table.columns)
    values = np.full((rows, columns), np.nan)
    ranges = [g for g in given if g.low < g.high]
    for g in given:
        if g.low == g.high:
            values[:, g.column] = g.low
    asked = np.zeros(columns, bool)
    asked[[g.column for g in ranges]] = True
    todo, forced = np.arange(rows if ranges else 0), 0
    for attempt in range(TRIES + 1):
        if not len(todo):
            break
        drawn = _complete(imputer, values[todo], asked, (*seed, 1 + attempt), steps, 0.0)
        inside = np.all([(drawn[:, g.column] >= g.low) & (drawn[:, g.column] <= g.high)
                         for g in ranges], axis=0)  # fmt: skip
        if attempt == TRIES:
            forced, inside = int((~inside).sum()), np.ones(len(todo), bool)
        for g in ranges:
            values[todo[inside], g.column] = drawn[inside, g.column].clip(g.low, g.high)
        todo = todo[~inside]
    rest = np.ones(columns, bool)
    rest[[g.column for g in given]] = False
    return _complete(imputer, values, rest, (*seed, 0), steps, guidance), forced


def _complete(
    imputer: Imputer, values: np.ndarray, hidden: np.ndarray, seed: tuple[int, ...], steps: int,
    guidance: float,
) -> np.ndarray:  # fmt: skip
    """Draw the columns that are `hidden` (columns,) given those that have values."""
    if not hidden.any():
        return values
    device = imputer.device
    known = torch.from_numpy(~np.isnan(values)).to(device)
    mask = torch.from_numpy(np.broadcast_to(hidden, values.shape).copy()).to(device)
    noise = Noise(seed, values.shape, torch.arange(len(values)), device)
    cells = imputer.table.encode(values).to(device)
    drawn = diffusion.draw(imputer.model, cells, known, mask, noise, steps, guidance)
    return np.where(hidden, decode(imputer, drawn), values)


def tell(imputer: Imputer, forced: int) -> None:
    """Say what the rows lack, and what could not be drawn."""
    left = [n for n, kind in imputer.table.kinds.items() if kind not in (*MODELLED, "constant")]
    if left:
        console.say(f"{', '.join(left)} stay empty: they are not modelled")
    if forced:
        console.warn(
            f"{forced:,} rows hardly ever fall into the ranges given: their values are at the edge"
        )
