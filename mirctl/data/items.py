"""The items of a catalogue: ids, texts, pictures. Anything but the id may be missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mirctl.data import images as pictures
from mirctl.data.config import Columns
from mirctl.data.ids import read_ids
from mirctl.errors import DataError, suggest
from mirctl.tables import Source, at_row, open_source, read_table, read_text, require_columns

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Items:
    """Items in the order of their table; item index i is place i in every list."""

    ids: list[str]
    images: list[Path | None]
    table: pa.Table
    """Every column of the items table, as it was read."""
    title_column: str
    where: str
    audio: list[Path | None] | None = None
    video: list[Path | None] | None = None
    lost_images: tuple[str, ...] = ()
    """Pictures that the table names and that are not there."""
    notes: tuple[str, ...] = ()

    @cached_property
    def titles(self) -> list[str | None]:
        """Each item's title; None where it has none, or where there is no title column at all."""
        if self.title_column not in self.table.column_names:
            return [None] * len(self.ids)
        return self.text()

    @cached_property
    def index(self) -> dict[str, int]:
        """Id -> item index."""
        return {name: place for place, name in enumerate(self.ids)}

    def part(self, start: int, stop: int) -> Items:
        """Some of the items, as a table of just these would be."""

        def cut(paths: list[Path | None] | None) -> list[Path | None] | None:
            return paths and paths[start:stop]

        return replace(
            self,
            ids=self.ids[start:stop],
            images=self.images[start:stop],
            table=self.table.slice(start, stop - start),
            audio=cut(self.audio),
            video=cut(self.video),
        )

    def text(self, column: str | None = None) -> list[str | None]:
        """A text column (None: the title), a value an item; None where it is missing or blank."""
        column = column or self.title_column
        require_columns([column], self.table.column_names, self.where)
        return text_values(self.table, column, self.where)


def text_values(table: pa.Table, column: str, where: str) -> list[str | None]:
    """A column as text, blanks as None; what the user wrote stays as it is."""
    import pyarrow as pa

    try:
        values = table[column].cast(pa.string()).to_pylist()
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        message = f"column {column!r} holds {table[column].type} where text is expected"
        raise DataError(message, where=where) from error
    return [value if value and not value.isspace() else None for value in values]


def load_items(
    path: Path, columns: Columns, images: Path | None = None, *, known: pa.Array | None = None
) -> Items:
    """Read an items table; `known` ids (those of the interactions) help to see a missing header."""
    source = open_source(path)
    table, notes = _read(source, columns, known)
    return items_from(
        table, columns, source.name, images=images, folder=Path(path).parent, notes=notes
    )


def items_from(
    table: pa.Table,
    columns: Columns,
    where: str,
    *,
    images: Path | None = None,
    folder: Path | None = None,
    notes: tuple[str, ...] = (),
) -> Items:
    """Items out of a table whose id and title columns `columns` names."""
    if columns.in_items not in table.column_names and columns.items_id is None:
        near = suggest(columns.in_items, table.column_names)
        listed = ", ".join(table.column_names)
        raise DataError(
            f"has no column {columns.in_items!r}{near} (its columns: {listed}); where the id is "
            "called otherwise than in the interactions, set columns.items_id",
            where=where,
        )
    named = [name for name in (columns.title, columns.image) if name]
    optional = Columns().title
    require_columns(
        [columns.in_items, *(name for name in named if name != optional)], table.column_names, where
    )
    ids = distinct_ids(table, columns.in_items, where)
    files, lost = _images(table, columns, where, ids, images, folder)
    return Items(ids, files, table, columns.title, where, lost_images=tuple(lost), notes=notes)


def bare_items(ids: list[str], columns: Columns, where: str) -> Items:
    """Items of which nothing is known but their ids."""
    import pyarrow as pa

    return Items(ids, [None] * len(ids), pa.table({columns.in_items: ids}), columns.title, where)


def distinct_ids(table: pa.Table, column: str, where: str) -> list[str]:
    """The ids in table order; one that stands there twice is a DataError with both rows."""
    if not len(table):
        raise DataError("has a header and no rows", where=where)
    ids = read_ids(table, column, where)
    counts = np.bincount(ids.codes, minlength=len(ids.distinct))
    repeated = counts[ids.codes] > 1
    if repeated.any():
        code = ids.codes[np.argmax(repeated)]
        first, second = np.flatnonzero(ids.codes == code)[:2] + 1
        name, more = ids.distinct[int(code)].as_py(), int((counts > 1).sum()) - 1
        others = f", and {more} more ids are repeated" if more else ""
        message = f"item {name!r} stands in rows {first} and {second}{others}: keep one row an item"
        raise DataError(message, where=at_row(where, second))
    return ids.distinct.take(ids.codes).to_pylist()


def _images(
    table: pa.Table, columns: Columns, where: str, ids: list[str],
    images: Path | None, folder: Path | None,
) -> tuple[list[Path | None], list[str]]:  # fmt: skip
    if columns.image:
        names = text_values(table, columns.image, where)
        return pictures.by_column(images or folder or Path(), names)
    if images:
        return pictures.by_id(images, ids, pictures.PICTURES), []
    return [None] * len(ids), []


def _read(
    source: Source, columns: Columns, known: pa.Array | None
) -> tuple[pa.Table, tuple[str, ...]]:
    first = source.first_lines() if source.kind == "tsv" else []
    if not is_headerless(first, {columns.in_items, columns.title}):
        return read_table(source), ()
    if not _begins_with_an_item(first, known):
        raise DataError(
            f"its first row {first[0][:80]!r} names no column {columns.in_items!r}, and may be a "
            "header or an item: put a header above it, or set columns.items_id and columns.title",
            where=source.name,
        )
    names = [columns.in_items, columns.title]
    note = f"{source.name} has no header: read as item id, tab, title"
    return read_text(source, names, names, quoted=False, has_header=False), (note,)


def _begins_with_an_item(lines: list[str], known: pa.Array | None) -> bool:
    """Is a first line without known column names an item, and no header after all?

    It is where the interactions know it. The first item of a list may also be one that nobody took:
    its id then has digits, which column names rarely have, and is made of the same kinds of letters
    as another id.
    """
    name = lines[0].partition("\t")[0]
    if known is not None and known.index(name).as_py() >= 0:
        return True
    others = {_kinds(line.partition("\t")[0]) for line in lines[1:]}
    return any(letter.isdigit() for letter in name) and _kinds(name) in others


def _kinds(name: str) -> frozenset[str]:
    """Which kinds of characters an id is made of."""
    return frozenset(
        "9" if c.isdigit() else "A" if c.isupper() else "a" if c.islower() else c for c in name
    )


def is_headerless(lines: list[str], names: set[str]) -> bool:
    """Two columns by tab in every line, and a first line with none of the expected names?"""
    return (
        bool(lines)
        and all(line.count("\t") == 1 for line in lines)
        and not names & set(lines[0].strip("\r\n").split("\t"))
    )
