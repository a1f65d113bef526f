"""Tables as other tools write them: any encoding, any separator, spreadsheets."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mirctl import console, files
from mirctl.errors import DataError, UsageError
from mirctl.tables import open_stream
from mirctl.tables.columns import refuse_repeated
from mirctl.tables.source import Source
from mirctl_gaze.importing import asc, spreadsheet

OURS = (".jsonl", ".ndjson", ".parquet", ".pq")
SEPARATORS = "\t;,|"
LIKELY = frozenset("éèêëàâäáãåçñöôòóõüûùúîïíìßæœøÿ’‘“”–—…£€°´¡¿")
"""Letters by which one old encoding is told from another."""

Row = tuple[int, list[str | None]]
"""The line it stands in, and its cells."""


@dataclass(frozen=True)
class Foreign:
    """A table of another tool, read once."""

    name: str
    columns: list[str]
    rows: Iterator[Row]
    comma: bool
    """Whether a number may have a decimal comma: the separator is another."""

    def blocks(self, size: int) -> Iterator[list[Row]]:
        """Rows, some at a time; one with too few or too many cells has none."""
        while block := list(islice(self.rows, size)):
            yield block


def open_foreign(path: str, encoding: str | None) -> Foreign:
    """A table by its content; only spreadsheets, JSONL and Parquet are told by their suffix."""
    suffix = Path(path).suffix.lower()
    if suffix in OURS:
        stream = open_stream(path)
        blocks = ((block.first, block.cells) for block in stream.blocks(1 << 14))
        rows = (
            (first + i, list(cells))
            for first, columns in blocks
            for i, cells in enumerate(zip(*columns.values(), strict=True))
        )
        return Foreign(path, stream.columns, rows, comma=False)
    content = _content(path)
    if content.startswith(b"PK\x03\x04"):
        rows = spreadsheet.rows(content, path)
        _, header = next(rows, (0, []))
        return _checked(path, header, rows, comma=False)
    return _text(path, content, encoding)


def _content(path: str) -> bytes:
    """All bytes of a file, or of stdin; a packed file, such as a .gz, is unpacked."""
    name = "stdin" if path == "-" else path
    with files.unreadable_is(DataError, name):
        if path == "-":
            content = sys.stdin.buffer.read()
        elif not Path(path).exists():
            raise DataError("no such file", where=path)
        elif Path(path).is_dir():
            raise DataError("is a folder where a table is expected", where=path)
        else:
            with Source(path, "", Path(path)).open() as file:
                content = file.read()
    if not content.strip():
        raise DataError("is empty", where=name)
    return content


def _text(path: str, content: bytes, encoding: str | None) -> Foreign:
    text = decoded(content, path, encoding)
    if asc.is_asc(text):
        return Foreign(path, asc.COLUMNS, asc.rows(text, path), comma=False)
    first = text[: text.find("\n") + 1] or text
    separator = max(SEPARATORS, key=first.count)
    quoted = separator != "\t" or '"' in first  # EyeLink writes words such as "Hello as they are
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting)
    rows = _numbered(reader, path)
    _, header = next(rows, (0, []))
    return _checked(path, header, rows, comma=separator != ",")


def _checked(path: str, header: list[str | None], rows: Iterator[Row], *, comma: bool) -> Foreign:
    names = [(name or "").strip() for name in header]
    named = [name for name in names if name]
    refuse_repeated(named, path)
    width = len(names)
    whole = ((line, cells if len(cells) == width else []) for line, cells in rows)
    return Foreign(path, names, whole, comma)


def _numbered(reader: Iterator[list[str]], path: str) -> Iterator[Row]:
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"cannot be read: {error}", where=f"{path}, line {reader.line_num}") from (
            error
        )


def decoded(content: bytes, path: str, encoding: str | None) -> str:
    """Text; in an encoding that is not told it is UTF-8 or 16, else the likelier old one."""
    if encoding is not None:
        try:
            return content.decode(encoding)
        except LookupError as error:
            raise UsageError(f"--encoding {encoding!r} is none that Python knows") from error
        except UnicodeError as error:
            raise DataError(f"is not {encoding}: {error}", where=path) from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    texts = {name: content.decode(name, "replace") for name in ("cp1252", "mac_roman")}
    best = max(texts, key=lambda name: sum(texts[name].count(letter) for letter in LIKELY))
    odd = next(i for i, byte in enumerate(content) if byte > 127)
    line = content[:odd].count(b"\n") + 1
    console.warn(f"{path}: line {line} is not UTF-8: read as {best}; --encoding says another")
    return texts[best]
