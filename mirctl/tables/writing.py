"""Writing a table of any kind, to a file or stdout."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mirctl import console, files
from mirctl.errors import UsageError
from mirctl.tables.separated import SEPARATORS
from mirctl.tables.source import KINDS

if TYPE_CHECKING:
    import pyarrow as pa


def write_table(target: Path | str, table: pa.Table) -> None:
    """Write a table, as JSONL, CSV, TSV or Parquet by the suffix of `target`; `-` is JSONL."""
    if _kind_to_write(target) == "parquet":
        from pyarrow import parquet

        with files.atomic_file(Path(target)) as file:
            parquet.write_table(table, file)
        return
    batches = table.to_batches(max_chunksize=10_000)
    write_rows(target, (row for batch in batches for row in batch.to_pylist()))


def write_rows(
    target: Path | str, rows: Iterable[Mapping[str, Any]], columns: Sequence[str] = ()
) -> int:
    """Write rows as they come, by the suffix of `target` (`-`: JSONL on stdout); give the count.

    `columns` are what a table without rows has.
    """
    count = 0

    def counted() -> Iterator[Mapping[str, Any]]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    kind = _kind_to_write(target)
    if str(target) == "-":
        for row in counted():
            console.emit(json.dumps(row, ensure_ascii=False))
        return count
    writers = {"jsonl": _write_jsonl, "parquet": _write_parquet}
    with files.atomic_file(Path(target)) as file:
        writers.get(kind, _write_separated)(file, counted(), kind)
        if not count and kind != "jsonl":
            _write_empty(file, columns, kind)
    return count


def _write_empty(file: IO[bytes], columns: Sequence[str], kind: str) -> None:
    if kind == "parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.table({name: pa.array([], pa.string()) for name in columns}), file)
    elif columns:
        file.write((SEPARATORS[kind].join(columns) + "\n").encode())


def _kind_to_write(target: Path | str) -> str:
    if str(target) == "-":
        return "jsonl"
    suffix = Path(target).suffix.lower()
    if suffix not in KINDS:
        raise UsageError(f"end its name in one of {', '.join(KINDS)}", where=str(target))
    return KINDS[suffix]


def _write_jsonl(file: IO[bytes], rows: Iterator[Mapping[str, Any]], kind: str) -> None:
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")


def _write_separated(file: IO[bytes], rows: Iterator[Mapping[str, Any]], kind: str) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = None
    for row in rows:
        if writer is None:
            names = list(row)
            writer = csv.DictWriter(text, names, delimiter=SEPARATORS[kind], lineterminator="\n")
            writer.writeheader()
        if nested := [name for name, value in row.items() if isinstance(value, list | dict)]:
            raise UsageError(f"{kind.upper()} cannot hold the list {nested[0]!r}: use .jsonl")
        writer.writerow(row)
    text.detach()


def _write_parquet(file: IO[bytes], rows: Iterator[Mapping[str, Any]], kind: str) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    writer = None
    while batch := list(itertools.islice(rows, 10_000)):
        if writer is None:
            # A column that starts empty would have no type, and refuse what comes later.
            schema = pa.schema(
                field.with_type(pa.string()) if pa.types.is_null(field.type) else field
                for field in pa.Table.from_pylist(batch).schema
            )
            writer = parquet.ParquetWriter(file, schema)
        writer.write_table(pa.Table.from_pylist(batch, schema=writer.schema))
    if writer is not None:
        writer.close()
