"""What a page has to know of an index before it is searched."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mirctl_fuse.index.index import ID
from mirctl_fuse.searching import Search

MOST_VALUES = 200


def about(search: Search) -> dict[str, Any]:
    """How many items, what can be asked by, and which columns items are filtered by."""
    index = search.index
    title = search.saved.config.data.columns.title
    columns = [name for name in index.items.column_names if name not in (ID, title)]
    return {
        "items": len(index),
        "model": index.model.sha256,
        "modalities": dict(search.kinds),
        "users": bool(search.users),
        "approximate": sorted(index.approximate),
        "columns": {name: values for name in columns
                    if (values := _values(index.items[name])) is not None},
    }  # fmt: skip


def _values(cells: pa.ChunkedArray) -> list[str] | None:
    """What a filter may say of a column, nothing where that is too much to list; None where a
    column cannot be filtered by."""
    if pa.types.is_list(cells.type) or pa.types.is_large_list(cells.type):
        cells = pc.list_flatten(cells)
    try:
        found = pc.unique(cells.cast(pa.string())).drop_null()
    except pa.ArrowException:
        return None
    return sorted(found.to_pylist()) if len(found) <= MOST_VALUES else []
