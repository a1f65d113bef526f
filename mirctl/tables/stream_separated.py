"""CSV and TSV as streams: text only, and whatever is not filled comes out byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.tables import separated
from mirctl.tables.columns import refuse_repeated
from mirctl.tables.source import EmptyError, Source, at_row
from mirctl.tables.stream import Block, Cells, Filled, NewTable, Writer
from mirctl.tables.stream_ends import Input, open_output
from mirctl.tables.stream_lines import (
    Blanks,
    Lines,
    LineWriter,
    Unfinished,
    after_bom,
    cut_lines,
    in_blocks,
    texts,
)
from mirctl.tables.stream_new import ToAnyFormat
from mirctl.tables.stream_records import LONGEST, Dialect, Ragged, records


class SeparatedStream(ToAnyFormat):
    """A CSV or TSV table; without a header where its `names` are given."""

    def __init__(self, source: Input, names: Sequence[str] | None) -> None:
        self.name, self.kind, self.source = source.name, source.kind, source
        self.dialect = Dialect(separated.SEPARATORS[source.kind])
        self.columns = list(names or ())
        self.has_header = names is None
        self.blanks = Blanks(of_spaces=False)
        self.bom, self.top = "", Lines()
        rest = self._start()
        if self.has_header:
            self.columns += self._header()
        self.types = dict.fromkeys(self.columns, "text")
        self.rest = rest if source.once else None

    def blocks(self, rows: int) -> Iterator[Block]:
        pieces = self.rest if self.source.once and self.rest else self._start()
        self.rest = None
        if len(self.columns) > 1:
            pieces = self.blanks.skipped(pieces)
        first = 1
        for lines in in_blocks(pieces, rows, self.name):
            yield Block(first, self._cells(lines, first), lines)
            first += len(lines)

    def values(self, block: Block, column: str) -> list[Any]:
        return block.cells[column]

    @contextmanager
    def own_writer(
        self, target: Path | str, before: Sequence[str], after: Sequence[str],
        types: Mapping[str, str],
    ) -> Iterator[Writer]:  # fmt: skip
        """Write in the same format: what is not filled stays as it was read."""
        with open_output(target) as file:
            writer = _SeparatedWriter(self, file, before, after)
            yield writer
            writer.start()
            writer.lines.text(self.blanks.tail)

    def _start(self) -> Iterator[Lines]:
        """The rows; what stands above them, a header in it, goes to `bom` and `top`."""
        self.bom, content = after_bom(texts(self.source))
        lines = cut_lines(content, any_end=True, longest=LONGEST)
        pieces = records(lines, self.dialect, self.columns)
        if not self.has_header:
            return pieces
        lead = ""
        try:
            for piece in pieces:
                for i, row in enumerate(piece.rows):
                    if row.strip():
                        self.top = Lines([lead], [row], [piece.ends[i]])
                        return chain([piece[i + 1 :]], pieces)
                    lead += row + piece.ends[i]
        except Unfinished as error:
            raise DataError(f"its header cannot be read: {error}", where=self.name) from error
        raise EmptyError("is empty", where=self.name)

    def _header(self) -> list[str]:
        """The columns' names, after the complaints that all readers of CSV share."""
        row = self.top.rows[0]
        separated.header(Source(self.name, self.kind, None, row.encode()))
        return refuse_repeated(self.dialect.cells(row), self.name)

    def _cells(self, lines: Lines, first: int) -> dict[str, list[str | None]]:
        width = len(self.columns)
        try:
            columns = self.dialect.columns(lines.rows, width)
        except Ragged as ragged:
            raise DataError(
                f"has {counted(ragged.found, 'column')} where {width} are expected: "
                f"{lines.rows[ragged.place][:80]!r}",
                where=at_row(self.name, first + ragged.place),
            ) from None
        return dict(zip(self.columns, columns, strict=True))


class _SeparatedWriter:
    def __init__(
        self, stream: SeparatedStream, file: IO[bytes], before: Sequence[str], after: Sequence[str]
    ) -> None:
        self.stream, self.started = stream, False
        self.dialect, self.before, self.after = stream.dialect, before, after
        self.places = {name: i for i, name in enumerate(stream.columns)}
        self.lines = LineWriter(file, end=next(filter(None, stream.top.ends), "\n"))

    def start(self) -> None:
        """Write what stands above the rows, once: what fails before the first wrote nothing."""
        if self.started:
            return
        self.started, top = True, self.stream.top
        self.lines.text(self.stream.bom)
        if self.stream.has_header:
            names = {name: [name] for name in [*self.before, *self.after]}
            self.lines.put(Lines(top.leads, self._with_added(top.rows, names), top.ends))

    def write(self, block: Block, filled: Filled = {}, added: Cells = {}) -> None:
        self.start()
        rows = self._filled(block.raw.rows, filled)
        rows = self._with_added(rows, added)
        self.lines.put(Lines(block.raw.leads, rows, block.raw.ends))

    def _filled(self, rows: list[str], filled: Filled) -> list[str]:
        changes: dict[int, list[tuple[int, str]]] = {}
        for name, cells in filled.items():
            for row, text in cells.items():
                field = self.dialect.quoted(text or "")
                changes.setdefault(row, []).append((self.places[name], field))
        if not changes:
            return rows
        rows = list(rows)
        for row, fields in changes.items():
            whole = self.dialect.raw_fields(rows[row])
            for place, text in fields:
                whole[place] = text
            rows[row] = self.dialect.joined(whole)
        return rows

    def _with_added(self, rows: list[str], added: Cells) -> list[str]:
        if not self.before and not self.after:
            return rows
        before = [self.dialect.written(added[name]) for name in self.before]
        after = [self.dialect.written(added[name]) for name in self.after]
        return [*map(self.dialect.separator.join, zip(*before, rows, *after, strict=True))]


@contextmanager
def new_separated(
    target: Path | str, columns: Sequence[str], kind: str, *, header: bool
) -> Iterator[NewTable]:
    """A CSV or TSV table of rows that are made from nothing."""
    with open_output(target) as file:
        table = _NewSeparated(file, columns, kind, header=header)
        yield table
        table.start()


class _NewSeparated:
    def __init__(self, file: IO[bytes], columns: Sequence[str], kind: str, *, header: bool) -> None:
        self.file, self.columns, self.started = file, columns, not header
        self.dialect = Dialect(separated.SEPARATORS[kind])

    def start(self) -> None:
        """Write the header, if there is one, and was not yet."""
        if not self.started:
            self.started = True
            self.write({name: [name] for name in self.columns})

    def write(self, cells: Cells) -> None:
        self.start()
        fields = [self.dialect.written(cells[name]) for name in self.columns]
        rows = [*map(self.dialect.joined, zip(*fields, strict=True))]
        text = "\n".join(rows) + "\n" if rows else ""
        self.file.write(text.encode("utf-8", "replace"))
