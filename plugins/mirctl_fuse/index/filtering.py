"""Which items may be found: `column=value` of the items' columns."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from mirctl.errors import DataError, UsageError, suggest


def allowed(items: pa.Table, conditions: Sequence[str]) -> Tensor:
    """(items,) bool: of conditions on one column any may hold, of several columns each must.

    A cell that is a list holds each of its values; an empty cell none.
    """
    wanted: dict[str, list[str]] = {}
    for condition in conditions:
        column, sign, value = condition.partition("=")
        if not sign:
            raise UsageError(f"filter {condition!r} is not understood: write COLUMN=VALUE")
        if column not in items.column_names:
            hint = suggest(column, items.column_names, f"there are {', '.join(items.column_names)}")
            raise UsageError(f"filter {condition!r}: the items have no column {column!r}{hint}")
        wanted.setdefault(column, []).append(value)
    kept = np.ones(len(items), dtype=bool)
    for column, values in wanted.items():
        kept &= np.any([_holds(items[column], value, column) for value in values], axis=0)
    if not kept.any():
        raise DataError(f"no item has {' and '.join(conditions)}: nothing is left to search")
    return torch.from_numpy(kept)


def _holds(cells: pa.ChunkedArray, value: str, name: str) -> np.ndarray:
    """(items,) bool: whose cell is the value, or a list with it."""
    kind = cells.type
    if pa.types.is_null(kind):
        return np.zeros(len(cells), dtype=bool)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        owners = pc.list_parent_indices(cells).to_numpy()
        kept = np.zeros(len(cells), dtype=bool)
        kept[owners[_holds(pc.list_flatten(cells), value, name)]] = True
        return kept
    if pa.types.is_dictionary(kind):
        cells, kind = cells.cast(kind.value_type), kind.value_type
    try:
        same = pc.equal(cells, pa.scalar(value).cast(kind))
    except (pa.ArrowException, UnicodeError) as error:
        raise UsageError(f"filter {name}={value}: the column holds {kind}: {error}") from error
    return same.fill_null(False).to_numpy(zero_copy_only=False)
