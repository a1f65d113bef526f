"""Time stamps: whole numbers, decimals, dates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.tables import at_row

if TYPE_CHECKING:
    import pyarrow as pa

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
ACCEPTED = "a number, or a date like 2024-05-31 or 2024-05-31T08:00:00Z"


def read_times(table: pa.Table, column: str, where: str) -> np.ndarray:
    """A column as (n,) int64, or float64 where it has decimals; dates become seconds since 1970."""
    import pyarrow as pa

    values = table[column]
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if values.null_count:
        first = values.is_null().index(True).as_py()
        message = f"column {column!r} has no value in {counted(values.null_count, 'row')}"
        raise DataError(message, where=at_row(where, first + 1))
    times = _numbers(values, column, where)
    if times.dtype.kind == "f" and not np.isfinite(times).all():
        row = int(np.argmin(np.isfinite(times))) + 1
        message = f"column {column!r} has {times[row - 1]}: expected {ACCEPTED}"
        raise DataError(message, where=at_row(where, row))
    return times


def _numbers(values: pa.ChunkedArray, column: str, where: str) -> np.ndarray:
    import pyarrow as pa

    kind = values.type
    if pa.types.is_integer(kind):
        try:
            return values.cast(pa.int64()).to_numpy()
        except pa.ArrowInvalid:  # unsigned and beyond 2^63
            return values.cast(pa.float64(), safe=False).to_numpy()
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return values.cast(pa.float64()).to_numpy()
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _seconds(values)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _parse(values, column, where)
    raise DataError(f"column {column!r} holds {kind}: expected {ACCEPTED}", where=where)


def _seconds(values: pa.ChunkedArray) -> np.ndarray:
    """Dates and moments as seconds since 1970: whole where all are."""
    import pyarrow as pa

    if pa.types.is_date32(values.type):
        return values.cast(pa.int32()).to_numpy().astype(np.int64) * 86_400
    unit = "ms" if pa.types.is_date64(values.type) else values.type.unit
    count = values.cast(pa.int64()).to_numpy()
    whole, rest = np.divmod(count, PER_SECOND[unit])
    return count / PER_SECOND[unit] if rest.any() else whole


def _parse(values: pa.ChunkedArray, column: str, where: str) -> np.ndarray:
    """Text, all of one kind; what does not fit is a DataError with its row and value."""
    import pyarrow as pa

    readings: list[Callable[[pa.ChunkedArray], np.ndarray]] = [
        lambda text: text.cast(pa.int64()).to_numpy(),
        lambda text: text.cast(pa.float64()).to_numpy(),
        lambda text: _seconds(text.cast(pa.timestamp("us"))),
        lambda text: _seconds(text.cast(pa.timestamp("us", "UTC"))),
        lambda text: _seconds(text.cast(pa.timestamp("ns"))),
        lambda text: _seconds(text.cast(pa.timestamp("ns", "UTC"))),
    ]
    for read in readings:
        if _fits(read, values):
            return read(values)
    read = next((read for read in readings[1:] if _fits(read, values[:1])), readings[0])
    place = _first_refused(read, values)
    wrong = values[place].as_py()
    raise DataError(
        f"column {column!r} has {wrong!r}: expected {ACCEPTED}", where=at_row(where, place + 1)
    )


def _fits(read: Callable[[pa.ChunkedArray], np.ndarray], values: pa.ChunkedArray) -> bool:
    import pyarrow as pa

    try:
        read(values)
    except pa.ArrowInvalid:
        return False
    return True


def _first_refused(read: Callable[[pa.ChunkedArray], np.ndarray], values: pa.ChunkedArray) -> int:
    """Index of the first value that cannot be read, by halving."""
    low, high = 0, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _fits(read, values[low:middle]) else (low, middle)
    return low
