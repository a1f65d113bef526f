"""Hidden states alone, as an artifact; those of shards are joined."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mirctl import artifact, console, device, inputs, recipe
from mirctl.artifact import Artifact, write_tensors
from mirctl.efficiency import Meter
from mirctl.encode.states import States
from mirctl.errors import ArtifactError
from mirctl.section import JobConfig
from mirctl.shards import Shard

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


@dataclass(frozen=True)
class Encoded:
    """What was encoded of a catalogue, and how."""

    states: Mapping[str, States]
    """By tower."""
    ids: Sequence[str]
    part: Shard
    device: torch.device
    meter: Meter


def encoded(
    config: JobConfig, ids: Sequence[str], shard: str | None,
    work: Callable[[torch.device, torch.dtype, Meter, tuple[int, int]], Mapping[str, States]],
) -> Encoded:  # fmt: skip
    """Let `work` (device, dtype, meter, shard) encode a recipe's items, or every n-th."""
    part, chosen = Shard.parse(shard), device.choose(config.device)
    dtype, meter = device.precision(config.precision, chosen), Meter(chosen)
    with meter:
        states = work(chosen, dtype, meter, (part.index, part.of))
    return Encoded(states, ids, part, chosen, meter)


def report(made: Encoded, out: Path | None) -> dict[str, Any]:
    """What was done, for people and programs."""
    towers = {
        tower: {
            "items": len(made.ids),
            "with_states": int(found.present().sum()),
            "encoded_now": found.calls,
            "widths": list(found.widths),
            "absent": {reason: len(places) for reason, places in found.absent.items()},
        }
        for tower, found in made.states.items()
    }
    return {"artifact": out, "towers": towers}


def write(kind: str, config: JobConfig, made: Encoded, out: Path, *, force: bool) -> None:
    """The states as an artifact of its own."""
    read = inputs.relative(inputs.describe(config), out)
    with artifact.create(out, kind=kind, schema=1, force=force) as draft:
        for tower, found in made.states.items():
            rows = np.flatnonzero(found.present())
            rows = rows[rows % made.part.of == made.part.index]
            write_tensors(draft.file(f"{tower}.safetensors"), Blocks(found, rows))
        draft.json("extra/items.json", list(made.ids))
        draft.json("extra/towers.json", report(made, out)["towers"])
        draft.text("recipe.yaml", recipe.dump(config, relative_to=out))
        draft.json("efficiency.json", made.meter.report())
        facts = {"inputs": read, "shard": [made.part.index + 1, made.part.of]}
        draft.describe(seed=config.seed, device=str(made.device), **facts)


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
    with artifact.create(out, kind=first.manifest.kind, schema=1, force=force) as draft:
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
