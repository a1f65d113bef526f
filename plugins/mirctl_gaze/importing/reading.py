"""The rows of a file as columns of our tables, and which of them cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np

from mirctl.errors import DataError, UsageError, suggest
from mirctl_gaze import schema
from mirctl_gaze.importing.foreign import Foreign, Row
from mirctl_gaze.importing.layouts import Columns, Layout, Part
from mirctl_gaze.schema import Screen

TABLES = {
    "samples": schema.SAMPLES,
    "fixations": {**schema.FIXATIONS, **schema.ASSIGNED},
    "words": schema.WORDS,
    "measures": schema.MEASURES,
}
TIMES = ("time", "start", "duration", "FFD", "GD", "GPT", "TRT", "first_duration")
POSITIVE = {"fixations": ("duration",)}
NOT_NEGATIVE = {"measures": ("FFD", "GD", "GPT", "TRT", "first_duration", "nFix")}
PRESENT = {
    "samples": ("time",), "fixations": ("x", "y", "duration"), "words": ("word",),
    "measures": ("word",),
}  # fmt: skip
BLOCK = 1 << 16


@dataclass(frozen=True)
class Found:
    """Rows of one of our tables; what a file does not tell is not in `columns`."""

    table: str
    columns: Columns
    unusable: list[tuple[int, str]]
    """(line, why)"""


def changed(
    layout: Layout, columns: Mapping[str, str], *, seconds: bool, screen: Screen | None
) -> Layout:
    """A layout with other names of columns, times in seconds, positions as shares of a screen."""
    known = {name for part in layout.parts for name in part.columns}
    for name in columns:
        if name not in known:
            hint = suggest(name, known, f"there are {', '.join(sorted(known))}")
            raise UsageError(f"--column {name}={columns[name]}: {name!r} is none of ours{hint}")
    scale = dict.fromkeys(TIMES, 1000.0) if seconds else {}
    if screen is not None:
        scale |= dict.fromkeys(("x", "x0", "x1"), screen.width)
        scale |= dict.fromkeys(("y", "y0", "y1"), screen.height)
    parts = [
        replace(
            part,
            columns={name: columns.get(name, theirs) for name, theirs in part.columns.items()},
            scale={**part.scale, **scale},
        )
        for part in layout.parts
    ]
    return replace(layout, parts=tuple(parts))


def read(file: Foreign, layout: Layout, name: str) -> Iterator[Found]:
    """All that a file has of a layout, some rows at a time."""
    sources = {
        number: of
        for number, part in enumerate(layout.parts)
        if (of := _sources(part, file.columns)) is not None
    }
    if not sources:
        _refuse(file, layout, name)
    told = layout.names(PurePath(file.name)) if file.name != "-" else {}
    for block in file.blocks(BLOCK):
        for number, places in sources.items():
            yield _found(layout.parts[number], places, block, told, file)


def _sources(part: Part, columns: Sequence[str]) -> dict[str, list[int]] | None:
    """Ours -> the places of the columns it is made of; None where the part is not there."""
    if part.lacks and part.lacks in columns:
        return None
    found = {}
    for ours, theirs in part.columns.items():
        for names in theirs.split("|"):
            if all(name in columns for name in names.split("+")):
                found[ours] = [columns.index(name) for name in names.split("+")]
                break
    return found if all(name in found for name in part.needs) else None


def _refuse(file: Foreign, layout: Layout, name: str) -> None:
    wanted = [
        f"{part.table} want {', '.join(part.columns[ours].strip('|') for ours in part.needs)}"
        for part in layout.parts
    ]
    raise DataError(
        f"is no file of the layout {name}: {'; '.join(dict.fromkeys(wanted))} "
        f"(its columns: {', '.join(file.columns)[:300]}); --column OURS=THEIRS names others",
        where=file.name,
    )


def _found(
    part: Part, places: Mapping[str, list[int]], block: Sequence[Row], told: Mapping[str, str],
    file: Foreign,
) -> Found:  # fmt: skip
    types = TABLES[part.table]
    bad = {
        line: f"has another number of cells than the {len(file.columns)} columns"
        for line, cells in block
        if not cells
    }
    rows = [row for row in block if row[1]]
    lines = np.array([line for line, _ in rows], int)
    columns: Columns = {}
    for ours, of in places.items():
        cells = _cells(rows, of)
        if types[ours] == "text":
            columns[ours] = cells
        else:
            values = _numbers(cells, lines, ours, bad, comma=file.comma)
            columns[ours] = values * part.scale.get(ours, 1.0)
    columns |= {
        key: [value] * len(rows)
        for key, value in told.items()
        if key in types and key not in columns
    }
    if part.fix is not None:
        part.fix(columns)
    _refuse_values(part.table, columns, lines, bad)
    kept = np.flatnonzero(~np.isin(lines, [*bad]))
    columns = {
        name: values[kept] if isinstance(values, np.ndarray) else [values[i] for i in kept]
        for name, values in columns.items()
    }
    return Found(part.table, columns, sorted(bad.items()))


def _cells(rows: Sequence[Row], places: Sequence[int]) -> list[str]:
    if len(places) == 1:
        place = places[0]
        return [(cells[place] or "").strip() for _, cells in rows]
    return ["-".join((cells[place] or "").strip() for place in places) for _, cells in rows]


def _numbers(
    cells: Sequence[str], lines: np.ndarray, name: str, bad: dict[int, str], *, comma: bool
) -> np.ndarray:
    """NaN where a value is missing; what is no number makes its row one that cannot be used."""
    values = ["nan" if cell in schema.MISSING else cell for cell in cells]
    try:
        found = np.array(values, float)
    except ValueError:
        found = np.array(
            [
                _number(value, line, name, bad, comma=comma)
                for value, line in zip(values, lines.tolist(), strict=True)
            ]
        )
    found[~(np.abs(found) < schema.LARGEST)] = np.nan
    return found


def _number(cell: str, line: int, name: str, bad: dict[int, str], *, comma: bool) -> float:
    try:
        return float(cell.replace(",", ".") if comma else cell)
    except ValueError:
        bad.setdefault(line, f"{name} is {cell!r}, which is no number")
        return np.nan


def _refuse_values(table: str, columns: Columns, lines: np.ndarray, bad: dict[int, str]) -> None:
    """Note the rows whose values cannot be right."""

    def note(wrong: np.ndarray, why: str) -> None:
        for line in lines[wrong].tolist():
            bad.setdefault(line, why)

    for name in PRESENT[table]:
        note(np.isnan(columns[name]), f"no {name}")
    for name in POSITIVE.get(table, ()):
        note(columns[name] <= 0, f"{name} is not above 0")
    for name in NOT_NEGATIVE.get(table, ()):
        if name in columns:
            note(columns[name] < 0, f"{name} is below 0")
    if "word" in columns:
        note(columns["word"] % 1 > 0, "word is no whole number")
