"""JSONL: one object a line, read without guessing dates or rounding whole numbers."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirctl import files
from mirctl.errors import DataError
from mirctl.tables.columns import refuse_repeated, require_columns
from mirctl.tables.source import BLOCK_BYTES, HEAD_BYTES, Source, at_row, open_source

if TYPE_CHECKING:
    import pyarrow as pa

EXACT_FLOAT = 2**53
DEEPEST = 100
"""Lists and objects in each other; whatever walks through more of them may run out of stack."""
MANY_BRACKETS = 500
"""Opened in one row: it may be nested so deep that arrow's parser crashes."""


def read_jsonl(source: Source, columns: Sequence[str] | None) -> pa.Table:
    """By arrow where it reads what is written; a row at a time where types differ or it fails."""
    table = None if _may_be_deep(source) else _by_arrow(source)
    if table is None or not _read_as_written(table):
        table = _table_of((row for _, row in json_rows(source)), source.name)
    require_columns(columns or (), table.column_names, source.name)
    return table.select(list(columns)) if columns else table


def _by_arrow(source: Source) -> pa.Table | None:
    import pyarrow as pa
    from pyarrow import json as arrow

    try:
        table = arrow.read_json(source.open(), arrow.ReadOptions(block_size=BLOCK_BYTES))
        table.validate(full=True)
    except pa.ArrowInvalid:
        return None
    return table


def _read_as_written(table: pa.Table) -> bool:
    """Arrow turns text that looks like a date into a date, and huge whole numbers into floats."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for column in table.columns:
        if "timestamp" in str(column.type):
            return False
        if pa.types.is_floating(column.type):
            largest = pc.max(pc.abs(column)).as_py()
            if largest is not None and largest >= EXACT_FLOAT:
                return False
    return True


def _may_be_deep(source: Source) -> bool:
    """Does any row open many brackets? Those in texts count, too: they cannot hide a deep row."""
    import numpy as np

    carried = 0
    with source.open() as stream:
        while chunk := stream.read(BLOCK_BYTES):
            letters = np.frombuffer(chunk, np.uint8)
            opened = np.flatnonzero((letters == ord("[")) | (letters == ord("{")))
            ends = np.searchsorted(opened, np.flatnonzero(letters == ord("\n")))
            counts = np.diff(ends, prepend=-carried, append=len(opened))
            if counts.max() > MANY_BRACKETS:
                return True
            carried = counts[-1]
    return False


def json_rows(path: Path | str | Source) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of each line of JSONL that is not blank, one at a time."""
    source = path if isinstance(path, Source) else open_source(path)
    refusals = files.unreadable_is(DataError, source.name)
    with refusals, io.BufferedReader(source.open(), HEAD_BYTES) as lines:
        for number, line in enumerate(lines, start=1):
            where = at_row(source.name, number)
            text = _decoded(line, where)
            if text.strip():
                yield number, json_object(text, where)


def json_object(line: str, where: str, parse: Callable[[str], Any] = json.loads) -> dict[str, Any]:
    """The object that a line of JSON holds."""
    row = json_value(line, where, parse)
    if not isinstance(row, dict):
        shown = line[:40].strip()
        raise DataError(f"is {shown!r} where a JSON object is expected", where=where)
    return row


def json_value(line: str | bytes, where: str, parse: Callable[[str], Any] = json.loads) -> Any:
    """What a line of JSON holds."""
    text = line if isinstance(line, str) else _decoded(line, where)
    try:
        value = parse(text)
        deep = text.count("[") + text.count("{") > DEEPEST and _is_deep(value)
    except ValueError as error:
        raise DataError(f"is not JSON: {error}", where=where) from error
    except RecursionError:
        deep = True
    if deep:
        raise DataError(f"is nested more than {DEEPEST} deep", where=where)
    return value


def _decoded(line: bytes, where: str) -> str:
    try:
        return line.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise DataError(f"is not UTF-8 ({error.reason})", where=where) from error


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        nested = [item for item in level if isinstance(item, list | dict)]
        level = [v for item in nested for v in (item if isinstance(item, list) else item.values())]
    return any(isinstance(item, list | dict) for item in level)


def _table_of(rows: Iterable[dict[str, Any]], where: str) -> pa.Table:
    import pyarrow as pa

    columns: dict[str, list[Any]] = {}
    count = 0
    for count, row in enumerate(rows, start=1):
        for name, value in row.items():
            column = columns.setdefault(name, [])
            column.extend([None] * (count - 1 - len(column)))
            column.append(value)
    for column in columns.values():
        column.extend([None] * (count - len(column)))
    names = refuse_repeated([_whole(name) for name in columns], where)
    return pa.table([_arrow_column(values) for values in columns.values()], names)


def _arrow_column(values: list[Any]) -> pa.Array:
    """As arrow takes it; values of several types become text, each as it was written."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except UnicodeEncodeError:  # half of a character, as "\\ud83d" alone: no text can hold it
        return _arrow_column([_whole(value) for value in values])
    except (pa.ArrowException, OverflowError):
        text = (v if v is None or isinstance(v, str) else json.dumps(v) for v in values)
        return pa.array([_whole(value) for value in text], pa.string())


def _whole(value: Any) -> Any:
    """The value, in all its depth, with a question mark for each half character."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    return value
