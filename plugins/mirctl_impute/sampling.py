"""Making rows: from nothing, or with some columns given."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError, UsageError, suggest
from mirctl.shards import WHOLE, Shard
from mirctl.tables import new_table
from mirctl_impute import writing
from mirctl_impute.columns import CategoryColumn
from mirctl_impute.drawing import Drawer, Drawn
from mirctl_impute.imputer import Imputer
from mirctl_impute.rules import Range
from mirctl_impute.schema import MODELLED

TRIES = 50
"""Draws in which a value may fall into the range asked for, before it is put at its edge."""


def parse(imputer: Imputer, texts: Sequence[str]) -> list[Range]:
    """`income=>50K`, `age=30..40`, `age=30..`; several with commas between. A range whose ends are
    equal is one value."""
    names = {column.name: i for i, column in enumerate(imputer.table.columns)}
    given: dict[int, Range] = {}
    for part in (part for text in texts for part in _parts(text, names)):
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or name not in names:
            hint = suggest(name, names, f"learned columns: {', '.join(names)}")
            raise UsageError(f"--given {part!r}: write COLUMN=VALUE or COLUMN=LOW..HIGH{hint}")
        if names[name] in given:
            raise UsageError(f"--given {name!r} is there twice: give one value or range")
        try:
            given[names[name]] = _wanted(imputer, names[name], value.strip())
        except UsageError:
            _refuse_misspelt(value, names)
            raise
    _check_constraints(imputer, list(given.values()))
    return list(given.values())


def _check_constraints(imputer: Imputer, given: Sequence[Range]) -> None:
    """Refuse what no row can have that keeps the model's constraints."""
    rules = imputer.table.rules.within([g for g in given if g.low < g.high])
    if rules.impossible({g.column: g.low for g in given if g.low == g.high}):
        kept = ", ".join(imputer.table.constraints)
        raise UsageError(f"--given: no such row keeps the constraints of the model ({kept})")


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


def _refuse_misspelt(value: str, names: dict[str, int]) -> None:
    """A value that is none may hold what was meant as another column, behind a comma."""
    for piece in value.split(",")[1:]:
        name, equals, _ = piece.partition("=")
        if equals:
            hint = suggest(name.strip(), names, f"learned columns: {', '.join(names)}")
            raise UsageError(f"--given {piece.strip()!r}: no column {name.strip()!r}{hint}")


def _wanted(imputer: Imputer, index: int, value: str) -> Range:
    column = imputer.table.columns[index]
    present = np.array([True])
    if isinstance(column, CategoryColumn):
        code = column.parse([value], present, 1, "--given")[0]
        if np.isnan(code):
            known = [text.strip() for text in column.spellings]
            hint = suggest(value, known, f"known: {', '.join(known[:20])}")
            raise UsageError(f"--given {column.name}={value}: no such category{hint}")
        return Range(index, code, code)
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
    first = float(column.beyond(np.array([first]), 1, strict=False)[0])
    last = float(column.beyond(np.array([last]), -1, strict=False)[0])
    if first > last:
        raise UsageError(f"--given {column.name}={value}: the column has no value in between")
    return Range(index, first, last)


def sample(
    imputer: Imputer, count: int, target: Path | str, given: Sequence[Range], *, seed: int,
    steps: int, guidance: float, shard: Shard = WHOLE,
) -> int:  # fmt: skip
    """Write rows, or a part of so many; give how many had to be moved to where ranges and
    constraints hold."""
    table = imputer.table
    moved = 0
    size = imputer.block_rows
    wanted = shard.rows(count, size)
    with (
        writing.progress("sample", len(wanted), target) as advance,
        new_table(target, table.names, table.storage, header=not table.headless) as out,
    ):
        for start in range(wanted.start, wanted.stop, size):
            rows = min(size, wanted.stop - start)
            numbers = np.arange(start, start + rows)
            drawn = draw_rows(imputer, numbers, given, seed, steps, guidance)
            moved += drawn.moved
            cells = {c.name: c.text(drawn.values[:, i]) for i, c in enumerate(table.columns)}
            cells |= {name: [text] * rows for name, text in table.constants.items()}
            out.write({name: cells.get(name, [None] * rows) for name in table.names})
            advance(rows)
    return moved


def draw_rows(
    imputer: Imputer, rows: np.ndarray, given: Sequence[Range], seed: int, steps: int,
    guidance: float = 0.0,
) -> Drawn:  # fmt: skip
    """The rows of these numbers (rows,), with some columns given and the constraints kept.

    A range is one more constraint. Where guidance is asked for, the columns with ranges are first
    drawn without it, and are then given too.
    """
    values = np.full((len(rows), len(imputer.table.columns)), np.nan)
    ranges = [g for g in given if g.low < g.high]
    for g in given:
        if g.low == g.high:
            values[:, g.column] = g.low
    drawer = Drawer(imputer, imputer.table.rules.within(ranges), steps, TRIES)
    if not ranges or not guidance:
        return drawer.draw(values, np.isnan(values), rows, (seed, 0), guidance)
    drawn = drawer.draw(values, np.isnan(values), rows, (seed, 0))
    for g in ranges:
        values[:, g.column] = drawn.values[:, g.column]
    guided = drawer.draw(values, np.isnan(values), rows, (seed, 1), guidance)
    return Drawn(guided.values, drawn.moved + guided.moved)


def tell(imputer: Imputer, moved: int) -> None:
    """Say what the rows lack, and what could not be drawn."""
    left = [n for n, kind in imputer.table.kinds.items() if kind not in (*MODELLED, "constant")]
    if left:
        console.say(f"not learned, so left empty: {', '.join(left)}")
    if moved:
        console.warn(
            f"at the edge of the ranges given, or of the constraints: {counted(moved, 'row')}, "
            "since few or none fall inside"
        )
