"""`mirctl fuse index`: what a model makes of a catalogue, as an index to search in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import torch

from mirctl import artifact, console, device, files, jobs
from mirctl.artifact import Artifact
from mirctl.console import counted
from mirctl.data.items import Items
from mirctl.efficiency import Meter
from mirctl.encode.towers import CatalogueInputs
from mirctl_fuse import experts, index, measuring
from mirctl_fuse.crossan import ItemEncoder
from mirctl_fuse.index import Approximation, Index, Model, Space
from mirctl_fuse.index.index import ID
from mirctl_fuse.retrieval import measuring as of_pairs
from mirctl_fuse.retrieval import pairs, saving

WHOLE = "item"
"""The space of what items are as a whole; each modality has one, too."""
EXACT, APPROXIMATE = "items to vectors", "approximate search"
"""The phases of what an index takes to be made."""
EFFORTS = {"ivf": 8, "hnsw": 32}


@dataclass(frozen=True)
class Catalogue:
    """Items, and what reads them."""

    art: Artifact
    encoder: ItemEncoder
    read: CatalogueInputs
    items: Items
    id_column: str
    seed: int
    metric: Literal["inner", "cosine"]
    """How the model compares items as a whole."""


def build(
    folder: Path, changes: Sequence[str], out: Path, kind: str | None, effort: int | None,
    options: jobs.Options,
) -> dict[str, Any]:  # fmt: skip
    """Write the index of a model's items, or of those that `changes` of its data name."""
    files.refuse_to_overwrite(out, force=options.force)
    place = device.choose(options.device or "auto")
    with Meter(place) as meter:
        with meter.phase(EXACT):
            catalogue = _catalogue(folder, changes, options)
            made = _index(catalogue)
        if kind is not None:
            how = Approximation(kind=kind, effort=effort or EFFORTS[kind], seed=catalogue.seed)
            with meter.phase(APPROXIMATE):
                for name in made.spaces:
                    made = made.approximated(name, how)
    index.write(made, out, force=options.force, spent=meter.report())
    spaces = ", ".join(made.spaces)
    console.say(f"{out}: {counted(len(made), 'item')} in the spaces {spaces}")
    return {"artifact": str(out), "items": len(made), "metrics": dict(made.metrics)}


def _catalogue(folder: Path, changes: Sequence[str], options: jobs.Options) -> Catalogue:
    """The items of a recommender, or of a retriever."""
    if artifact.open_artifact(folder).manifest.kind == saving.KIND:
        saved, config = of_pairs.opened(folder, changes, options)
        items = pairs.load_things(config.data)
        read, metric = of_pairs.inputs_of(saved, config, items, "items"), "cosine"
    else:
        saved, config, found = measuring.opened(folder, changes, options)
        items = found.items
        read, metric = measuring.inputs_of(saved, config, items), "inner"
    id_column = config.data.columns.in_items
    return Catalogue(saved.art, saved.model.items, read, items, id_column, config.seed, metric)


def _index(catalogue: Catalogue) -> Index:
    read, encoder = catalogue.read, catalogue.encoder
    whole, _ = experts.embed(encoder, read)
    known = torch.from_numpy(sum(tower.present for tower in read.towers.values()) > 0)
    spaces = {WHOLE: Space.of(whole.cpu(), catalogue.metric, known)}
    for place, (name, tower) in enumerate(read.towers.items()):
        own, _ = experts.embed(encoder, read, measuring.only(place))
        spaces[name] = Space.of(own.cpu(), "cosine", torch.from_numpy(tower.present))
    table = _table(catalogue.items, catalogue.id_column)
    return index.build(table, spaces, Model.of(catalogue.art))


def _table(items: Items, id_column: str) -> pa.Table:
    """The items' columns, the first of which is called item_id."""
    others = [name for name in items.table.column_names if name not in (id_column, ID)]
    columns = [pa.array(items.ids), *(items.table[name] for name in others)]
    return pa.table(columns, names=[ID, *others])
