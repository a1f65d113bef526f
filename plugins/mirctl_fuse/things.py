"""Things that are asked about: what a model makes of what a query gives, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mirctl import console, device
from mirctl.efficiency import Meter
from mirctl.errors import DataError
from mirctl_fuse import experts, inputs, measuring
from mirctl_fuse.building import WHOLE
from mirctl_fuse.crossan import ItemEncoder
from mirctl_fuse.inputs import Raw, Reads


def vectors(
    given: Sequence[Mapping[str, str]], config: Reads, facts: Mapping[str, Mapping[str, Any]],
    encoder: ItemEncoder, place: torch.device,
) -> list[dict[str, Tensor]]:  # fmt: skip
    """Of each thing its vector as a whole, and by each modality that is given alone."""
    dtype = device.precision(next(iter(facts.values()))["precision"], place)
    with console.aside():
        raw = Raw.asked(given, config, facts)
        read = inputs.inputs_for(config, raw, place, dtype, Meter(), facts)
        whole, _ = experts.embed(encoder, read)
        apart = {name: experts.embed(encoder, read, measuring.only(n))[0]
                 for n, name in enumerate(read.towers)}  # fmt: skip
    for n, own in enumerate(given):
        for name, value in own.items():
            if not read.towers[name].present[n]:
                raise DataError(f"{name}: {value} cannot be read")
    return [{WHOLE: whole[n].cpu(), **{name: apart[name][n].cpu() for name in own}}
            for n, own in enumerate(given)]  # fmt: skip
