"""`mirctl adapt encode`: hidden states alone, into the cache and, on request, into an artifact."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mirctl import artifact, console, device, files, inputs, jobs, recipe
from mirctl.artifact import Artifact, write_tensors
from mirctl.data.catalogue import load_catalogue
from mirctl.efficiency import Meter
from mirctl.encode.states import States
from mirctl.errors import ArtifactError, UsageError
from mirctl.shards import Shard
from mirctl_adapt import towers
from mirctl_adapt.config import AdaptConfig

KIND = "adapt/states"
ROWS = 16_384


class Blocks(Mapping[str, Tensor]):
    """One tower's states for a file, gathered block by block: `items` (rows,) are item indexes,
    `states.00000`, `states.00001` ... (rows of the block, width) fp16.
    """

    def __init__(self, states: States, rows: np.ndarray) -> None:
        self.states, self.rows = states, rows
        count = max(1, -(-len(rows) // ROWS))
        self.names = [f"states.{n:05}" for n in range(count)]

    def __getitem__(self, name: str) -> Tensor:
        if name == "items":
            return torch.from_numpy(self.rows)
        start = self.names.index(name) * ROWS
        return self.states.gather(self.rows[start : start + ROWS])

    def __iter__(self) -> Iterator[str]:
        return iter(("items", *self.names))

    def __len__(self) -> int:
        return 1 + len(self.names)


def encode(
    name: str, changes: Sequence[str], options: jobs.Options, shard: str | None
) -> dict[str, Any]:
    """Encode a recipe's items, or every n-th from the i-th on, and report what was done."""
    part = Shard.parse(shard)
    _, config = jobs.prepare(name, changes, options, only="adapt/run")
    if not isinstance(config, AdaptConfig) or not config.model.encoders:
        raise UsageError(f"{name}: its method reads no content, so there is nothing to encode")
    if options.out is not None:
        files.refuse_to_overwrite(options.out, force=options.force)
    chosen = device.choose(config.device)
    dtype = device.precision(config.precision, chosen)
    items = load_catalogue(config.data, seed=config.seed).items
    meter = Meter(chosen)
    with meter:
        states = towers.encode(config.model, items, chosen, dtype, meter, (part.index, part.of))
    report = {
        tower: {
            "items": len(items.ids),
            "with_states": int(found.present().sum()),
            "encoded_now": found.calls,
            "widths": list(found.widths),
            "absent": {reason: len(places) for reason, places in found.absent.items()},
        }
        for tower, found in states.items()
    }
    if options.out is not None:
        read = inputs.relative(inputs.describe(config), options.out)
        with artifact.create(options.out, kind=KIND, schema=1, force=options.force) as draft:
            for tower, found in states.items():
                rows = np.flatnonzero(found.present())
                rows = rows[rows % part.of == part.index]
                write_tensors(draft.file(f"{tower}.safetensors"), Blocks(found, rows))
            draft.json("extra/items.json", items.ids)
            draft.json("extra/towers.json", report)
            draft.text("recipe.yaml", recipe.dump(config, relative_to=options.out))
            draft.json("efficiency.json", meter.report())
            facts = {"inputs": read, "shard": [part.index + 1, part.of]}
            draft.describe(seed=config.seed, device=str(chosen), **facts)
    return {"artifact": options.out, "towers": report}


def merge(parts: Sequence[Artifact], out: Path, force: bool) -> None:
    """The states of shards as one artifact: its tensors are those that one `encode` would write."""
    first = parts[0]
    ids, towers = (first.json(f"extra/{name}.json") for name in ("items", "towers"))
    for part in parts:
        if (
            part.json("extra/items.json") != ids
            or part.json("extra/towers.json").keys() != towers.keys()
        ):
            told = f"is of other items or towers than {first.folder}"
            raise ArtifactError(told, where=str(part.folder))
    with artifact.create(out, kind=KIND, schema=1, force=force) as draft:
        for tower in towers:
            states = _joined(parts, tower, len(ids))
            rows = np.flatnonzero(states.present())
            write_tensors(draft.file(f"{tower}.safetensors"), Blocks(states, rows))
        draft.json("extra/items.json", ids)
        draft.json("extra/towers.json", towers)
        draft.text("recipe.yaml", first.text("recipe.yaml"))
        parents = [{"name": art.folder.name, "sha256": art.manifest.digest} for art in parts]
        draft.describe(seed=first.manifest.seed, parents=parents, shard=[1, 1])


def _joined(parts: Sequence[Artifact], tower: str, count: int) -> States:
    """One tower's states of all parts, by item."""
    rows, before = np.full(count, -1), 0
    for part in parts:
        items = part.tensors(tower)["items"].numpy()
        inside = not len(items) or (items.min() >= 0 and items.max() < count)
        if not inside or (rows[items] >= 0).any():
            raise ArtifactError(f"{tower} holds items of another part", where=str(part.folder))
        rows[items] = before + np.arange(len(items))
        before += len(items)
    paths = [part.path(f"{tower}.safetensors") for part in parts]
    return States.from_files(paths, rows, parts[0].json("extra/towers.json")[tower]["widths"])


def show(report: dict[str, Any], *, json: bool) -> None:
    """One document for programs; people have been told on the way."""
    if json:
        console.document(report)
    elif report["artifact"] is not None:
        console.emit(str(report["artifact"]))
