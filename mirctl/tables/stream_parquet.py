"""Parquet as a stream: row batches of one schema in, and out."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet

from mirctl.errors import DataError, UsageError
from mirctl.tables.arrow_text import cells_of, filled_column, is_opaque, type_of, typed
from mirctl.tables.columns import refuse_repeated
from mirctl.tables.source import Source
from mirctl.tables.stream import Block, Cells, Filled, NewTable, Writer
from mirctl.tables.stream_ends import Input, open_output
from mirctl.tables.stream_new import ToAnyFormat

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_ROWS, MOST_CELLS = 1 << 16, 1 << 22
"""Of a row group: one needs memory as a whole, and many small ones make a file slow to read."""


class ParquetStream(ToAnyFormat):
    """A Parquet table; from a pipe it is read as a whole, since its index stands at the end."""

    def __init__(self, source: Input, names: Sequence[str] | None) -> None:
        if names is not None:
            raise UsageError("Parquet names its columns itself", where=source.name)
        self.name, self.kind = source.name, source.kind
        self.table = source.source
        if source.once or self.table.packing:
            self.table = Source(self.name, self.kind, None, b"".join(source.chunks()))
        with self._open() as file:
            self.schema = file.schema_arrow
            groups = file.metadata.num_row_groups and file.metadata.num_columns
            self.codec = file.metadata.row_group(0).column(0).compression if groups else "SNAPPY"
        self.columns = refuse_repeated(self.schema.names, self.name)
        self.types = {
            field.name: "opaque" if is_opaque(field.type) else str(field.type)
            for field in self.schema
        }

    def blocks(self, rows: int) -> Iterator[Block]:
        first = 1
        for table in _in_tables(self._batches(rows), rows):
            cells = {
                name: [None] * len(table) if kind == "opaque" else cells_of(table[name])
                for name, kind in self.types.items()
            }
            yield Block(first, cells, table)
            first += len(table)

    def values(self, block: Block, column: str) -> list[Any]:
        return block.raw[column].to_pylist()

    @contextmanager
    def own_writer(
        self, target: Path | str, before: Sequence[str], after: Sequence[str],
        types: Mapping[str, str],
    ) -> Iterator[Writer]:  # fmt: skip
        """Write in the same format: what is not filled stays as it was read; a column without any
        value takes the type that is told of it, since it may be filled."""
        front, end = _fields(before, types), _fields(after, types)
        own = [
            field.with_type(type_of(types[field.name])) if _may_be_filled(field, types) else field
            for field in self.schema
        ]
        schema = pa.schema([*front, *own, *end], self.schema.metadata)
        with _groups(target, schema, self.codec) as groups:
            yield _ParquetWriter(self, groups)

    @contextmanager
    def _open(self) -> Iterator[parquet.ParquetFile]:
        try:
            with (
                self.table.open() as source,
                parquet.ParquetFile(source, buffer_size=1 << 20) as file,
            ):
                yield file
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"cannot be read as Parquet: {error}", where=self.name) from error

    def _batches(self, rows: int) -> Iterator[pa.Table]:
        with self._open() as file:
            batches = file.iter_batches(min(rows, rows_in_a_group(len(self.columns))))
            while (batch := next(batches, None)) is not None:
                batch.validate(full=True)
                yield pa.Table.from_batches([batch]).cast(self.schema)


def rows_in_a_group(columns: int) -> int:
    return max(1, min(MOST_ROWS, MOST_CELLS // max(columns, 1)))


def _in_tables(pieces: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Tables of exactly `rows` rows, but the last."""
    if rows < 1:
        raise ValueError(f"a block of {rows} rows holds nothing: ask for 1 or more")
    held: list[pa.Table] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += len(piece)
        if count >= rows:
            whole = pa.concat_tables(held)
            full = count - count % rows
            for start in range(0, full, rows):
                yield whole.slice(start, rows)
            held, count = [whole.slice(full)], count - full
    if count:
        yield pa.concat_tables(held)


