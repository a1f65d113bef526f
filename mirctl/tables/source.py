"""What a table is read from: a file, or all of stdin."""

from __future__ import annotations

import codecs
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mirctl import files, places
from mirctl.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
PACKED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4", ".br": "brotli"}
HEAD_BYTES = 1 << 18
BLOCK_BYTES = 8 << 20


class EmptyError(DataError):
    """There is nothing in the file."""


@dataclass(frozen=True)
class Source:
    """A file, or all of stdin, that can be opened more than once."""

    name: str
    kind: str
    path: Path | None
    content: bytes | None = None

    @property
    def packing(self) -> str | None:
        """How a file is packed, by its suffix."""
        return PACKED.get(self.path.suffix.lower()) if self.path else None

    def open(self) -> pa.NativeFile:
        """The bytes from the start; a packed file, such as a .gz, is unpacked on the way."""
        import pyarrow as pa

        if self.path is None or self.content is not None:
            return pa.BufferReader(self.content)
        file = pa.OSFile(os.fsencode(self.path))  # a path's bytes need not be UTF-8
        return pa.CompressedInputStream(file, self.packing) if self.packing else file

    def head(self) -> bytes:
        """The first 256 kB."""
        with files.unreadable_is(DataError, self.name), self.open() as stream:
            return stream.read(HEAD_BYTES)

    def first_lines(self, count: int = 100) -> list[str]:
        """The first complete lines that are not blank, as text."""
        head = self.head()
        text = head.decode("utf-8-sig", errors="replace")
        lines = re.split(r"\r\n|\n|\r", text)
        whole = lines if len(head) < HEAD_BYTES else lines[:-1]
        found = [line for line in whole if line.strip()][:count]
        if not found:
            raise DataError(
                f"its first row is longer than {HEAD_BYTES >> 10} kB: is it a table?",
                where=self.name,
            )
        return found


def stdin_lines() -> Iterator[bytes]:
    """Each line of stdin as soon as it comes."""
    with files.unreadable_is(DataError, "stdin"):
        yield from sys.stdin.buffer


def open_source(path: Path | str) -> Source:
    """Name a table and find out its kind, by suffix or else by its first bytes; `-` is stdin."""
    if str(path) == "-":
        with files.unreadable_is(DataError, "stdin"):
            content = sys.stdin.buffer.read()
        return checked(Source("stdin", kind_of(content), None, content))
    with files.unreadable_is(DataError, path):
        return _open_file(Path(path))


def _open_file(path: Path) -> Source:
    if places.seen(path).is_dir():
        raise DataError("is a folder where a table is expected", where=str(path))
    if not path.exists():
        raise DataError("no such file", where=str(path))
    if not path.is_file():  # a pipe can be read once only
        content = path.read_bytes()
        return checked(Source(str(path), kind_of(content), None, content))
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in PACKED]
    kind = KINDS.get(suffixes[-1] if suffixes else "", "")
    source = Source(str(path), kind, path)
    return checked(source if kind else Source(source.name, kind_of(source.head()), path))


def kind_of(head: bytes) -> str:
    """The kind of a table that no suffix names, by its first bytes."""
    if head.startswith(b"PAR1"):
        return "parquet"
    line = head.removeprefix(codecs.BOM_UTF8).lstrip().partition(b"\n")[0]
    if line.startswith(b"{"):
        return "jsonl"
    return "tsv" if b"\t" in line else "csv"


def checked(source: Source) -> Source:
    """Refuse what is empty or no text at all."""
    head = source.head()
    if not head.removeprefix(codecs.BOM_UTF8).strip():
        raise EmptyError("is empty", where=source.name)
    if source.kind == "parquet":
        return source
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError("is UTF-16: save it as UTF-8", where=source.name)
    control = sum(head.count(byte) for byte in range(32) if byte not in b"\t\n\v\f\r")
    if control > len(head) // 20:
        raise DataError(f"is binary data, not a {source.kind.upper()} table", where=source.name)
    return source


def at_row(where: str, row: int) -> str:
    """How errors name a row."""
    return f"{where}, row {row}"
