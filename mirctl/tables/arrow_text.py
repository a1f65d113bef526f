"""Arrow's columns as text, and text as what a column holds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirctl.errors import DataError
from mirctl.tables.source import at_row

PLAIN = {"text": "string", "number": "double", "opaque": "string", "null": "string"}


def is_opaque(kind: pa.DataType) -> bool:
    """Whether no text stands for a value: nested, binary, or somebody's own type."""
    if pa.types.is_dictionary(kind):
        return is_opaque(kind.value_type)
    return (
        pa.types.is_nested(kind)
        or isinstance(kind, pa.BaseExtensionType)
        or "binary" in str(kind)
        or str(kind).startswith("month_day_nano")
    )


def cells_of(column: pa.ChunkedArray) -> list[str | None]:
    """A column as text; null and NaN are None."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        wide = column.cast(pa.float32()) if pa.types.is_float16(column.type) else column
        column = pc.if_else(pc.is_nan(wide), pa.scalar(None, wide.type), wide)
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Nobody reads more than microseconds from text; they lose nothing in what is not filled.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    try:
        return column.cast(pa.string()).to_pylist()
    except pa.ArrowNotImplementedError:
        return [None if value is None else str(value) for value in column.to_pylist()]


def type_of(name: str) -> pa.DataType:
    """The type that a name stands for, as `str` of a type gives it; text where it is unknown."""
    name = PLAIN.get(name, name)
    if name == "numbers":
        return pa.list_(pa.float64())
    if match := re.fullmatch(r"decimal(32|64|128|256)\((\d+), (-?\d+)\)", name):
        return getattr(pa, f"decimal{match[1]}")(int(match[2]), int(match[3]))
    if match := re.fullmatch(r"timestamp\[(\w+), tz=(.+)\]", name):
        return pa.timestamp(match[1], match[2])
    if match := re.fullmatch(r"dictionary<values=(.+), indices=(\w+), ordered=([01])>", name):
        return pa.dictionary(type_of(match[2]), type_of(match[1]), match[3] == "1")
    try:
        return pa.type_for_alias(name)
    except ValueError:
        return pa.string()


def typed(
    cells: Sequence[str | None], field: pa.Field, table: str, numbers: Sequence[int]
) -> pa.Array:
    """Text as the values of a column; a cell that is none is an error that names its row."""
    try:
        return _typed(cells, field.type)
    except (pa.ArrowException, ValueError, TypeError):
        for number, cell in zip(numbers, cells, strict=True):
            _typed_or_refused(cell, field, at_row(table, number))
        raise


def _typed_or_refused(cell: str | None, field: pa.Field, where: str) -> None:
    try:
        _typed([cell], field.type)
    except (pa.ArrowException, ValueError, TypeError) as error:
        message = f"{cell!r} cannot stand in {field.name!r}, a column of {field.type}"
        raise DataError(message, where=where) from error


def _typed(cells: Sequence[str | None], kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return _encoded(_typed(cells, kind.value_type), kind)
    if pa.types.is_list(kind):
        return pa.array([None if c is None else json.loads(c) for c in cells], kind)
    if pa.types.is_time(kind):
        return pa.array([None if c is None else time.fromisoformat(c) for c in cells], kind)
    text = pa.array([None if c is None else c.encode("utf-8", "replace") for c in cells])
    text = text.cast(pa.string())
    if pa.types.is_duration(kind):
        return text.cast(pa.int64()).cast(kind)
    if pa.types.is_timestamp(kind):
        return text.cast(pa.timestamp("us", kind.tz)).cast(kind, safe=False)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        text = pc.utf8_trim_whitespace(text)
    try:
        return text.cast(kind)
    except pa.ArrowInvalid:
        if not pa.types.is_integer(kind):
            raise
        return text.cast(pa.float64()).cast(kind)  # 3.0 is a whole number too


def _encoded(values: pa.Array, kind: pa.DictionaryType) -> pa.DictionaryArray:
    whole = values.dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        whole.indices.cast(kind.index_type), whole.dictionary, ordered=kind.ordered
    )


def filled_column(
    column: pa.ChunkedArray,
    cells: Mapping[int, str | None],
    field: pa.Field,
    table: str,
    first: int,
) -> pa.Array:
    """A column with some of its rows filled."""
    rows = sorted(cells)
    kind = field.type
    is_dictionary = pa.types.is_dictionary(kind)
    plain = pa.field(field.name, kind.value_type) if is_dictionary else field
    old = column.cast(plain.type).combine_chunks()
    new = typed([cells[row] for row in rows], plain, table, [first + row for row in rows])
    places = np.arange(len(old))
    places[rows] = len(old) + np.arange(len(rows))
    whole = pa.concat_arrays([old, new]).take(pa.array(places))
    return _encoded(whole, kind) if is_dictionary else whole