def _may_be_filled(field: pa.Field, types: Mapping[str, str]) -> bool:
    """Is a column of the type null one that could hold values?"""
    return pa.types.is_null(field.type) and types.get(field.name, "null") != "null"


def _fields(names: Sequence[str], types: Mapping[str, str]) -> list[pa.Field]:
    return [pa.field(name, type_of(types.get(name, "text"))) for name in names]


class _ParquetWriter:
    def __init__(self, stream: ParquetStream, groups: _Groups) -> None:
        self.stream, self.groups = stream, groups

    def write(self, block: Block, filled: Filled = {}, added: Cells = {}) -> None:
        columns = []
        for field in self.groups.schema:
            name = field.name
            if name not in self.stream.types:
                numbers = range(block.first, block.first + len(block))
                columns.append(typed(added[name], field, self.stream.name, numbers))
            elif cells := filled.get(name):
                columns.append(
                    filled_column(block.raw[name], cells, field, self.stream.name, block.first)
                )
            else:
                raw = block.raw[name]
                columns.append(raw if raw.type == field.type else raw.cast(field.type))
        self.groups.add(pa.table(columns, schema=self.groups.schema))


class _Groups:
    """Row groups of one size, whatever the size of the tables that come."""

    def __init__(self, sink: _Sink, schema: pa.Schema, codec: str) -> None:
        self.sink, self.schema, self.codec = sink, schema, codec
        self.rows = rows_in_a_group(len(schema))
        self.held: list[pa.Table] = []
        self.count = 0

    @cached_property
    def writer(self) -> parquet.ParquetWriter:
        """Made for the first group: work that fails before has written nothing."""
        return parquet.ParquetWriter(self.sink, self.schema, compression=self.codec)

    def add(self, table: pa.Table) -> None:
        self.held.append(table)
        self.count += len(table)
        if self.count >= self.rows:
            whole = pa.concat_tables(self.held)
            full = self.count - self.count % self.rows
            for start in range(0, full, self.rows):
                self.writer.write_table(whole.slice(start, self.rows), self.rows)
            self.held, self.count = [whole.slice(full)], self.count - full

    def close(self) -> None:
        if self.count:
            self.writer.write_table(pa.concat_tables(self.held), self.rows)
        self.writer.close()


@contextmanager
def _groups(target: Path | str, schema: pa.Schema, codec: str) -> Iterator[_Groups]:
    codec = "NONE" if codec == "UNCOMPRESSED" else codec
    with open_output(target) as file:
        sink = _Sink(file)
        groups = _Groups(sink, schema, codec)
        try:
            yield groups
            groups.close()
        except BaseException:
            # Closing writes the index, which would make half a table look like a whole one.
            sink.over = True
            with suppress(Exception):
                groups.writer.close()
            raise


class _Sink(io.RawIOBase):
    """Counts its bytes, since a pipe does not know its place, and takes no more once it is over."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.place, self.over = file, 0, False

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def write(self, content: bytes) -> int:
        if not self.over:
            self.file.write(content)
        self.place += len(content)
        return len(content)


@contextmanager
def new_parquet(
    target: Path | str, columns: Sequence[str], types: Mapping[str, str], kind: str
) -> Iterator[NewTable]:
    """A Parquet table of rows that are made from nothing."""
    schema = pa.schema(_fields(columns, types))
    with _groups(target, schema, "SNAPPY") as groups:
        yield _NewParquet(groups, "stdout" if str(target) == "-" else str(target))


class _NewParquet:
    def __init__(self, groups: _Groups, name: str) -> None:
        self.groups, self.name = groups, name
        self.next = 1

    def write(self, cells: Cells) -> None:
        schema = self.groups.schema
        count = max((len(cells[name]) for name in schema.names), default=0)
        numbers = range(self.next, self.next + count)
        columns = [typed(cells[field.name], field, self.name, numbers) for field in schema]
        table = pa.table(columns, schema=schema)
        self.groups.add(table)
        self.next += len(table)
