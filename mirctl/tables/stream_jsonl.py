"""JSONL as a stream: only the values that are filled change in a line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

from mirctl.errors import UsageError
from mirctl.tables.json_text import Number, members, parsed, with_members, written
from mirctl.tables.source import at_row
from mirctl.tables.stream import Block, Cells, Filled, NewTable, Writer
from mirctl.tables.stream_ends import Input, open_output
from mirctl.tables.stream_lines import (
    Blanks,
    Lines,
    LineWriter,
    after_bom,
    cut_lines,
    in_blocks,
    texts,
)
from mirctl.tables.stream_new import ToAnyFormat

LONGEST = 256 << 20
ROWS_WITH_THE_COLUMNS = 10_000


@dataclass
class _Objects:
    """The lines of a block, and the keys in them that are no columns."""

    lines: Lines
    unseen: list[str]

    def __len__(self) -> int:
        return len(self.lines)


class JsonlStream(ToAnyFormat):
    """A table whose columns are the keys of its first rows."""

    def __init__(self, source: Input, names: Sequence[str] | None) -> None:
        if names is not None:
            raise UsageError("JSONL names its columns itself", where=source.name)
        self.name, self.kind, self.source = source.name, source.kind, source
        self.blanks = Blanks(of_spaces=True)
        self.bom = ""
        pieces = self._start()
        start = next(in_blocks(_kept(pieces, kept := []), ROWS_WITH_THE_COLUMNS, self.name), None)
        self.types = _types(self._objects(start or Lines(), 1))
        self.columns = list(self.types)
        self.rest = chain(kept, pieces) if source.once else None

    def blocks(self, rows: int) -> Iterator[Block]:
        pieces = self.rest if self.source.once and self.rest else self._start()
        self.rest = None
        first = 1
        for lines in in_blocks(pieces, rows, self.name):
            objects = self._objects(lines, first)
            unseen = set().union(*objects).difference(self.types)
            yield Block(first, self._cells(objects, lines), _Objects(lines, sorted(unseen)))
            first += len(lines)

    def values(self, block: Block, column: str) -> list[Any]:
        return [json.loads(row).get(column) for row in block.raw.lines.rows]

    @contextmanager
    def own_writer(
        self, target: Path | str, before: Sequence[str], after: Sequence[str],
        types: Mapping[str, str],
    ) -> Iterator[Writer]:  # fmt: skip
        """Write in the same format: what is not filled stays as it was read."""
        with open_output(target) as file:
            lines = LineWriter(file)
            lines.text(self.bom)
            yield _JsonlWriter(self, lines, before, after, types)
            lines.text(self.blanks.tail)

    def _start(self) -> Iterator[Lines]:
        self.bom, content = after_bom(texts(self.source))
        return self.blanks.skipped(cut_lines(content, any_end=False, longest=LONGEST))

    def _objects(self, lines: Lines, first: int) -> list[dict[str, Any]]:
        return [
            parsed(row, at_row(self.name, number)) for number, row in enumerate(lines.rows, first)
        ]

    def _cells(self, objects: list[dict[str, Any]], lines: Lines) -> dict[str, list[str | None]]:
        cells = {}
        for name, kind in self.types.items():
            if kind == "opaque":
                cells[name] = [None] * len(objects)
                continue
            values = [row.get(name) for row in objects]
            cells[name] = [
                value if value is None or type(value) is str else _text(value, row, name)
                for value, row in zip(values, lines.rows, strict=True)
            ]
        return cells


def _kept(pieces: Iterable[Lines], kept: list[Lines]) -> Iterator[Lines]:
    for piece in pieces:
        kept.append(piece)
        yield piece


def _text(value: Any, row: str, name: str) -> str | None:
    """What is no text, as it stands in its row."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):  # NaN and Infinity, which JSON does not have but Python writes
        return None if math.isnan(value) else str(value)
    start, stop = members(row)[name]
    return row[start:stop]


def _types(objects: list[dict[str, Any]]) -> dict[str, str]:
    """What each column holds: one type where all its values have it, else text."""
    found: dict[str, set[str]] = {}
    for row in objects:
        for name, value in row.items():
            found.setdefault(name, set()).add(_type(value))
    return {name: _common_type(types - {"null"}) for name, types in found.items()}


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Number | float):
        return "number"
    return "text" if isinstance(value, str) else "opaque"


def _common_type(types: set[str]) -> str:
    if "opaque" in types:
        return "opaque"
    if not types:
        return "null"
    return types.pop() if len(types) == 1 else "text"


class _JsonlWriter:
    def __init__(
        self, stream: JsonlStream, lines: LineWriter, before: Sequence[str],
        after: Sequence[str], types: Mapping[str, str],
    ) -> None:  # fmt: skip
        # What the stream never showed may be known to whoever writes.
        shown = {n: t for n, t in stream.types.items() if t != "null" or n not in types}
        self.name, self.types, self.lines = stream.name, {**types, **shown}, lines
        self.before, self.after = before, after

    def write(self, block: Block, filled: Filled = {}, added: Cells = {}) -> None:
        lines = block.raw.lines
        changes: dict[int, dict[str, str]] = {}
        for name, cells in filled.items():
            for row, text in cells.items():
                where = at_row(self.name, block.first + row)
                changes.setdefault(row, {})[name] = written(text, self.types[name], name, where)
        rows = list(lines.rows)
        for row, values in changes.items():
            rows[row] = with_members(rows[row], inside=values)
        if self.before or self.after:
            before = self._added(self.before, added, block)
            after = self._added(self.after, added, block)
            rows = [
                with_members(row, before=front, after=end)
                for row, front, end in zip(rows, before, after, strict=True)
            ]
        self.lines.put(Lines(lines.leads, rows, lines.ends))

    def _added(self, names: Sequence[str], added: Cells, block: Block) -> list[dict[str, str]]:
        columns = {name: added[name] for name in names}
        return json_values(columns, self.types, self.name, block.first, len(block))


def json_values(
    columns: Cells, types: Mapping[str, str], table: str, first: int, count: int
) -> list[dict[str, str]]:
    """For each row, its keys and their values in JSON."""
    rows: list[dict[str, str]] = [{} for _ in range(count)]
    for name, cells in columns.items():
        kind = json_type(types.get(name, "text"))
        for number, (row, cell) in enumerate(zip(rows, cells, strict=True), first):
            row[name] = written(cell, kind, name, at_row(table, number))
    return rows


def json_type(kind: str) -> str:
    """JSON's type for a column that another format, as Parquet, says the type of."""
    if re.match(r"u?int\d|float|halffloat|double|decimal", kind):
        return "number"
    return kind if kind in ("number", "numbers", "bool") else "text"


@contextmanager
def new_jsonl(
    target: Path | str, columns: Sequence[str], types: Mapping[str, str], kind: str
) -> Iterator[NewTable]:
    """A JSONL table of rows that are made from nothing."""
    with open_output(target) as file:
        name = "stdout" if str(target) == "-" else str(target)
        yield _NewJsonl(file, columns, types, name)


class _NewJsonl:
    def __init__(
        self, file: IO[bytes], columns: Sequence[str], types: Mapping[str, str], name: str
    ) -> None:
        self.file, self.columns, self.types, self.name = file, columns, types, name
        self.next = 1

    def write(self, cells: Cells) -> None:
        columns = {name: cells[name] for name in self.columns}
        count = len(next(iter(columns.values()), ()))
        rows = json_values(columns, self.types, self.name, self.next, count)
        self.next += count
        text = "".join(with_members("{}", after=row) + "\n" for row in rows)
        self.file.write(text.encode("utf-8", "replace"))
