"""The first sheet of an .xlsx file, row by row: nothing but its texts and numbers."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

from mirctl.errors import DataError

SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
COLUMN = re.compile(r"[A-Z]+")
WIDEST = 16_384
"""Columns that a sheet can have."""


def rows(content: bytes, path: str) -> Iterator[tuple[int, list[str | None]]]:
    """(row number, cells) of each row that has cells; all are as wide as the first."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            names = book.namelist()
            if SHEET not in names:
                raise DataError(f"is a zip file without {SHEET}: save it as CSV", where=path)
            shared = _strings(book) if STRINGS in names else []
            width = 0
            with book.open(SHEET) as sheet:
                for number, row in _elements(sheet, "row"):
                    cells = _cells(row, shared)
                    if cells:
                        width = width or len(cells)
                        yield number, cells + [None] * (width - len(cells))
    except (zipfile.BadZipFile, ElementTree.ParseError, IndexError, ValueError) as error:
        raise DataError(f"cannot be read as a spreadsheet: {error}", where=path) from error


def _elements(file: io.BufferedIOBase, tag: str) -> Iterator[tuple[int, ElementTree.Element]]:
    """Elements of a kind, each forgotten after its use."""
    events = ElementTree.iterparse(file, ("start", "end"))
    _, root = next(events)
    number = 0
    for event, element in events:
        if event == "end" and element.tag == SPACE + tag:
            number = int(element.get("r", number + 1)) if tag == "row" else number + 1
            yield number, element
            element.clear()
            root.clear()


def _strings(book: zipfile.ZipFile) -> list[str]:
    with book.open(STRINGS) as file:
        return [_text(element) for _, element in _elements(file, "si")]


def _text(element: ElementTree.Element) -> str:
    return "".join(part.text or "" for part in element.iter(SPACE + "t"))


def _cells(row: ElementTree.Element, shared: list[str]) -> list[str | None]:
    found: dict[int, str | None] = {}
    for place, cell in enumerate(row.iter(SPACE + "c")):
        found[_column(cell.get("r"), place)] = _value(cell, shared)
    if not found:
        return []
    last = max(found)
    if last >= WIDEST:
        raise ValueError(f"a cell in column {last + 1}")
    return [found.get(place) for place in range(last + 1)]


def _column(name: str | None, place: int) -> int:
    """From 0; B7 is in column 1."""
    match = COLUMN.match(name or "")
    if match is None:
        return place
    number = 0
    for letter in match[0]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _value(cell: ElementTree.Element, shared: list[str]) -> str | None:
    if cell.get("t") == "inlineStr":
        return _text(cell)
    value = cell.find(SPACE + "v")
    if value is None or value.text is None:
        return None
    return shared[int(value.text)] if cell.get("t") == "s" else value.text
