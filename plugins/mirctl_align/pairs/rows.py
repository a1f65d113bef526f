"""Rows of a table as objects, and what one of their cells must be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from mirctl import console
from mirctl.errors import DataError
from mirctl.tables import Source, at_row, json_rows, open_source, read_table

BLOCK = 1024
Row = Mapping[str, Any]


def rows(path: Path | str) -> Iterator[tuple[str, Row]]:
    """(file and row, the row) of each; only JSONL and Parquet can hold lists and objects."""
    source = open_source(path)
    with console.progress(f"reading {source.name}", 0, "rows") as advance:
        for number, row in json_rows(source) if source.kind == "jsonl" else _table_rows(source):
            advance()
            yield at_row(source.name, number), row


def _table_rows(source: Source) -> Iterator[tuple[int, Row]]:
    blocks = read_table(source).to_batches(max_chunksize=BLOCK)
    yield from enumerate(chain.from_iterable(block.to_pylist() for block in blocks), start=1)


def missing(row: Row, name: str) -> bool:
    """CSV and TSV cannot tell an empty text from none."""
    return row.get(name) in (None, "")


def number(
    row: Row, name: str, where: str, *, default: float | None = None,
    low: float = -math.inf, high: float = math.inf,
) -> float:  # fmt: skip
    """A finite number in these bounds; `default` where there is none, an error without one."""
    value = row.get(name)
    if missing(row, name) and default is not None:
        return default
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise DataError(f"{name} is {shown(value)}: it must be a finite number", where=where)
    if low <= found <= high:
        return found
    bounds = f"at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
    raise DataError(f"{name} is {shown(value)}: it must be {bounds}", where=where)


def label(row: Row, name: str, where: str) -> str:
    """A text, or a whole number as text; nothing is ''."""
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise DataError(f"{name} is {shown(value)}: it must be a text", where=where)


def shown(value: object) -> str:
    """A value as messages quote it."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
