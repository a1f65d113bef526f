"""`mirctl adapt encode`: hidden states alone, into the cache and, on request, into an artifact."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mirctl import artifact, console, device, files, inputs, jobs, recipe
from mirctl.artifact import write_tensors
from mirctl.data.catalogue import load_catalogue
from mirctl.efficiency import Meter
from mirctl.encode.states import States
from mirctl.errors import UsageError
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


def parse_shard(text: str | None) -> tuple[int, int]:
    """(i, n) of "i/n", i from 1; nothing means the one whole."""
    if text is None:
        return 1, 1
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"--shard {text[:80]!r}: write i/n with 1 <= i <= n < 10**9")
    return int(match[1]), int(match[2])


def encode(
    name: str, changes: Sequence[str], options: jobs.Options, shard: str | None
) -> dict[str, Any]:
    """Encode a recipe's items, or every n-th from the i-th on, and report what was done."""
    part, parts = parse_shard(shard)
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
        states = towers.encode(config.model, items, chosen, dtype, meter, (part - 1, parts))
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
                rows = rows[rows % parts == part - 1]
                write_tensors(draft.file(f"{tower}.safetensors"), Blocks(found, rows))
            draft.json("extra/items.json", items.ids)
            draft.json("extra/towers.json", report)
            draft.text("recipe.yaml", recipe.dump(config, relative_to=options.out))
            draft.json("efficiency.json", meter.report())
            draft.describe(seed=config.seed, device=str(chosen), inputs=read, shard=[part, parts])
    return {"artifact": options.out, "towers": report}


def show(report: dict[str, Any], *, json: bool) -> None:
    """One document for programs; people have been told on the way."""
    if json:
        console.document(report)
    elif report["artifact"] is not None:
        console.emit(str(report["artifact"]))
