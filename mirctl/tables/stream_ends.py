"""Where streams begin and end: files as often as wanted, pipes once, stdout in blocks."""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from mirctl import console, files
from mirctl.errors import DataError, UsageError
from mirctl.tables.source import HEAD_BYTES, KINDS, PACKED, Source, checked, kind_of, open_source

CHUNK_BYTES = 1 << 20


@dataclass
class Input:
    """The bytes of a table, in chunks."""

    source: Source
    """A file; of a pipe no more than its first bytes."""
    pipe: BinaryIO | None = None
    used: bool = False

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def kind(self) -> str:
        return self.source.kind

    @property
    def once(self) -> bool:
        """Whether this can be read no more than once."""
        return self.pipe is not None

    def chunks(self) -> Iterator[bytes]:
        """All bytes from the start, those of a pipe as they come."""
        if self.once and self.used:
            raise DataError(
                "can be read only once: save it in a file, and read that", where=self.name
            )
        self.used = True
        with files.unreadable_is(DataError, self.name):
            yield from self._pipe_chunks() if self.pipe else self._file_chunks()

    def _pipe_chunks(self) -> Iterator[bytes]:
        if self.source.content:
            yield self.source.content
        try:
            while chunk := self.pipe.read1(CHUNK_BYTES):
                yield chunk
        finally:
            _close(self.pipe)

    def _file_chunks(self) -> Iterator[bytes]:
        with self.source.open() as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


def open_input(path: Path | str) -> Input:
    """Find out what kind of table this is; of a pipe only the first bytes are read for that."""
    if str(path) == "-":
        if sys.stdin is None:
            raise DataError("is closed: give a file, or something to read", where="stdin")
        return _of_pipe("stdin", sys.stdin.buffer)
    path = Path(path)
    if goes_through(path):
        with files.unreadable_is(DataError, path):
            pipe = path.open("rb")
        return _of_pipe(str(path), pipe)
    return Input(open_source(path))


def goes_through(path: Path | str) -> bool:
    """Whether a path is stdin, stdout, a pipe or a device: nothing that stays."""
    is_other = os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
    return str(path) == "-" or is_other


def _of_pipe(name: str, pipe: BinaryIO) -> Input:
    try:
        head = _first_bytes(name, pipe)
        return Input(checked(Source(name, kind_of(head), None, head)), pipe)
    except BaseException:
        _close(pipe)
        raise


def _first_bytes(name: str, pipe: BinaryIO) -> bytes:
    """Enough to tell a format by: a line, which a slow pipe has long before 256 kB."""
    head = b""
    with files.unreadable_is(DataError, name):
        while len(head) < HEAD_BYTES and b"\n" not in head.lstrip():
            chunk = pipe.read1(CHUNK_BYTES)
            if not chunk:
                break
            head += chunk
    return head


def _close(pipe: BinaryIO) -> None:
    """Stdin belongs to the process, and stays as it is."""
    if pipe is not getattr(sys.stdin, "buffer", None):
        pipe.close()


def kind_of_target(target: Path | str, otherwise: str = "") -> str:
    """The format that a target's suffix names, .gz not counted."""
    suffixes = [suffix.lower() for suffix in Path(target).suffixes if suffix.lower() != ".gz"]
    if suffixes and suffixes[-1] in PACKED:
        raise UsageError(
            f"{suffixes[-1]} is only read: end its name in .gz, or do not pack it",
            where=str(target),
        )
    kind = KINDS.get(suffixes[-1] if suffixes else "", otherwise)
    if not kind:
        raise UsageError(f"end its name in one of {', '.join(KINDS)}", where=str(target))
    return kind


@contextmanager
def open_output(target: Path | str) -> Iterator[IO[bytes]]:
    """A file that takes its name once it is whole, packed if that ends in .gz; `-` is stdout."""
    if str(target) == "-":
        yield _Stdout()
        return
    path = files.target(Path(target))
    if goes_through(path):
        with files.refusals_are_errors(path):
            file = path.open("wb")
        with files.full_disk_is_an_error(path), file:
            yield file
        return
    with files.atomic_file(path) as file:
        if path.suffix.lower() != ".gz":
            yield file
            return
        # No name and no time inside, so that the same table makes the same file.
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
            yield packed


class _Stdout(io.RawIOBase):
    """Stdout as a file."""

    def writable(self) -> bool:
        return True

    def write(self, content: bytes) -> int:
        console.emit_bytes(content)
        return len(content)
