"""Imported files as a folder of tables: words, fixations, measures, and what cannot be used."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mirctl import console, files
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl_gaze import output
from mirctl_gaze.importing.foreign import open_foreign
from mirctl_gaze.importing.layouts import LAYOUTS, Columns, Layout
from mirctl_gaze.importing.reading import TABLES, Found, changed, read
from mirctl_gaze.schema import Screen

NOTE = "import.json"
"""By which a folder is known to be an import."""
UNUSABLE_ROWS = "unusable"
UNUSABLE = {"file": "text", "line": "int64", "why": "text"}
SHOWN = 5
DIGITS = 9
"""What others measured comes through as it was, but for the noise of seconds made ms."""


@dataclass
class Imported:
    """What became of all rows."""

    layout: str
    files: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    unusable: int = 0
    shown: list[str] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        """For a document."""
        return {
            "layout": self.layout, "files": self.files, "rows": self.rows,
            "unusable": self.unusable,
        }  # fmt: skip

    def tell(self) -> None:
        """Say it to people."""
        if self.unusable:
            more = ", ..." if self.unusable > len(self.shown) else ""
            console.warn(
                f"{counted(self.unusable, 'row')} cannot be used, and stand in unusable.csv: "
                f"{', '.join(self.shown)}{more}"
            )
        tables = ", ".join(f"{counted(n, 'row')} of {table}" for table, n in self.rows.items())
        console.say(f"{counted(self.files, 'file')}: {tables or 'nothing that can be used'}")


def import_files(
    name: str, paths: Sequence[str], out: Path, *, columns: Mapping[str, str] = {},
    encoding: str | None = None, seconds: bool = False, screen: Screen | None = None,
    kind: str = "csv", force: bool = False,
) -> Imported:  # fmt: skip
    """Write the tables that files of a layout hold into a new folder."""
    layout = changed(LAYOUTS[name], columns, seconds=seconds, screen=screen)
    with files.atomic_folder(out, force=force, marker=NOTE) as folder:
        told = _write(name, layout, paths, folder, encoding, kind)
        if not told.rows:
            raise DataError("no row can be used" + _first(told), where=paths[0])
        note = json.dumps(told.facts(), indent=2, ensure_ascii=False)
        files.write_text(folder / NOTE, note + "\n")
    return told


def _first(told: Imported) -> str:
    return f": {told.shown[0]}" if told.shown else ""


def _write(
    name: str, layout: Layout, paths: Sequence[str], folder: Path, encoding: str | None, kind: str
) -> Imported:
    told, words, tables = Imported(name), _Words(), _Tables()
    with console.progress("import", 0, "rows") as advance:
        for path in paths:
            told.files += 1
            # Of several parts that a file has, a row that is wrong is wrong once.
            lines: set[int] = set()
            order = _Order()
            for found in read(open_foreign(path, encoding), layout, name):
                advance(len(next(iter(found.columns.values()))))
                _note(found, path, lines, told, tables)
                if found.table == "words":
                    words.add(found.columns, path)
                else:
                    tables.add(found.table, order.complete(found))
    words.give(tables)
    counts = tables.write(folder, kind)
    told.rows = {table: count for table, count in counts.items() if table != UNUSABLE_ROWS}
    return told


def _note(found: Found, path: str, lines: set[int], told: Imported, tables: _Tables) -> None:
    new = [(line, why) for line, why in found.unusable if line not in lines]
    lines.update(line for line, _ in new)
    told.unusable += len(new)
    shown = [f"{path}, line {line} ({why})" for line, why in new[: SHOWN - len(told.shown)]]
    told.shown += shown
    if new:
        tables.add(
            UNUSABLE_ROWS,
            {
                "file": [path] * len(new),
                "line": np.array([line for line, _ in new]),
                "why": [why for _, why in new],
            },
        )


class _Order:
    """Gives fixations an index and a start where a file only has them one after the other."""

    def __init__(self) -> None:
        self.count, self.time = 0, 0.0

    def complete(self, found: Found) -> Columns:
        columns = dict(found.columns)
        of_one = len(set(columns.get("trial", ()))) <= 1
        if found.table != "fixations" or "start" in columns or not of_one:
            return columns
        duration = columns["duration"]
        if "index" not in columns:
            columns["index"] = np.arange(1, len(duration) + 1) + self.count
        columns["start"] = self.time + np.cumsum(duration) - duration
        self.count += len(duration)
        self.time += float(duration.sum())
        return columns


class _Words:
    """The words of each text, once, however many readers there are."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.texts: dict[tuple[str, int], str] = {}
        self.rows: dict[tuple[Any, ...], None] = {}

    def add(self, columns: Columns, path: str) -> None:
        if not self.names:
            self.names = list(columns)
        count = len(columns["word"])
        trials = columns.get("trial", [""] * count)
        numbers = columns["word"].astype(int).tolist()
        for trial, number, text in zip(trials, numbers, columns["text"], strict=True):
            if self.texts.setdefault((trial, number), text) != text:
                raise DataError(
                    f"trial {trial!r} has for its word {number} {text!r} and "
                    f"{self.texts[trial, number]!r}: say which column tells texts apart, as in "
                    "--column trial=ITEM, or import them apart",
                    where=path,
                )
        lists = [columns[name] for name in self.names if name in columns]
        # NaN is no other's equal: a box that is not told would make a row of its own each time.
        cells = [
            [None if v != v else v for v in c.tolist()] if isinstance(c, np.ndarray) else c
            for c in lists
        ]
        self.rows |= dict.fromkeys(zip(*cells, strict=True))

    def give(self, tables: _Tables) -> None:
        if not self.rows:
            return
        place = [self.names.index(name) for name in ("trial", "word") if name in self.names]
        rows = sorted(self.rows, key=lambda row: row[place[0]]) if len(place) > 1 else [*self.rows]
        cells = dict(zip(self.names, zip(*rows, strict=True), strict=True))
        types = TABLES["words"]
        tables.add(
            "words",
            {n: list(c) if types[n] == "text" else np.array(c, float) for n, c in cells.items()},
        )


class _Tables:
    """What was found for each of our tables, held until it is known which columns there are."""

    def __init__(self) -> None:
        self.found: dict[str, list[Columns]] = {}

    def add(self, table: str, columns: Columns) -> None:
        if len(next(iter(columns.values()))):
            self.found.setdefault(table, []).append(columns)

    def write(self, folder: Path, kind: str) -> dict[str, int]:
        """Write them, each with the columns that any file told; give the counts of rows."""
        counts = {}
        for table, parts in self.found.items():
            types = UNUSABLE if table == UNUSABLE_ROWS else TABLES[table]
            suffix = "csv" if table == UNUSABLE_ROWS else kind
            without = [name for name in types if not any(name in part for part in parts)]
            target = folder / f"{table}.{suffix}"
            with output.table(target, types, suffix, without, DIGITS) as results:
                for part in parts:
                    results.write({**_nothing(results.types, part), **part})
            counts[table] = results.rows
        return counts


def _nothing(types: Mapping[str, str], part: Columns) -> Columns:
    """Empty columns for what a part does not tell."""
    count = len(next(iter(part.values())))
    return {
        name: [""] * count if held == "text" else np.full(count, np.nan)
        for name, held in types.items()
    }
