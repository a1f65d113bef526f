"""What crossan is compared with: the same encoders, adapted otherwise.

Pairwise IISAN takes IISAN-Versa, which is for two modalities, to T: an intra tower for each, and an
inter tower for each of the T (T - 1) / 2 pairs, as in mirctl.nn.side, joined by one linear map. It
is quadratic in the modalities.
"""

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor, nn

from mirctl.encode.towers import ItemBatch, TowerInput
from mirctl.nn.side import InterTower, IntraTower


class Pairwise(nn.Module):
    """Item batch -> the last state of each intra tower, then of each inter tower, (n, width)."""

    def __init__(self, inputs: Sequence[TowerInput], *, bottleneck: int, gate: bool) -> None:
        super().__init__()
        self.inputs = nn.ModuleList(inputs)
        widths = [own.widths for own in inputs]
        self.pairs = list(combinations(range(len(widths)), 2))
        self.intra = nn.ModuleList(IntraTower(own, bottleneck, gate=gate) for own in widths)
        self.inter = nn.ModuleList(
            InterTower([widths[i], widths[j]], bottleneck, gate=gate) for i, j in self.pairs
        )
        self.ends = [own[-1] for own in widths] + [inter.widths[-1] for inter in self.inter]

    def forward(self, items: ItemBatch) -> list[Tensor]:
        read = [own(states) for own, states in zip(self.inputs, items.towers, strict=True)]
        alone = [chain(states) for chain, states in zip(self.intra, read, strict=True)]
        pairs = zip(self.inter, self.pairs, strict=True)
        return alone + [inter([read[i], read[j]]) for inter, (i, j) in pairs]

    def present(self, items: ItemBatch) -> Tensor:
        """(n, T + pairs) bool: a pair is there where one of the two is."""
        here = [tower.present for tower in items.towers]
        return torch.stack(here + [here[i] | here[j] for i, j in self.pairs], 1)


class Ends(nn.Module):
    """Item batch -> what each encoder ends in, (n, width): nothing is added after it."""

    def __init__(self, inputs: Sequence[nn.Module]) -> None:
        super().__init__()
        self.inputs = nn.ModuleList(inputs)
        self.ends = [own.widths[-1] for own in inputs]

    def forward(self, items: ItemBatch) -> list[Tensor]:
        return [own(states)[-1] for own, states in zip(self.inputs, items.towers, strict=True)]

    def present(self, items: ItemBatch) -> Tensor:
        """(n, T) bool"""
        return torch.stack([tower.present for tower in items.towers], 1)
