"""Side networks on cached hidden states, and the user encoder over item embeddings.

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
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TEMPERATURE = 0.1


@dataclass(frozen=True)
class TowerStates:
    """One tower's input: states (n, sum of kept widths) and present (n,) bool."""

    states: Tensor
    present: Tensor
    whole: bool = False
    """Known to have no absent item: then nothing need be put in its place."""

    def without(self, lost: Tensor) -> "TowerStates":
        """As if the items `lost` (n,) bool were absent."""
        return replace(self, present=self.present & ~lost, whole=False)


@dataclass(frozen=True)
class ItemBatch:
    """n items: their indexes (n,) and what each tower knows of them."""

    ids: Tensor
    towers: tuple[TowerStates, ...]

    def hide(self, rate: float) -> "ItemBatch":
        """Modality dropout: a share of the items that several towers know is lost to one of them,
        each of those as likely (ModDrop, Neverova et al., 2015)."""
        if rate == 0 or len(self.towers) < 2:
            return self
        known = torch.stack([tower.present for tower in self.towers], dim=1)
        drawn = torch.rand(known.shape, device=known.device).masked_fill(~known, -1).argmax(1)
        several = known.sum(1) > 1
        lost = several & (torch.rand(len(known), device=known.device) < rate)
        towers = [t.without(lost & (drawn == n)) for n, t in enumerate(self.towers)]
        return replace(self, towers=tuple(towers))


class TowerInput(nn.Module):
    """Standardises a tower's states and puts a learned state where an item has none."""

    def __init__(self, widths: Sequence[int], mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.widths = list(widths)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.absent = nn.Parameter(torch.zeros(sum(widths)))

    def forward(self, tower: TowerStates) -> list[Tensor]:
        """One (n, width) tensor a kept layer."""
        states = tower.states.to(self.mean.dtype, copy=True).sub_(self.mean).mul_(self.scale)
        if not tower.whole:
            states = torch.where(tower.present[:, None], states, self.absent)
        return list(states.split(self.widths, dim=1))


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


class UserBlock(nn.Module):
    """Pre-norm causal self-attention and feed-forward over (users, time, dim)."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm_attention, self.norm_feed = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.project = nn.Linear(dim, 3 * dim)
        self.join = nn.Linear(dim, dim)
        self.feed = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        users, time, dim = x.shape
        parts = self.project(self.norm_attention(x)).unflatten(
            -1, (3, self.heads, dim // self.heads)
        )
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        mixed = self.join(mixed.transpose(1, 2).reshape(users, time, dim))
        x = x + F.dropout(mixed, self.dropout, self.training)
        return x + F.dropout(self.feed(self.norm_feed(x)), self.dropout, self.training)


class UserEncoder(nn.Module):
    """Item embeddings (users, time, dim), oldest first -> what the user wants next, at each time.

    A causal transformer (SASRec, Kang and McAuley, 2018). Histories are padded at the END: no time
    step ever sees a pad, so none needs a mask.
    """

    def __init__(self, dim: int, history: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.positions = nn.Embedding(history, dim)
        nn.init.normal_(self.positions.weight, std=0.02)
        self.norm = nn.LayerNorm(dim)
        self.blocks = nn.ModuleList(UserBlock(dim, heads, dropout) for _ in range(layers))
        self.end = nn.LayerNorm(dim)
        self.dropout = dropout

    def forward(self, embeddings: Tensor) -> Tensor:
        time = embeddings.shape[1]
        x = self.norm(embeddings) + self.positions.weight[:time]
        x = F.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return self.end(x)


class Recommender(nn.Module):
    """The whole trainable part: item encoder and user encoder."""

    def __init__(self, items: nn.Module, users: UserEncoder) -> None:
        super().__init__()
        self.items, self.users = items, users
