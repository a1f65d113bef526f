"""Denoisers that lack a part of MTabGen, to measure what the part is worth."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from mirctl_impute.cells import Cells, Packed, Prediction
from mirctl_impute.denoiser import Denoiser
from mirctl_impute.model import Towers

WIDER = 8
"""The MLP's layers are so many times wider than a token."""


class Pooled(Towers):
    """No conditioning attention: the decoder is told the mean of the encoder's tokens, added to its
    own as the time is; its tokens read each other alone."""

    def __init__(
        self, categories: Sequence[int], width: int, layers: tuple[int, int], heads: int,
        dropout: float = 0.0, places: Sequence[np.ndarray | None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(categories, width, layers, heads, dropout, places)
        self.to_memory = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width))

    def remember(self, cells: Cells, known: Tensor) -> Tensor:
        """(batch, width)."""
        tokens, pack = self.encode(cells, known)
        return pack.grid(self.to_memory(tokens)).sum(1) / (known.sum(1, keepdim=True) + 1)

    def denoise(self, memory: Tensor, pack: Packed, noisy: Cells, t: Tensor) -> Prediction:
        tokens = self.embed(noisy, pack.row, pack.column) + (self.clock(t) + memory)[pack.row]
        for layer in self.decoder:
            tokens = layer(tokens, pack)
        return self.read(tokens, pack)


class Mlp(Denoiser):
    """No encoder, no decoder, no attention: as in TabDDPM (Kotelnikov et al., arXiv 2209.15421) one
    MLP reads all cells of a row side by side, each with a sign of whether it is known, noisy, or
    out of play."""

    def __init__(
        self, categories: Sequence[int], width: int, layers: tuple[int, int], heads: int,
        dropout: float = 0.0, places: Sequence[np.ndarray | None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(categories, width, places)
        cells, inner = len(categories) * width, WIDER * width
        self.role = nn.Parameter(torch.randn(2, len(categories), width) * 0.5)
        self.first_layer = nn.Linear(cells, inner)
        self.from_time = nn.Linear(width, inner)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.SiLU(), nn.Dropout(dropout), nn.Linear(inner, inner))
            for _ in range(sum(layers))
        )
        self.last_layer = nn.Sequential(nn.SiLU(), nn.Linear(inner, cells))

    def remember(self, cells: Cells, known: Tensor) -> Tensor:
        """(batch, columns, width): tokens of the known cells, zero elsewhere."""
        row, column = known.nonzero(as_tuple=True)
        tokens = self.embed(cells, row, column) + self.role[0, column]
        return tokens.new_zeros(*known.shape, self.width).index_put((row, column), tokens)

    def denoise(self, memory: Tensor, pack: Packed, noisy: Cells, t: Tensor) -> Prediction:
        at = (pack.row, pack.column)
        tokens = self.embed(noisy, *at) + self.role[1, pack.column]
        state = self.first_layer(memory.index_put(at, tokens).flatten(1))
        state = state + self.from_time(self.clock(t))
        for layer in self.layers:
            state = layer(state)
        return self.read(self.last_layer(state).unflatten(1, memory.shape[1:])[at], pack)
