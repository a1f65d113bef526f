"""An index with items more or fewer; the one it is made from stays as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import torch

from mirctl.data.items import distinct_ids
from mirctl.errors import DataError
from mirctl_fuse.index import approximate
from mirctl_fuse.index.index import ID, Index
from mirctl_fuse.index.space import Space, nobody


def add(index: Index, items: pa.Table, spaces: Mapping[str, Space]) -> Index:
    """The index with new items after its own; in a space that is not given they have no vector.

    Approximate search is extended, not learned anew, and measured again.
    """
    table = _fitting(index, items)
    for name in spaces:
        index.space(name)
    grown = {
        name: _joined(name, space, spaces.get(name) or nobody(space, len(items)), len(items))
        for name, space in index.spaces.items()
    }
    bigger = replace(index, items=pa.concat_tables([index.items, table]), spaces=grown)
    for name, made in index.approximate.items():
        bigger = bigger.with_approximate(name, approximate.grow(made, grown[name]))
    return bigger


def remove(index: Index, ids: Sequence[str]) -> Index:
    """The index without some items; approximate search is learned anew, and measured again."""
    gone = index.rows(ids)
    kept = torch.ones(len(index), dtype=torch.bool)
    kept[gone] = False
    rows = torch.nonzero(kept)[:, 0]
    if not len(rows):
        raise DataError("these are all items of the index, and one has to stay")
    left = {name: space.part(rows) for name, space in index.spaces.items()}
    items = index.items.take(rows.numpy())
    smaller = replace(index, items=items, spaces=left, approximate={}, metrics={})
    for name, made in index.approximate.items():
        if not left[name].everybody().any():
            continue  # nothing to learn from, and exact search finds nothing either
        learned = approximate.learn(left[name], made.how, made.asked)
        smaller = smaller.with_approximate(name, learned)
    return smaller


def _fitting(index: Index, items: pa.Table) -> pa.Table:
    """New items with the columns of the index; none of them is there yet."""
    names = index.items.column_names
    if sorted(items.column_names) != sorted(names):
        told = f"the new items have columns {', '.join(items.column_names)}"
        raise DataError(f"{told}; the index has {', '.join(names)}")
    ids = distinct_ids(items, ID, "new items")
    if twice := next((name for name in ids if name in index.place), None):
        raise DataError(f"item {twice!r} is in the index: remove it before it is added again")
    try:
        columns = [
            pa.chunked_array([pa.array(ids, pa.string())]) if name == ID else items[name]
            for name in names
        ]
        return pa.table(columns, names=names).cast(index.items.schema)
    except pa.ArrowException as error:
        raise DataError(f"the new items' columns are not as in the index: {error}") from error


def _joined(name: str, space: Space, new: Space, count: int) -> Space:
    if (new.metric, new.width, len(new)) != (space.metric, space.width, count):
        told = f"{len(new)} vectors of {new.width} numbers, {new.metric}"
        wanted = f"{count} of {space.width}, {space.metric}"
        raise DataError(f"space {name!r}: {told}; the index wants {wanted}")
    return space.joined(new)
