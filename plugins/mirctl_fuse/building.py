"""`mirctl fuse index`: what a model makes of a catalogue, as an index to search in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from mirctl import console, files, jobs
from mirctl.console import counted
from mirctl.data.items import Items
from mirctl.efficiency import Meter
from mirctl.encode.towers import CatalogueInputs
from mirctl_fuse import experts, index, measuring
from mirctl_fuse.index import Approximation, Index, Model, Space
from mirctl_fuse.index.index import ID
from mirctl_fuse.opening import Saved

WHOLE = "item"
"""The space of what items are as a whole; each modality has one, too."""
EXACT, APPROXIMATE = "items to vectors", "approximate search"
"""The phases of what an index takes to be made."""
EFFORTS = {"ivf": 8, "hnsw": 32}


def build(
    folder: Path, changes: Sequence[str], out: Path, kind: str | None, effort: int | None,
    options: jobs.Options,
) -> dict[str, Any]:  # fmt: skip
    """Write the index of a model's items, or of those that `changes` of its data name."""
    files.refuse_to_overwrite(out, force=options.force)
    saved, config, catalogue = measuring.opened(folder, changes, options)
    with Meter(saved.embeddings.device) as meter:
        with meter.phase(EXACT):
            read = measuring.inputs_of(saved, config, catalogue.items)
            made = _index(saved, catalogue.items, config.data.columns.in_items, read)
        if kind is not None:
            how = Approximation(kind=kind, effort=effort or EFFORTS[kind], seed=config.seed)
            with meter.phase(APPROXIMATE):
                for name in made.spaces:
                    made = made.approximated(name, how)
    index.write(made, out, force=options.force, spent=meter.report())
    spaces = ", ".join(made.spaces)
    console.say(f"{out}: {counted(len(made), 'item')} in the spaces {spaces}")
    return {"artifact": str(out), "items": len(made), "metrics": dict(made.metrics)}


def _index(saved: Saved, items: Items, id_column: str, read: CatalogueInputs) -> Index:
    whole, _ = experts.embed(saved.model, read)
    known = torch.from_numpy(sum(tower.present for tower in read.towers.values()) > 0)
    spaces = {WHOLE: Space.of(whole.cpu(), "inner", known)}
    for place, (name, tower) in enumerate(read.towers.items()):
        own, _ = experts.embed(saved.model, read, measuring.only(place))
        spaces[name] = Space.of(own.cpu(), "cosine", torch.from_numpy(tower.present))
    return index.build(_table(items, id_column), spaces, Model.of(saved.art))


def _table(items: Items, id_column: str) -> pa.Table:
    """The items' columns, the first of which is called item_id."""
    others = [name for name in items.table.column_names if name not in (id_column, ID)]
    columns = [pa.array(items.ids), *(items.table[name] for name in others)]
    return pa.table(columns, names=[ID, *others])
