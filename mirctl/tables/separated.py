"""CSV and TSV: text in columns, and what is wrong with a file that is neither."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from mirctl import files
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.tables.columns import refuse_repeated, require_columns
from mirctl.tables.source import BLOCK_BYTES, Source, at_row

if TYPE_CHECKING:
    import pyarrow as pa

SEPARATORS = {"csv": ",", "tsv": "\t"}
SEPARATOR_NAMES = {";": "a semicolon", "\t": "a tab", ",": "a comma", "|": "a vertical bar"}


def header(source: Source) -> list[str]:
    """Column names of a CSV or TSV file; a wrong separator or a repeated name is an error."""
    separator = SEPARATORS[source.kind]
    rows = csv.reader(source.first_lines(), delimiter=separator)
    try:
        names = next((row for row in rows if row), [])
    except csv.Error as error:
        raise DataError(f"its header cannot be read: {error}", where=source.name) from error
    if any("\ufffd" in name for name in names):
        _refuse_other_encodings(source)
    for other, label in SEPARATOR_NAMES.items():
        if len(names) == 1 and other in names[0]:
            expected = SEPARATOR_NAMES[separator]
            kind = {"\t": "end its name in .tsv", ",": "end its name in .csv"}
            todo = kind.get(other, "save it with commas, as .csv, or with tabs, as .tsv")
            raise DataError(
                f"columns are separated by {label} where {expected} is expected in a "
                f"{source.kind.upper()} file: {todo}",
                where=source.name,
            )
    hint = ": is the first line a header? It names each column once"
    return refuse_repeated(names, source.name, hint)


def read_separated(source: Source, columns: Sequence[str] | None) -> pa.Table:
    """All columns, or the named ones, of a file with a header."""
    names = header(source)
    require_columns(columns or (), names, source.name)
    table = read_text(source, names, columns or names, quoted=True, has_header=True)
    _refuse_open_quote(source, table, names[-1])
    return table


def read_text(
    source: Source, names: Sequence[str], wanted: Sequence[str], *, quoted: bool, has_header: bool
) -> pa.Table:
    """Wanted columns of a CSV or TSV file, all of whose columns, in order, get these names.

    Without `quoted`, quotation marks are text like any other.
    """
    import pyarrow as pa

    skip = 1 + _blank_lines_above(source) if has_header else 0
    read = partial(_arrow_read, source, list(names), list(wanted), quoted, skip)
    with files.unreadable_is(DataError, source.name):
        try:
            return read()
        except pa.ArrowInvalid as error:
            _refuse_other_encodings(source)
            if "straddl" in str(error) and _count_rows(source, quoted, has_header) == 0:
                # The header's line has no end.
                return pa.table({name: pa.array([], pa.string()) for name in wanted})
            _refuse_ragged(source, read, skip)
            message = f"cannot be read as {source.kind.upper()}: {error}"
            raise DataError(message, where=source.name) from error


def _refuse_ragged(source: Source, read: Callable[..., pa.Table], skip: int) -> None:
    """Raise a DataError at the first row with too few or too many columns."""
    import pyarrow as pa

    ragged: list[Any] = []
    with suppress(pa.ArrowInvalid):
        read(lambda row: ragged.append(row) or "skip")
    if ragged:
        row = ragged[0]
        message = (
            f"has {counted(row.actual_columns, 'column')} where {row.expected_columns} are expected"
        )
        raise DataError(
            f"{message}: {row.text[:80]!r}", where=at_row(source.name, row.number - skip)
        )


def _count_rows(source: Source, quoted: bool, has_header: bool) -> int:
    """How many there are; one that arrow cannot hold at once is a DataError."""
    # Of one byte a letter, so that lengths are bytes.
    text = io.TextIOWrapper(source.open(), encoding="latin-1", newline="")
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    rows = csv.reader(text, delimiter=SEPARATORS[source.kind], quoting=quoting)
    count = -1 if has_header else 0
    limit = csv.field_size_limit(BLOCK_BYTES)
    try:
        for row in rows:
            if sum(map(len, row)) > BLOCK_BYTES:
                raise csv.Error
            count += bool(row)
    except csv.Error as error:
        todo = ": does a quotation mark open in it and never close?" if quoted else ""
        raise DataError(
            f"is longer than {BLOCK_BYTES >> 20} MB{todo}", where=at_row(source.name, count + 1)
        ) from error
    finally:
        csv.field_size_limit(limit)
    return count


def _arrow_read(
    source: Source, names: list[str], wanted: list[str], quoted: bool, skip: int,
    bad_row: Callable[[Any], str] | None = None,
) -> pa.Table:  # fmt: skip
    """Rows are numbered for `bad_row` only by a single thread."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    return arrow.read_csv(
        source.open(),
        arrow.ReadOptions(
            use_threads=bad_row is None, block_size=BLOCK_BYTES, column_names=names,
            skip_rows_after_names=skip,
        ),
        arrow.ParseOptions(
            delimiter=SEPARATORS[source.kind], newlines_in_values=quoted,
            quote_char='"' if quoted else False, invalid_row_handler=bad_row,
        ),
        arrow.ConvertOptions(
            include_columns=wanted, column_types={name: pa.string() for name in names}
        ),
    )  # fmt: skip


def _blank_lines_above(source: Source) -> int:
    head = source.head().removeprefix(codecs.BOM_UTF8)
    return head[: len(head) - len(head.lstrip(b"\r\n"))].count(b"\n")


def _refuse_other_encodings(source: Source) -> None:
    """Raise a DataError at the first byte that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    before = 0
    with source.open() as stream:
        while True:
            chunk = stream.read(BLOCK_BYTES)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                offset = before - pending + error.start
                line = source.open().read(offset).count(b"\n") + 1
                message = f"byte {offset} (line {line}) is not UTF-8: save the file as UTF-8"
                raise DataError(message, where=source.name) from error
            if not chunk:
                return
            before += len(chunk)


def _refuse_open_quote(source: Source, table: pa.Table, last: str) -> None:
    """A quotation mark that is never closed makes one cell of all that follows it."""
    if last not in table.column_names or not len(table):
        return
    cell = table[last][-1].as_py() or ""
    if "\n" not in cell:
        return
    with source.open() as stream:
        tail = b""
        while chunk := stream.read(BLOCK_BYTES):
            tail = (tail + chunk)[-64:]
    if not tail.rstrip().endswith(b'"'):
        raise DataError(
            f"a quotation mark opens in column {last!r} and never closes",
            where=at_row(source.name, len(table)),
        )
