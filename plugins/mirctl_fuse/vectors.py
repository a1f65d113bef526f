"""A modality that is there already: one's own vectors of the items."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from mirctl.encode.states import LARGEST, States
from mirctl.errors import DataError
from mirctl.tables import open_source, read_table

if TYPE_CHECKING:
    import pyarrow as pa

WEIGHTS = "vectors"
"""What stands for the digest of a model."""
VECTOR = ("vector", "embedding", "embeddings")
"""What a column of vectors may be called, where there are several columns of lists."""


def read(path: Path, ids: Sequence[str], id_column: str) -> States:
    """Vectors of items `ids`, a layer each where they have several; items without are absent, and
    so are those whose numbers are not finite."""
    values, rows = _npy(path, ids) if path.suffix == ".npy" else _table(path, ids, id_column)
    n, layers, width = values.shape
    finite = np.isfinite(values).all((1, 2)) & (np.abs(values) <= LARGEST).all((1, 2))
    rows = np.where((rows >= 0) & finite[np.maximum(rows, 0)], rows, -1) if n else rows
    lacking = np.flatnonzero(rows < 0).tolist()
    states = torch.from_numpy(values.reshape(n, -1).astype(np.float16))
    digest = hashlib.sha256(np.ascontiguousarray(values).tobytes() + rows.tobytes()).hexdigest()
    names = tuple(str(k) for k in range(layers))
    absent = {"no vector": lacking} if lacking else {}
    return States((width,) * layers, names, rows, [states], absent, content=digest, weights=WEIGHTS)


def _npy(path: Path, ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(items, layers, width), and the row of each item."""
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"is no .npy file: {error}", where=str(path)) from error
    if values.ndim not in (2, 3) or values.dtype.kind not in "fiu" or 0 in values.shape:
        told = f"holds {values.dtype} {values.shape}"
        raise DataError(
            f"{told}: (items, width) or (items, layers, width) of numbers", where=str(path)
        )
    if len(values) != len(ids):
        told = f"holds {len(values)} rows, and there are {len(ids)} items"
        raise DataError(f"{told}: a row an item, in their order", where=str(path))
    values = values.astype(np.float32)
    return values.reshape(len(values), -1, values.shape[-1]), np.arange(len(ids))


def _table(path: Path, ids: Sequence[str], id_column: str) -> tuple[np.ndarray, np.ndarray]:
    import pyarrow as pa

    table, where = read_table(open_source(path)), str(path)
    lists = [field.name for field in table.schema if _is_list(field.type)]
    chosen = lists if len(lists) == 1 else [name for name in lists if name in VECTOR]
    if id_column not in table.column_names or len(chosen) != 1:
        told = f"there should be {id_column!r}, and one of lists of numbers"
        more = f"of several, one called {', '.join(VECTOR)}"
        listed = ", ".join(table.column_names)
        raise DataError(f"has the columns {listed}: {told} ({more})", where=where)
    given = table.filter(table[chosen[0]].is_valid())
    try:
        column = given[chosen[0]].combine_chunks().cast(pa.large_list(pa.float32()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"column {chosen[0]!r} holds no numbers: {error}", where=where) from error
    lengths = set(np.diff(column.offsets.to_numpy()).tolist())
    if len(lengths) != 1 or lengths == {0}:
        told = f"of {len(lengths)} lengths" if lengths - {0} else "none"
        raise DataError(f"column {chosen[0]!r} has vectors {told}: give one", where=where)
    names = given[id_column].cast(pa.string()).to_pylist()
    place = {name: n for n, name in enumerate(names)}
    rows = np.array([place.get(name, -1) for name in ids], np.int64)
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), 1, -1), rows


def _is_list(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return isinstance(kind, pa.ListType | pa.LargeListType | pa.FixedSizeListType)
