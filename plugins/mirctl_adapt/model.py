"""Side networks on cached hidden states: what a recommender makes of an item.

A frozen encoder gives pooled hidden states H_1 .. H_K of the layers a tower keeps. Nothing is
back-propagated through the encoder: only what follows learns (IISAN, Fu et al., SIGIR 2024;
IISAN-Versa, Fu et al., 2025).

Blocks, gates and towers are those of mirctl.nn.side.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mirctl.encode.towers import ItemBatch, TowerInput
from mirctl.nn.side import InterTower, IntraTower, head


class SideNetwork(nn.Module):
    """Towers' states -> item embeddings (n, dim): intra towers, inter tower, heads, fusion."""

    def __init__(
        self,
        inputs: Sequence[TowerInput],
        *,
        bottleneck: int,
        dim: int,
        head_kind: str,
        intra: bool,
        inter: bool,
        gate: bool,
    ) -> None:
        super().__init__()
        widths = [tower.widths for tower in inputs]
        self.inputs = nn.ModuleList(inputs)
        self.intra = nn.ModuleList(IntraTower(w, bottleneck, gate=gate) for w in widths if intra)
        self.inter = (
            InterTower(widths, bottleneck, gate=gate) if inter and len(widths) > 1 else None
        )
        ends = [w[-1] for w in widths if intra] + ([self.inter.widths[-1]] if self.inter else [])
        self.heads = nn.ModuleList(head(width, dim, head_kind) for width in ends)
        self.fusion = nn.Linear(dim * len(ends), dim)

    def forward(self, items: ItemBatch) -> Tensor:
        towers = [read(states) for read, states in zip(self.inputs, items.towers, strict=True)]
        ends = [chain(states) for chain, states in zip(self.intra, towers, strict=False)]
        if self.inter is not None:
            ends.append(self.inter(towers))
        parts = [out(end) for out, end in zip(self.heads, ends, strict=True)]
        return self.fusion(torch.cat(parts, dim=1))


class FrozenHeads(nn.Module):
    """The baseline without side networks: a head on each tower's last kept state, then fusion."""

    def __init__(self, inputs: Sequence[TowerInput], *, dim: int, head_kind: str) -> None:
        super().__init__()
        self.inputs = nn.ModuleList(inputs)
        ends = [tower.widths[-1] for tower in inputs]
        if head_kind == "linear":
            self.heads = nn.ModuleList(nn.Linear(width, dim) for width in ends)
        else:
            self.heads = nn.ModuleList(head(width, dim, head_kind) for width in ends)
        self.fusion = nn.Linear(dim * len(ends), dim) if len(ends) > 1 else nn.Identity()

    def forward(self, items: ItemBatch) -> Tensor:
        ends = [read(states)[-1] for read, states in zip(self.inputs, items.towers, strict=True)]
        parts = [out(end) for out, end in zip(self.heads, ends, strict=True)]
        return self.fusion(torch.cat(parts, dim=1))


class IdTable(nn.Module):
    """A learned embedding an item (SASRec), alone or added to its content."""

    def __init__(self, items: int, dim: int, content: nn.Module | None = None) -> None:
        super().__init__()
        self.table = nn.Embedding(items, dim)
        nn.init.normal_(self.table.weight, std=0.02)
        self.content = content

    def forward(self, items: ItemBatch) -> Tensor:
        """Items with a negative index are new: they have content only."""
        known = self.table(items.ids.clamp_min(0)) * (items.ids >= 0)[:, None]
        return known if self.content is None else known + self.content(items)
