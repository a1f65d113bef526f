"""What a table is read from: a file, or all of stdin."""

from __future__ import annotations

import codecs
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mirctl import files
from mirctl.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
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

    def open(self) -> pa.NativeFile:
        """The bytes from the start; a .gz file is unpacked on the way."""
        import pyarrow as pa

        if self.content is None:
            return pa.input_stream(str(self.path), compression="detect")
        return pa.BufferReader(self.content)

    def head(self) -> bytes:
        """The first 256 kB."""
        with self.open() as stream:
            return stream.read(HEAD_BYTES)

    def first_lines(self, count: int = 100) -> list[str]:
        """The first complete lines that are not blank, as text."""
        head = self.head()
        text = head.decode("utf-8-sig", errors="replace")
        lines = re.split(r"\r\n|\n|\r", text)
        whole = lines if len(head) < HEAD_BYTES else lines[:-1]
        return [line for line in whole if line.strip()][:count]


def open_source(path: Path | str) -> Source:
    """Name a table and find out its kind, by suffix or else by its first bytes; `-` is stdin."""
    if str(path) == "-":
        content = sys.stdin.buffer.read()
        return _checked(Source("stdin", _kind(content), None, content))
    with files.unreadable_is(DataError, path):
        return _open_file(Path(path))


def _open_file(path: Path) -> Source:
    if path.is_dir():
        raise DataError("is a folder where a table is expected", where=str(path))
    if not path.exists():
        raise DataError("no such file", where=str(path))
    if not path.is_file():  # a pipe can be read once only
        content = path.read_bytes()
        return _checked(Source(str(path), _kind(content), None, content))
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    kind = KINDS.get(suffixes[-1] if suffixes else "", "")
    source = Source(str(path), kind, path)
    return _checked(source if kind else Source(source.name, _kind(source.head()), path))


def _kind(head: bytes) -> str:
    if head.startswith(b"PAR1"):
        return "parquet"
    line = head.removeprefix(codecs.BOM_UTF8).lstrip().partition(b"\n")[0]
    if line.startswith(b"{"):
        return "jsonl"
    return "tsv" if b"\t" in line else "csv"


def _checked(source: Source) -> Source:
    """Refuse what is empty or no text at all."""
    try:
        head = source.head()
    except OSError as error:
        raise DataError(f"cannot be read: {error}", where=source.name) from error
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
