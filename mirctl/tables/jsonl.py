"""JSONL: one object a line, read without guessing dates or rounding whole numbers."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirctl.errors import DataError
from mirctl.tables.columns import require_columns
from mirctl.tables.source import BLOCK_BYTES, Source, at_row, open_source

if TYPE_CHECKING:
    import pyarrow as pa

EXACT_FLOAT = 2**53


def read_jsonl(source: Source, columns: Sequence[str] | None) -> pa.Table:
    """By arrow where it reads what is written; a row at a time where types differ or it fails."""
    import pyarrow as pa
    from pyarrow import json as arrow

    try:
        table = arrow.read_json(source.open(), arrow.ReadOptions(block_size=BLOCK_BYTES))
        table.validate(full=True)
    except pa.ArrowInvalid:
        table = None
    if table is None or not _read_as_written(table):
        table = _table_of(row for _, row in json_rows(source))
    require_columns(columns or (), table.column_names, source.name)
    return table.select(list(columns)) if columns else table


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


def json_rows(path: Path | str | Source) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of each line of JSONL that is not blank, one at a time."""
    source = path if isinstance(path, Source) else open_source(path)
    text = io.TextIOWrapper(source.open(), encoding="utf-8-sig", newline="\n")
    for number in itertools.count(1):
        where = at_row(source.name, number)
        try:
            line = text.readline()
            row = json.loads(line) if line.strip() else None
        except UnicodeDecodeError as error:
            raise DataError(f"is not UTF-8 ({error.reason})", where=where) from error
        except ValueError as error:
            raise DataError(f"is not JSON: {error}", where=where) from error
        if not line:
            return
        if isinstance(row, dict):
            yield number, row
        elif line.strip():
            raise DataError(
                f"is {line[:40].strip()!r} where a JSON object is expected", where=where
            )


def _table_of(rows: Iterable[dict[str, Any]]) -> pa.Table:
    columns: dict[str, list[Any]] = {}
    count = 0
    for count, row in enumerate(rows, start=1):
        for name, value in row.items():
            column = columns.setdefault(name, [])
            column.extend([None] * (count - 1 - len(column)))
            column.append(value)
    for column in columns.values():
        column.extend([None] * (count - len(column)))
    return _arrow_table({name: _arrow_column(values) for name, values in columns.items()})


def _arrow_table(columns: dict[str, pa.Array]) -> pa.Table:
    import pyarrow as pa

    return pa.table(columns)


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
