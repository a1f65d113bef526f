"""Side networks on cached hidden states: what a recommender makes of an item.

A frozen encoder gives pooled hidden states H_1 .. H_K of the layers a tower keeps. Nothing is
back-propagated through the encoder: only what follows learns (IISAN, Fu et al., SIGIR 2024;
IISAN-Versa, Fu et al., 2025).

SAN block of width d and bottleneck b:   A(x) = W_up ReLU(W_down x + b_down) + b_up + x
Gate of block k:                         g_k = sigmoid(theta_k / 0.1), theta_k = 0 at the start
Intra-modal tower:                       h_0 = 0,  h_k = A_k(g_k H_k + (1 - g_k) P_k h_{k-1})
Inter-modal tower:                       m_0 = 0,
                                         m_k = B_k(Q_k m_{k-1} + sum_t s_{k,t} D_{k,t} H_k^t)

s_k = softmax(theta_k / 0.1) over the towers; for two towers this is the paper's pair g, 1 - g.
Dimension transformation alignment: D_{k,t} is a Linear to the narrowest tower of block k, and the
identity where a tower has that width already. P_k and Q_k carry the chain where the width changes
from block to block (a convolutional pyramid), and are the identity where it does not. A tower that
keeps more layers than another runs its surplus first blocks intra-modally only.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mirctl.encode.towers import ItemBatch, TowerInput
from mirctl.nn.side import TEMPERATURE, SideAdapter, carry, head


class IntraTower(nn.Module):
    """The gated chain over one tower's layers: K states (n, width_k) -> (n, width_K)."""

    def __init__(self, widths: Sequence[int], bottleneck: int, *, gate: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(SideAdapter(width, bottleneck) for width in widths)
        before = [widths[0], *widths[:-1]]
        self.carries = nn.ModuleList(carry(a, b) for a, b in zip(before, widths, strict=True))
        self.theta = nn.Parameter(torch.zeros(len(widths)), requires_grad=gate)

    def forward(self, states: Sequence[Tensor]) -> Tensor:
        gates = torch.sigmoid(self.theta / TEMPERATURE)
        hidden = torch.zeros_like(states[0])
        for gate, state, block, carried in zip(
            gates, states, self.blocks, self.carries, strict=True
        ):
            hidden = block(gate * state + (1 - gate) * carried(hidden))
        return hidden


class InterTower(nn.Module):
    """The chain over all towers at once: K states of T towers -> (n, narrowest width of block K).

    Takes the last K layers of each tower, K being the fewest that any tower keeps.
    """

    def __init__(self, towers: Sequence[Sequence[int]], bottleneck: int, *, gate: bool) -> None:
        super().__init__()
        self.length = min(len(widths) for widths in towers)
        aligned = list(zip(*(widths[-self.length :] for widths in towers), strict=True))
        self.widths = [min(block) for block in aligned]
        self.blocks = nn.ModuleList(SideAdapter(width, bottleneck) for width in self.widths)
        before = [self.widths[0], *self.widths[:-1]]
        self.carries = nn.ModuleList(carry(a, b) for a, b in zip(before, self.widths, strict=True))
        self.aligns = nn.ModuleList(
            nn.ModuleList(carry(width, narrow) for width in block)
            for block, narrow in zip(aligned, self.widths, strict=True)
        )
        self.theta = nn.Parameter(torch.zeros(self.length, len(towers)), requires_grad=gate)

    def forward(self, towers: Sequence[Sequence[Tensor]]) -> Tensor:
        shares = torch.softmax(self.theta / TEMPERATURE, dim=1)
        aligned = zip(*(states[-self.length :] for states in towers), strict=True)
        hidden = towers[0][0].new_zeros(len(towers[0][0]), self.widths[0])
        for share, states, align, block, carried in zip(
            shares, aligned, self.aligns, self.blocks, self.carries, strict=True
        ):
            mixed = sum(s * fit(state) for s, fit, state in zip(share, align, states, strict=True))
            hidden = block(carried(hidden) + mixed)
        return hidden


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
