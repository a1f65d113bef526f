"""The artifact of an index: what it holds, how it is written."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mirctl import artifact, costs
from mirctl_fuse.index.index import Index

KIND, SCHEMA = "fuse/index", 1
ITEMS = "extra/items.parquet"
SPACES = "extra/spaces.json"
MODEL = "model"
"""Its name among the artifact's parents."""


def write(
    index: Index, out: Path, *, force: bool = False, spent: Mapping[str, Any] | None = None
) -> None:
    """Write an artifact in one rename; `out` may be the one that the index was read from.

    `spent` is what it took to make it.
    """
    with artifact.create(out, KIND, SCHEMA, force) as draft:
        fill(draft, index, out)
        draft.json("metrics.json", index.metrics)
        if spent is not None:
            draft.json(costs.FILE, spent)


def fill(draft: artifact.Draft, index: Index, out: Path) -> None:
    """Put into a draft what belongs to an index, but for its metrics."""
    told = {}
    for name, space in index.spaces.items():
        present = {} if space.present is None else {"present": space.present}
        draft.tensors(vectors_of(name), {"vectors": space.vectors, **present})
        made = index.approximate.get(name)
        if made is not None:
            draft.tensors(approximate_of(name), {**made.arrays, "asked": made.asked})
        how = None if made is None else made.how.model_dump()
        told[name] = {"metric": space.metric, "approximate": how}
    draft.json(SPACES, told)
    with pa.OSFile(os.fsencode(draft.file(ITEMS)), "wb") as file:  # bytes that need not be UTF-8
        pq.write_table(index.items, file)
    parent = {"name": MODEL, "sha256": index.model.sha256}
    if index.model.folder is not None:
        parent["path"] = os.path.relpath(index.model.folder, os.path.abspath(out))
    draft.describe(parents=[parent])
    draft.card(_card(index))


def vectors_of(space: str) -> str:
    """The group of a space's vectors."""
    return f"spaces/{space}"


def approximate_of(space: str) -> str:
    """The group of what approximate search learned of a space."""
    return f"approximate/{space}"


def _card(index: Index) -> artifact.Words:
    lines = [f"An index of {len(index):,} items.", ""]
    for name, space in index.spaces.items():
        made = index.approximate.get(name)
        also = f", {made.how.kind} with effort {made.how.effort}" if made else ""
        lines.append(f"- space `{name}`: {space.width} numbers, {space.metric}{also}")
    return artifact.Words(
        title="A search index",
        about="\n".join(lines),
        quality="Recall of approximate search, beside exact search, over a sample of queries.",
    )
