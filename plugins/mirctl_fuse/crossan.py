"""Side towers on the cached hidden states of any number of frozen encoders, one a modality, which
tell each other what they see.

CROSSAN (2025) adapts four frozen encoders by fully decoupled side adapters that exchange states
across modalities. Its equations are not public: this is our reading of the abstract, and every
part of it can be switched off. With aligned blocks k = 1 .. K and A, g, P as in mirctl.nn.side:

Tower m:   x_k = g_k H_k + (1 - g_k) P_k h_{k-1},  h_0 = 0,   h_k = A_k(x_k + c_k)
Bus:       y_k^j = p_j D_{k,j} N(x_k^j),  c_k^m = s_{k,m} U_{k,m} (sum_j y_k^j - y_k^m) / (p - p_m)
Paths:     c_k^m = sum_{j != m} p_j s_{k,m,j} U_{k,m,j} D_{k,m,j} N(x_k^j) / (p - p_m)

p_m in {0, 1} tells that the item has modality m, and p is their sum: who is absent tells nothing,
but is told, so that a lost picture is stood in for by its title. N is a layer norm, s a sigmoid of
a learned gate; U begins at zero: at first each tower is by itself. The bus is linear in the number
of modalities, paths are quadratic. No gradient enters an encoder.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from mirctl.encode.towers import ItemBatch, TowerInput
from mirctl.nn.side import TEMPERATURE, SideAdapter, carry, head
from mirctl_fuse.fusion import Fused

Cross = Literal["bus", "paths", "none"]


class Bus(nn.Module):
    """One block's exchange through a shared space of `rank` dimensions: T states (n, width) and who
    is there (n, T) -> what each is told."""

    def __init__(self, widths: Sequence[int], rank: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)
        self.down = nn.ModuleList(nn.Linear(width, rank, bias=False) for width in widths)
        self.up = nn.ModuleList(_silent(rank, width) for width in widths)
        self.theta = nn.Parameter(torch.zeros(len(widths)))

    def forward(self, states: Sequence[Tensor], present: Tensor) -> list[Tensor]:
        parts = [
            down(norm(state)) * here[:, None]
            for down, norm, state, here in zip(
                self.down, self.norms, states, present.T, strict=True
            )
        ]
        all_of_them, gates = sum(parts), torch.sigmoid(self.theta / TEMPERATURE)
        return [
            gate * up((all_of_them - own) / others)
            for gate, up, own, others in zip(gates, self.up, parts, _others(present), strict=True)
        ]


class Paths(nn.Module):
    """The same through a low-rank path of its own from each to each."""

    def __init__(self, widths: Sequence[int], rank: int) -> None:
        super().__init__()
        count = len(widths)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)
        self.pairs = [(j, m) for m in range(count) for j in range(count) if j != m]
        self.down = nn.ModuleList(nn.Linear(widths[j], rank, bias=False) for j, _ in self.pairs)
        self.up = nn.ModuleList(_silent(rank, widths[m]) for _, m in self.pairs)
        self.theta = nn.Parameter(torch.zeros(len(self.pairs)))

    def forward(self, states: Sequence[Tensor], present: Tensor) -> list[Tensor]:
        heard = [norm(state) for norm, state in zip(self.norms, states, strict=True)]
        told = [torch.zeros_like(state) for state in states]
        others, gates = _others(present), torch.sigmoid(self.theta / TEMPERATURE)
        for (j, m), gate, down, up in zip(self.pairs, gates, self.down, self.up, strict=True):
            told[m] = told[m] + gate * up(down(heard[j])) * (present[:, j, None] / others[m])
        return told


def _silent(rank: int, width: int) -> nn.Linear:
    up = nn.Linear(rank, width, bias=False)
    nn.init.zeros_(up.weight)
    return up


def _others(present: Tensor) -> list[Tensor]:
    """For each of T modalities how many others an item has, (n, 1), at least 1."""
    return list((present.sum(1, keepdim=True) - present).clamp_min(1).T[..., None])


class Towers(nn.Module):
    """Item batch -> the last state of each of T towers, (n, width). Towers end together: one with
    fewer layers begins later, and hears from then on."""

    def __init__(
        self, inputs: Sequence[TowerInput], *, bottleneck: int, rank: int, cross: Cross, gate: bool
    ) -> None:
        super().__init__()
        self.inputs = nn.ModuleList(inputs)
        widths = [tower.widths for tower in inputs]
        self.depth = max(len(own) for own in widths)
        self.skips = [self.depth - len(own) for own in widths]
        self.ends = [own[-1] for own in widths]
        self.blocks = nn.ModuleList(
            nn.ModuleList(SideAdapter(width, bottleneck) for width in own) for own in widths
        )
        self.carries = nn.ModuleList(
            nn.ModuleList(carry(a, b) for a, b in zip([own[0], *own[:-1]], own, strict=True))
            for own in widths
        )
        self.theta = nn.ParameterList(
            nn.Parameter(torch.zeros(len(own)), requires_grad=gate) for own in widths
        )
        self.cross = nn.ModuleDict()
        for step in range(self.depth if cross != "none" else 0):
            block = [own[step - skip] for own, skip in zip(widths, self.skips, strict=True)
                     if step >= skip]  # fmt: skip
            if len(block) > 1:
                self.cross[str(step)] = (Bus if cross == "bus" else Paths)(block, rank)

    def forward(self, items: ItemBatch) -> list[Tensor]:
        read = [own(states) for own, states in zip(self.inputs, items.towers, strict=True)]
        present = self.present(items).to(read[0][0].dtype)
        hidden = [torch.zeros_like(own[0]) for own in read]
        for step in range(self.depth):
            active = [m for m, skip in enumerate(self.skips) if step >= skip]
            mixed = [self._mixed(m, step - self.skips[m], read[m], hidden[m]) for m in active]
            if str(step) in self.cross:
                told = self.cross[str(step)](mixed, present[:, active])
                mixed = [one + more for one, more in zip(mixed, told, strict=True)]
            for m, state in zip(active, mixed, strict=True):
                hidden[m] = self.blocks[m][step - self.skips[m]](state)
        return hidden

    def present(self, items: ItemBatch) -> Tensor:
        """(n, T) bool"""
        return torch.stack([tower.present for tower in items.towers], 1)

    def _mixed(self, m: int, k: int, states: Sequence[Tensor], hidden: Tensor) -> Tensor:
        gate = torch.sigmoid(self.theta[m][k] / TEMPERATURE)
        return gate * states[k] + (1 - gate) * self.carries[m][k](hidden)


class ItemEncoder(nn.Module):
    """Item batch -> item embeddings (n, dim): towers, a head each, and a fusion of theirs."""

    def __init__(self, towers: nn.Module, fusion: nn.Module, dim: int, head_kind: str) -> None:
        super().__init__()
        self.towers, self.fusion = towers, fusion
        self.heads = nn.ModuleList(head(width, dim, head_kind) for width in towers.ends)

    def parts(self, items: ItemBatch) -> tuple[Tensor, Tensor]:
        """What each tower says (n, T, dim), and which are there (n, T) bool."""
        ends = self.towers(items)
        said = torch.stack([out(end) for out, end in zip(self.heads, ends, strict=True)], 1)
        return said, self.towers.present(items)

    def fuse(self, items: ItemBatch) -> Fused:
        """The embeddings, and how they came about."""
        return self(items, whole=True)

    def forward(self, items: ItemBatch, *, whole: bool = False) -> Tensor | Fused:
        found = self.fusion(*self.parts(items))
        return found if whole else found.embedding
