"""Id columns: text, whatever the file stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mirctl.errors import DataError
from mirctl.tables import at_row

if TYPE_CHECKING:
    import pyarrow as pa

EXACT_FLOAT = 2**53


@dataclass(frozen=True, eq=False)
class Ids:
    """A column of ids: `codes` (n,) int32 into `distinct`, which is sorted as text."""

    codes: np.ndarray
    distinct: pa.Array


def read_ids(table: pa.Table, column: str, where: str) -> Ids:
    """Ids of a column (one row or more) as text; a missing id is a DataError with its row."""
    import pyarrow as pa

    _refuse_other_types(table, column, where)
    encoded = table[column].dictionary_encode().unify_dictionaries()
    codes = np.concatenate(
        [
            chunk.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
            for chunk in encoded.chunks
        ]
    )
    return _sorted(codes, _as_text(encoded.chunk(0).dictionary, codes, column, where))


def _refuse_other_types(table: pa.Table, column: str, where: str) -> None:
    from pyarrow import types

    kind = table[column].type
    if types.is_dictionary(kind):
        kind = kind.value_type
    fine = (types.is_integer, types.is_floating, types.is_string, types.is_large_string)
    if not any(is_fine(kind) for is_fine in (*fine, types.is_null)):
        message = f"column {column!r} holds {kind}: ids are text or whole numbers"
        raise DataError(message, where=where)


def _as_text(values: pa.Array, codes: np.ndarray, column: str, where: str) -> pa.Array:
    """Distinct values (m,) as text, after a look for missing ones."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(values.type):
        values = _whole(values, codes, column, where)
    text = values.cast(pa.string())
    trimmed = pc.utf8_trim_whitespace(text)
    blank = np.flatnonzero(pc.equal(trimmed, "").to_numpy(zero_copy_only=False))
    missing = (codes < 0) | np.isin(codes, blank) if len(blank) else codes < 0
    if missing.any():
        first, count = int(np.argmax(missing)) + 1, int(missing.sum())
        message = (
            f"column {column!r} has no id in {count} of {len(codes)} rows: fill or remove them"
        )
        raise DataError(message, where=at_row(where, first))
    return text


def _whole(values: pa.Array, codes: np.ndarray, column: str, where: str) -> pa.Array:
    """Floats that stand for whole numbers, as a table with gaps stores them: 7.0 is the id 7."""
    import pyarrow as pa

    numbers = values.to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(~(np.abs(numbers) < EXACT_FLOAT) | (numbers != np.round(numbers)))
    if len(wrong):
        row = int(np.argmax(codes == wrong[0])) + 1
        message = f"column {column!r} has {numbers[wrong[0]]}: ids are text or whole numbers"
        raise DataError(message, where=at_row(where, row))
    return pa.array(numbers.astype(np.int64))


def _sorted(codes: np.ndarray, distinct: pa.Array) -> Ids:
    """Number the distinct ids in the order of their text, so that no file order is left."""
    import pyarrow.compute as pc

    order = pc.sort_indices(distinct).to_numpy()
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return Ids(rank[codes], distinct.take(order))
