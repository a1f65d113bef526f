"""What the modalities of an item say -> one embedding.

All take said (n, T, dim) and present (n, T) bool, and never read what an absent modality says: an
item that has none at all is as if it had all.

MOMEF, a mixture of modality experts (our reading of CROSSAN's abstract): an expert a modality, and
cross-modal experts that read the mean of all; a router on what the item's own modalities say
weighs them by softmax, or the `top` best alone. Two losses keep it healthy (Shazeer et al., 2017;
Fedus et al., 2022; Zoph et al., 2022): load balance N sum_i f_i P_i, f_i the share of items whose
best expert is i, P_i the mean weight of i, N experts; and z, the mean squared logsumexp of the
router's logits.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Fusion = Literal["momef", "sum", "concat", "attention", "gated"]


class Fused(NamedTuple):
    """One embedding an item, and how it came about."""

    embedding: Tensor
    """(n, dim)"""
    weights: Tensor | None = None
    """(n, modalities or experts), summing to 1, where the fusion weighs."""
    loss: Tensor | None = None
    """What the router adds to the loss; a mean over items."""


def known(present: Tensor) -> Tensor:
    """Who may be read: those present, or all where nobody is."""
    return present | ~present.any(1, keepdim=True)


class Sum(nn.Module):
    """The mean of those present."""

    def forward(self, said: Tensor, present: Tensor) -> Fused:
        here = known(present).to(said.dtype)
        weights = here / here.sum(1, keepdim=True)
        return Fused((weights[..., None] * said).sum(1), weights)


class Concat(nn.Module):
    """A linear map of all, side by side; a learned vector stands for an absent one."""

    def __init__(self, modalities: int, dim: int) -> None:
        super().__init__()
        self.absent = nn.Parameter(torch.zeros(modalities, dim))
        self.join = nn.Linear(modalities * dim, dim)

    def forward(self, said: Tensor, present: Tensor) -> Fused:
        read = torch.where(known(present)[..., None], said, self.absent)
        return Fused(self.join(read.flatten(1)))


class Attention(nn.Module):
    """A learned query asks the modalities; their answers are weighed by softmax."""

    def __init__(self, modalities: int, dim: int) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(modalities, dim))
        self.query = nn.Parameter(torch.randn(dim) * dim**-0.5)
        self.key, self.value = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, said: Tensor, present: Tensor) -> Fused:
        read = said + self.place
        scores = self.key(read) @ self.query * said.shape[-1] ** -0.5
        weights = scores.masked_fill(~known(present), -torch.inf).softmax(1)
        return Fused((weights[..., None] * self.value(read)).sum(1), weights)


class Gated(nn.Module):
    """Each modality opens a gate for itself; the mean by how wide they are."""

    def __init__(self, modalities: int, dim: int) -> None:
        super().__init__()
        self.gates = nn.Parameter(torch.randn(modalities, dim) * dim**-0.5)
        self.bias = nn.Parameter(torch.zeros(modalities))

    def forward(self, said: Tensor, present: Tensor) -> Fused:
        open_ = torch.sigmoid((said * self.gates).sum(2) + self.bias) * known(present)
        weights = open_ / open_.sum(1, keepdim=True).clamp_min(1e-6)
        return Fused((weights[..., None] * said).sum(1), weights)


class Momef(nn.Module):
    """A mixture of `modalities` + `shared` experts; see the module."""

    def __init__(
        self, modalities: int, dim: int, *, shared: int, top: int | None, balance: float, z: float
    ) -> None:
        super().__init__()
        self.top, self.balance, self.z = top, balance, z
        self.experts = nn.ModuleList(_expert(dim) for _ in range(modalities + shared))
        self.shared = shared
        self.absent = nn.Parameter(torch.zeros(modalities, dim))
        self.router = nn.Sequential(
            nn.LayerNorm(modalities * dim), nn.Linear(modalities * dim, modalities + shared)
        )
        nn.init.zeros_(self.router[1].weight)
        nn.init.zeros_(self.router[1].bias)

    def forward(self, said: Tensor, present: Tensor) -> Fused:
        here = known(present)
        read = torch.where(here[..., None], said, self.absent)
        logits = self.router(read.flatten(1))
        able = torch.cat([here, here.new_ones(len(here), self.shared)], 1)
        weights = self._weights(logits.float().masked_fill(~able, -torch.inf)).to(said.dtype)
        mean = (said * here[..., None]).sum(1) / here.sum(1, keepdim=True)
        given = [*said.unbind(1), *[mean] * self.shared]
        answers = torch.stack([x + own(x) for own, x in zip(self.experts, given, strict=True)], 1)
        embedding = (weights[..., None] * answers).sum(1)
        return Fused(embedding, weights, self._loss(logits.float(), weights.float(), able))

    def _weights(self, logits: Tensor) -> Tensor:
        """(n, experts): softmax over all that are able, or over the best of them."""
        if self.top is not None and self.top < logits.shape[1]:
            least = logits.topk(self.top, 1).values[:, -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        return logits.softmax(1)

    def _loss(self, logits: Tensor, weights: Tensor, able: Tensor) -> Tensor:
        count = weights.shape[1]
        best = torch.nn.functional.one_hot(weights.argmax(1), count).to(weights.dtype)
        balance = count * (best.mean(0) * weights.mean(0)).sum()
        spread = logits.masked_fill(~able, -torch.inf).logsumexp(1).square().mean()
        return self.balance * balance + self.z * spread


def _expert(dim: int) -> nn.Module:
    return nn.Sequential(
        nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim)
    )
