"""The tables of a recommender's artifact: its items, and its users' histories."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mirctl.artifact import Artifact, Draft
from mirctl.data.catalogue import Catalogue
from mirctl.errors import ArtifactError
from mirctl.sequences.histories import Histories, Split

ITEMS = "extra/items.parquet"
USERS = "extra/users.parquet"
ITEMS_COLUMNS = pa.schema(
    {"item_id": pa.string(), "title": pa.string(), "train_interactions": pa.int64()}
)
USERS_COLUMNS = pa.schema({"user_id": pa.string(), "history": pa.large_list(pa.int32())})


def write_items(draft: Draft, catalogue: Catalogue, split: Split) -> None:
    """The catalogue: ids, titles, and how often each item was taken in training."""
    table = pa.table(
        {
            "item_id": catalogue.items.ids,
            "title": catalogue.items.titles,
            "train_interactions": split.train_counts(),
        },
        ITEMS_COLUMNS,
    )
    _write(draft.file(ITEMS), table)


def write_users(draft: Draft, catalogue: Catalogue) -> None:
    """Every user's whole history as item indexes; `recommend --user` reads it."""
    offsets, items = catalogue.interactions.sequences()
    histories = pa.LargeListArray.from_arrays(
        pa.array(offsets, pa.int64()), pa.array(items, pa.int32())
    )
    told = {"user_id": catalogue.interactions.users, "history": histories}
    _write(draft.file(USERS), pa.table(told, USERS_COLUMNS))


def _write(path: Path, table: pa.Table) -> None:
    with pa.OSFile(os.fsencode(path), "wb") as file:  # a path's bytes need not be UTF-8
        pq.write_table(table, file)


def read_items(art: Artifact) -> pa.Table:
    """The catalogue: ids, each once, titles, and how often each was taken in training."""
    table = _table(art, ITEMS, ITEMS_COLUMNS, may_lack="title")
    if not len(table) or pc.count_distinct(table["item_id"]).as_py() < len(table):
        raise damaged(art, f"{ITEMS}: each item stands there once, and at least one does")
    if pc.min(table["train_interactions"]).as_py() < 0:
        raise damaged(art, f"{ITEMS}: train_interactions are counts, from 0 on")
    return table


def read_users(art: Artifact, n_items: int) -> tuple[list[str], Histories] | None:
    """The users' ids and histories, where the artifact keeps them."""
    if USERS not in art.manifest.files:
        return None
    table = _table(art, USERS, USERS_COLUMNS)
    column = table["history"].combine_chunks()
    taken = column.values
    if taken.null_count or not inside(taken.to_numpy(zero_copy_only=False), n_items):
        raise damaged(art, f"{USERS}: a history names an item beyond the {n_items} there")
    offsets = column.offsets.to_numpy()
    histories = Histories(taken.to_numpy().astype(np.int64), offsets[:-1], offsets[1:])
    return table["user_id"].to_pylist(), histories


def _table(art: Artifact, name: str, columns: pa.Schema, may_lack: str = "") -> pa.Table:
    """The columns of a file as they were written; only `may_lack` may have empty cells."""
    try:
        with pa.OSFile(os.fsencode(art.path(name))) as file:  # a path's bytes need not be UTF-8
            table = pq.read_table(file)
        table.validate(full=True)
        table = table.select(columns.names).cast(columns)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise damaged(art, f"{name} cannot be read: {error}") from error
    for column in columns.names:
        if column != may_lack and table[column].null_count:
            raise damaged(art, f"{name}: column {column!r} has empty cells")
    return table


def inside(numbers: np.ndarray, count: int) -> bool:
    """Is each of them an index of `count` things?"""
    return not len(numbers) or (numbers.min() >= 0 and numbers.max() < count)


def damaged(art: Artifact, problem: str) -> ArtifactError:
    """The error of an artifact whose content cannot be right."""
    return ArtifactError(problem, where=str(art.folder))
