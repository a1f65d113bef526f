"""The denoiser of MTabGen (Villaizan-Vallelado et al., arXiv 2407.02549): an encoder-decoder
transformer over the cells of a row, with conditioning attention.

Each cell is a token. The encoder reads the known cells and knows no time, so it runs once a row,
whatever the number of sampling steps. The decoder reads the hidden cells in their noisy state; its
tokens query the known cells and each other in one softmax (conditioning attention). Cells that are
in neither set take no part at all.

    token of a known cell  = embedding of its value
    token of a hidden cell = embedding of its noisy state + time embedding of t

    h <- h + attention(norm h);  h <- h + mlp(norm h)      (pre-norm, both towers)

Rows have different known cells, so tokens are packed: linear maps see the (tokens, width) of all
rows of a batch, and only the attention itself works on a padded grid (batch, slots, width), with as
many slots as the fullest row has tokens. Of attention's two forms each is the faster in its place:
torch's fused one to predict, the one written out to learn. The MLP widens twice; four times learned
no better on adult and abalone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mirctl_impute.cells import Cells, Packed, Prediction
from mirctl_impute.denoiser import Denoiser, Gelu


@dataclass(frozen=True)
class Memory:
    """What each of the decoder's layers reads of the known cells: keys and values (batch, heads,
    slots, head width) and which slots are `closed` (batch, slots)."""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    closed: Tensor


class Towers(Denoiser):
    """An encoder of the known cells and a decoder of the hidden ones, not yet joined."""

    def __init__(
        self, categories: Sequence[int], width: int, layers: tuple[int, int], heads: int,
        dropout: float = 0.0, places: Sequence[np.ndarray | None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(categories, width, places)
        self.everything = nn.Parameter(torch.randn(width) * 0.5)
        self.encoder = nn.ModuleList(Layer(width, heads, dropout) for _ in range(layers[0]))
        self.decoder = nn.ModuleList(Layer(width, heads, dropout) for _ in range(layers[1]))

    def encode(self, cells: Cells, known: Tensor) -> tuple[Tensor, Packed]:
        """Tokens (tokens, width) of the known cells; slot 0 is a learned one, in every row."""
        first = known.new_ones(len(known), 1)
        pack = Packed.of(torch.cat([first, known], 1))
        column = pack.column - 1
        inside = column >= 0
        tokens = self.everything.expand(len(column), -1).clone()
        tokens[inside] = self.embed(cells, pack.row[inside], column[inside])
        for layer in self.encoder:
            tokens = layer(tokens, pack)
        return tokens, pack


class MTabGen(Towers):
    """The encoder-decoder with conditioning attention."""

    def __init__(
        self, categories: Sequence[int], width: int, layers: tuple[int, int], heads: int,
        dropout: float = 0.0, places: Sequence[np.ndarray | None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(categories, width, layers, heads, dropout, places)
        self.to_memory = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width)) for _ in self.decoder
        )

    def remember(self, cells: Cells, known: Tensor) -> Memory:
        """Read the known cells once."""
        tokens, pack = self.encode(cells, known)
        keys, values = [], []
        for read in self.to_memory:
            key, value = pack.grid(read(tokens)).chunk(2, -1)
            heads = self.decoder[0].heads
            keys.append(split(key, heads).contiguous())
            values.append(split(value, heads).contiguous())
        return Memory(tuple(keys), tuple(values), pack.closed)

    def denoise(self, memory: Memory, pack: Packed, noisy: Cells, t: Tensor) -> Prediction:
        """One call of the decoder."""
        tokens = self.embed(noisy, pack.row, pack.column) + self.clock(t)[pack.row]
        for layer, keys, values in zip(self.decoder, memory.keys, memory.values, strict=True):
            tokens = layer(tokens, pack, (keys, values, memory.closed))
        return self.read(tokens, pack)


class Layer(nn.Module):
    """Pre-norm attention and MLP on packed tokens (tokens, width)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), Gelu(), nn.Linear(2 * width, width))
        self.drop = nn.Dropout(dropout)

    def forward(
        self, tokens: Tensor, pack: Packed, known: tuple[Tensor, Tensor, Tensor] | None = None
    ) -> Tensor:
        """Tokens read each other, and the keys and values of what is `known`."""
        grid = pack.grid(self.project(self.before(tokens)))
        q, k, v = (split(part, self.heads) for part in grid.chunk(3, -1))
        closed = pack.closed
        if known is not None:
            k, v = torch.cat([known[0], k], 2), torch.cat([known[1], v], 2)
            closed = torch.cat([known[2], closed], 1)
        read = _attend(q, k, v, closed)
        read = pack.ungrid(read.transpose(1, 2).flatten(2))
        tokens = tokens + self.drop(self.out(read))
        return tokens + self.drop(self.mlp(self.between(tokens)))


def _attend(q: Tensor, k: Tensor, v: Tensor, closed: Tensor) -> Tensor:
    """q (batch, heads, queries, head width), k and v (batch, heads, slots, head width) and closed
    (batch, slots) -> what each query reads, shaped as q."""
    closed = closed[:, None, None]
    if not torch.is_grad_enabled():
        return F.scaled_dot_product_attention(q, k, v, attn_mask=closed.to(q.dtype))
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2) + closed
    return scores.softmax(-1).to(v.dtype) @ v


def split(grid: Tensor, heads: int) -> Tensor:
    """(batch, slots, width) -> (batch, heads, slots, width / heads)."""
    return grid.unflatten(-1, (heads, -1)).transpose(1, 2)
