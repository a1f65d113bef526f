"""The blocks of side networks, small modules that learn beside frozen encoders, and the towers that
IISAN and IISAN-Versa build of them on pooled hidden states H_1 .. H_K.

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
from torch.nn import functional as F

TEMPERATURE = 0.1
"""Of the gates: what they learn is divided by it before its sigmoid or softmax."""


class SideAdapter(nn.Module):
    """A(x) = W_up ReLU(W_down x + b_down) + b_up + x over (n, width)."""

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, bottleneck)
        self.up = nn.Linear(bottleneck, width)
        for layer in (self.down, self.up):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(F.relu(self.down(x))) + x


def carry(width: int, to: int) -> nn.Module:
    """The identity where the width stays, else a Linear."""
    return nn.Identity() if width == to else nn.Linear(width, to)


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


def head(width: int, dim: int, kind: str) -> nn.Module:
    """(n, width) -> (n, dim): two linear layers, with a GELU between them for kind "gelu"."""
    if kind == "linear":
        return nn.Sequential(nn.Linear(width, width), nn.Linear(width, dim))
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)
    )
