"""Two encoders into one space, and how much their similarities count."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mirctl.encode.towers import CatalogueInputs, TowerInput
from mirctl_fuse import experts, network
from mirctl_fuse.config import Fusion
from mirctl_fuse.crossan import ItemEncoder
from mirctl_fuse.experts import Change

FIRST, HIGHEST = 1 / 0.07, 100.0
"""As in CLIP."""


class Temperature(nn.Module):
    """Cosines -> logits, by a learned factor of at most 100."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor([math.log(FIRST)]))

    def forward(self, cosines: Tensor) -> Tensor:
        return cosines * self.log_scale.exp()

    @torch.no_grad()
    def clamp(self) -> None:
        """Come back to what is allowed; a clamp inside the graph would stay there for ever."""
        self.log_scale.clamp_(max=math.log(HIGHEST))


class Retriever(nn.Module):
    """What reads queries and what reads items."""

    def __init__(self, queries: ItemEncoder, items: ItemEncoder) -> None:
        super().__init__()
        self.queries, self.items, self.temperature = queries, items, Temperature()

    def side(self, name: str) -> ItemEncoder:
        """The encoder of the queries or of the items."""
        return self.queries if name == "queries" else self.items


def build(model: Fusion, queries: Sequence[TowerInput], items: Sequence[TowerInput]) -> Retriever:
    """An untrained one."""
    sides = (network.encoder(model, network.crossan(model, read)) for read in (queries, items))
    return Retriever(*sides)


def unit(embeddings: Tensor) -> Tensor:
    """(n, dim) float32 of length one."""
    return F.normalize(embeddings.float(), dim=1)


def embed(
    encoder: ItemEncoder, inputs: CatalogueInputs, change: Change | None = None
) -> tuple[Tensor, Tensor | None]:
    """(things, dim) of length one and, where the fusion weighs, (things, experts)."""
    embeddings, weights = experts.embed(encoder, inputs, change)
    return unit(embeddings), weights
