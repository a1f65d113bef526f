"""Side towers on the cached hidden states of any number of frozen encoders, one a modality, which
tell each other what they see.

CROSSAN (2025) adapts four frozen encoders by fully decoupled side adapters that exchange states
across modalities. Its equations are not public: this is our reading of the abstract, and every
part of it can be switched off. With aligned blocks k = 1 .. K and A, g, P as in mirctl.nn.side:

Tower m:   x_k = g_k H_k + (1 - g_k) P_k h_{k-1},  h_0 = 0,   h_k = A_k(x_k + c_k)
Bus:       y_k^j = p_j D_j N_j(x_k^j),  c_k^m = s_{k,m} U_m (sum_j y_k^j - y_k^m) / (p - p_m)
Paths:     c_k^m = sum_{j != m} p_j s_{k,m,j} U_{m,j} D_{m,j} N_j(x_k^j) / (p - p_m)

p_m in {0, 1} tells that the item has modality m, and p is their sum: who is absent tells nothing,
but is told, so that a lost picture is stood in for by its title. N is a layer norm, s a sigmoid of
a gate that each block learns; maps are shared by a tower's blocks of one width. U begins at zero:
at first each tower is by itself. The bus is linear in the number of modalities, paths are
quadratic. No gradient enters an encoder.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from mirctl.encode.towers import ItemBatch, TowerInput
from mirctl.nn.side import TEMPERATURE, SideAdapter, carry, head
from mirctl_fuse.fusion import Fused

Cross = Literal["bus", "paths", "none"]
Block = Sequence[tuple[int, int]]
"""Who takes part in one exchange: (modality, its width there)."""


class Bus(nn.Module):
    """Exchanges through one space of `rank` dimensions: of exchange k T states (n, width) and who
    is there (n, T) -> what each is told."""

    def __init__(self, blocks: Sequence[Block], rank: int) -> None:
        super().__init__()
        self.keys = [[f"{m}-{width}" for m, width in block] for block in blocks]
        widths = {f"{m}-{width}": width for block in blocks for m, width in block}
        self.norms = nn.ModuleDict({key: nn.LayerNorm(w) for key, w in widths.items()})
        self.down = nn.ModuleDict({key: _linear(w, rank) for key, w in widths.items()})
        self.up = nn.ModuleDict({key: _silent(rank, w) for key, w in widths.items()})
        self.theta = nn.ParameterList(torch.zeros(len(block)) for block in blocks)

    def forward(self, k: int, states: Sequence[Tensor], present: Tensor) -> list[Tensor]:
        keys, gates = self.keys[k], torch.sigmoid(self.theta[k] / TEMPERATURE)
        parts = [
            self.down[key](self.norms[key](state)) * here[:, None]
            for key, state, here in zip(keys, states, present.T, strict=True)
        ]
        all_of_them = sum(parts)
        return [
            gate * self.up[key]((all_of_them - own) / others)
            for gate, key, own, others in zip(gates, keys, parts, _others(present), strict=True)
        ]


class Paths(nn.Module):
    """The same through a low-rank path of its own from each to each."""

    def __init__(self, blocks: Sequence[Block], rank: int) -> None:
        super().__init__()
        self.keys = [[f"{m}-{width}" for m, width in block] for block in blocks]
        self.pairs = [[(j, m) for m in range(len(block)) for j in range(len(block)) if j != m]
                      for block in blocks]  # fmt: skip
        self.norms = nn.ModuleDict()
        self.down, self.up = nn.ModuleDict(), nn.ModuleDict()
        for block, pairs in zip(blocks, self.pairs, strict=True):
            self.norms.update({f"{m}-{width}": nn.LayerNorm(width) for m, width in block})
            for j, m in pairs:
                (sender, width), (hearer, to) = block[j], block[m]
                self.down[f"{sender}-{width}-to-{hearer}"] = _linear(width, rank)
                self.up[f"{sender}-to-{hearer}-{to}"] = _silent(rank, to)
        self.theta = nn.ParameterList(torch.zeros(len(pairs)) for pairs in self.pairs)
        self.towers = [[m for m, _ in block] for block in blocks]

    def forward(self, k: int, states: Sequence[Tensor], present: Tensor) -> list[Tensor]:
        keys, towers = self.keys[k], self.towers[k]
        gates = torch.sigmoid(self.theta[k] / TEMPERATURE)
        heard = [self.norms[key](state) for key, state in zip(keys, states, strict=True)]
        told, others = [torch.zeros_like(state) for state in states], _others(present)
        for (j, m), gate in zip(self.pairs[k], gates, strict=True):
            low = self.down[f"{keys[j]}-to-{towers[m]}"](heard[j])
            high = self.up[f"{towers[j]}-to-{keys[m]}"](low)
            told[m] = told[m] + gate * high * (present[:, j, None] / others[m])
        return told


def _linear(width: int, to: int) -> nn.Linear:
    return nn.Linear(width, to, bias=False)


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
        towers = list(enumerate(zip(widths, self.skips, strict=True)))
        steps = [
            [(m, own[step - skip]) for m, (own, skip) in towers if step >= skip]
            for step in range(self.depth)
        ]
        self.alone = sum(len(block) < 2 for block in steps)
        self.cross = None
        if cross != "none" and self.alone < self.depth:
            self.cross = (Bus if cross == "bus" else Paths)(steps[self.alone :], rank)

    def forward(self, items: ItemBatch) -> list[Tensor]:
        read = [own(states) for own, states in zip(self.inputs, items.towers, strict=True)]
        present = self.present(items).to(read[0][0].dtype)
        hidden = [torch.zeros_like(own[0]) for own in read]
        for step in range(self.depth):
            active = [m for m, skip in enumerate(self.skips) if step >= skip]
            mixed = [self._mixed(m, step - self.skips[m], read[m], hidden[m]) for m in active]
            if self.cross is not None and step >= self.alone:
                told = self.cross(step - self.alone, mixed, present[:, active])
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
