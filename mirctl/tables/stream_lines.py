"""Rows that are lines of text, each kept as it was read, with what stands around it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import IO

from mirctl.errors import DataError
from mirctl.tables.source import at_row
from mirctl.tables.stream_ends import Input

BOM = codecs.BOM_UTF8.decode()
ANY_END = re.compile("(\r\n|\n|\r)")


class Unfinished(Exception):
    """A row goes on and on; whoever counts the rows turns this into a DataError."""


@dataclass
class Lines:
    """Rows as text: what stands before each (blank lines), the row, and its line ending."""

    leads: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: slice) -> Lines:
        return Lines(self.leads[part], self.rows[part], self.ends[part])

    def extend(self, more: Lines) -> None:
        self.leads += more.leads
        self.rows += more.rows
        self.ends += more.ends


def texts(source: Input) -> Iterator[str]:
    """The content of a table as text, in chunks."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    bytes_before, lines_before = 0, 0
    for chunk in chain(source.chunks(), [b""]):
        held = decoder.getstate()[0]
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            place = bytes_before - len(held) + error.start
            line = lines_before + (held + chunk)[: error.start].count(b"\n") + 1
            message = f"byte {place} (line {line}) is not UTF-8: save the file as UTF-8"
            raise DataError(message, where=source.name) from error
        bytes_before += len(chunk)
        lines_before += chunk.count(b"\n")
        if text:
            yield text


def after_bom(chunks: Iterator[str]) -> tuple[str, Iterator[str]]:
    """The byte order mark, if there is one, and the text after it."""
    start = next(chunks, "")
    bom = BOM if start.startswith(BOM) else ""
    return bom, chain([start.removeprefix(BOM)], chunks)


def cut_lines(chunks: Iterable[str], *, any_end: bool, longest: int) -> Iterator[Lines]:
    """Lines as soon as they are whole; with `any_end`, a lone carriage return ends one too."""
    held: list[str] = []
    size = 0
    for chunk in chunks:
        # The carriage return at the end may be half of a line ending.
        last = max(chunk.rfind("\n"), chunk.rfind("\r", 0, -1) if any_end else -1)
        if last >= 0:
            yield _cut("".join([*held, chunk[: last + 1]]), any_end)
            held, size = [], 0
        held.append(chunk[last + 1 :])
        size += len(held[-1])
        if size > longest:
            raise Unfinished(f"is a line of more than {longest >> 20} MB")
    if rest := "".join(held):
        yield _cut(rest, any_end)


def _cut(text: str, any_end: bool) -> Lines:
    returns = text.count("\r") if any_end else 0
    if not returns:
        rows, end = text.split("\n"), "\n"
    elif returns == text.count("\n") == text.count("\r\n"):
        rows, end = text.split("\r\n"), "\r\n"
    else:
        parts = ANY_END.split(text)
        rows, end = parts[::2], ""
    ends = [end] * (len(rows) - 1) if end else parts[1::2]
    if rows[-1]:
        ends.append("")  # the last line of a file that does not end it
    else:
        rows.pop()
    return Lines([""] * len(rows), rows, ends)


class Blanks:
    """Makes blank lines a part of the row that follows; those after the last are the tail."""

    def __init__(self, *, of_spaces: bool) -> None:
        self.of_spaces = of_spaces
        self.tail = ""

    def skipped(self, pieces: Iterable[Lines]) -> Iterator[Lines]:
        self.tail = ""
        for piece in pieces:
            if self.tail or not all(map(str.strip, piece.rows) if self.of_spaces else piece.rows):
                piece = self._set_aside(piece)
            if piece:
                try:
                    yield piece
                except GeneratorExit:  # not read to its end
                    self.tail = ""
                    raise

    def _set_aside(self, piece: Lines) -> Lines:
        kept = Lines()
        for row, end in zip(piece.rows, piece.ends, strict=True):
            if row.strip() if self.of_spaces else row:
                kept.extend(Lines([self.tail], [row], [end]))
                self.tail = ""
            else:
                self.tail += row + end
        return kept


def in_blocks(pieces: Iterable[Lines], rows: int, name: str) -> Iterator[Lines]:
    """Blocks of exactly `rows` lines, but the last; one that never ends is an error."""
    if rows < 1:
        raise ValueError(f"a block of {rows} rows holds nothing: ask for 1 or more")
    held, seen = Lines(), 0
    try:
        for piece in pieces:
            seen += len(piece)
            start = 0
            while len(held) + len(piece) - start >= rows:
                stop = start + rows - len(held)
                held.extend(piece[start:stop])
                yield held
                held, start = Lines(), stop
            held.extend(piece[start:])
    except Unfinished as error:
        raise DataError(str(error), where=at_row(name, seen + 1)) from error
    if held:
        yield held


class LineWriter:
    """Writes rows as they are, and ends a line that the file left open once another follows."""

    def __init__(self, file: IO[bytes], end: str = "\n") -> None:
        self.file, self.end = file, end
        self.open = False

    def put(self, lines: Lines) -> None:
        ends = set(lines.ends)
        if not any(lines.leads) and len(ends) == 1:
            end = ends.pop()
            text = end.join(lines.rows) + end
        else:
            text = "".join(chain(*zip(lines.leads, lines.rows, lines.ends, strict=True)))
        self.text(text, is_open=bool(lines.ends) and not lines.ends[-1])

    def text(self, text: str, *, is_open: bool = False) -> None:
        if not text:
            return
        start = self.end if self.open else ""
        # Half of a character, as JSON can hold it, fits into no text.
        self.file.write((start + text).encode("utf-8", "replace"))
        self.open = is_open
