"""How CSV and TSV write a row: fields, quotation marks, and line endings inside of them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from mirctl.tables.stream_lines import Lines, Unfinished

LONGEST = 16 << 20
"""Characters in one row: beyond that a quotation mark was never closed."""
QUOTED = re.compile(r'"([^"]*(?:""[^"]*)*)"(?!")(.*)', re.DOTALL)


class Ragged(Exception):
    """A row, given by its place, has another number of fields than it should."""

    def __init__(self, place: int, found: int) -> None:
        super().__init__(place, found)
        self.place, self.found = place, found


class Dialect:
    """Fields are quoted as RFC 4180 says; a mark inside a field that starts without one is text."""

    def __init__(self, separator: str) -> None:
        self.separator = separator
        closed = r'[^"]*(?:""[^"]*)*"(?!")'
        self.field = rf'(?:"{closed}[^{separator}]*|[^"{separator}][^{separator}]*|)'
        self.fields = re.compile(f"{separator}({self.field})")
        more = rf"(?:{separator}{self.field})*"
        self.start = re.compile(self.field + more)
        self.go_on = re.compile(rf"{closed}[^{separator}]*" + more)
        self.special = re.compile(rf'[{separator}"\r\n]')

    def raw_fields(self, row: str) -> list[str]:
        """The fields of a row as they are written."""
        if '"' not in row:
            return row.split(self.separator)
        return self.fields.findall(self.separator + row)

    def columns(self, rows: Sequence[str], width: int) -> list[list[str]]:
        """The text of the fields, column by column, of rows that all have `width` of them."""
        if not any('"' in row for row in rows):
            return self._unquoted_columns(rows, width)
        if max(map(len, rows)) > csv.field_size_limit():
            cells = [self.cells(row) for row in rows]
        else:
            cells = [row or [""] for row in csv.reader(rows, delimiter=self.separator)]
        _refuse_ragged(map(len, cells), width)
        return [*map(list, zip(*cells, strict=True))]

    def _unquoted_columns(self, rows: Sequence[str], width: int) -> list[list[str]]:
        """One long list cut in slices: twice as fast as a list for each row."""
        separator = self.separator
        _refuse_ragged((row.count(separator) + 1 for row in rows), width)
        cells = separator.join(rows).split(separator)
        return [cells[place::width] for place in range(width)]

    def cells(self, row: str) -> list[str]:
        """The text of the fields of one row."""
        return [*map(unquoted, self.raw_fields(row))]

    def written(self, cells: Sequence[str | None]) -> list[str]:
        """Cells as fields, quoted where their text needs it."""
        texts = [cell or "" for cell in cells]
        if not self.special.search("".join(texts)):
            return texts
        return [self.quoted(text) for text in texts]

    def quoted(self, text: str) -> str:
        if not self.special.search(text):
            return text
        return '"' + text.replace('"', '""') + '"'

    def joined(self, fields: Sequence[str]) -> str:
        """A row; one that would be a blank line, which readers skip, is an empty quotation."""
        return self.separator.join(fields) or '""'


def _refuse_ragged(widths: Iterable[int], width: int) -> None:
    for place, found in enumerate(widths):
        if found != width:
            raise Ragged(place, found)


def unquoted(field: str) -> str:
    """The text of a field."""
    match = QUOTED.fullmatch(field)
    return match[1].replace('""', '"') + match[2] if match else field


def records(pieces: Iterable[Lines], dialect: Dialect, names: Sequence[str]) -> Iterator[Lines]:
    """Lines put together where a quotation goes over several of them."""
    joiner = _Joiner(dialect)
    for piece in pieces:
        if joiner.parts or any('"' in row for row in piece.rows):
            piece = joiner.join(piece)
        yield piece
        if joiner.size > LONGEST:
            raise Unfinished(joiner.complaint(names))
    if joiner.parts:
        raise Unfinished(joiner.complaint(names))


class _Joiner:
    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.parts: list[str] = []
        self.size = 0

    def join(self, piece: Lines) -> Lines:
        rows, ends = [], []
        for row, end in zip(piece.rows, piece.ends, strict=True):
            if self._closes(row):
                if self.parts:
                    row = "".join([*self.parts, row])
                    self.parts, self.size = [], 0
                rows.append(row)
                ends.append(end)
            else:
                self.parts += [row, end]
                self.size += len(row) + len(end)
        return Lines([""] * len(rows), rows, ends)

    def _closes(self, row: str) -> bool:
        if '"' not in row:
            return not self.parts
        pattern = self.dialect.go_on if self.parts else self.dialect.start
        match = pattern.match(row)
        return match is not None and match.end() == len(row)

    def complaint(self, names: Sequence[str]) -> str:
        found = self.dialect.fields.finditer(self.dialect.separator + self.parts[0])
        place = sum(1 for _ in found)
        name = next(islice(names, place - 1, None), None)
        column = f"column {name!r}" if name is not None else f"column {place}"
        return f"a quotation mark opens in {column} and never closes"
