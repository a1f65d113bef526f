"""The denoiser of MTabGen (Villaizan-Vallelado et al., arXiv 2407.02549): an encoder-decoder
transformer over the cells of a row, with conditioning attention.

Each cell is a token. The encoder reads the known cells and knows no time, so it runs once a row,
whatever the number of sampling steps. The decoder reads the hidden cells in their noisy state; its
tokens query the known cells and each other in one softmax (conditioning attention). Cells that are
in neither set take no part at all.

    token(number x of column c)   = C_c + W gelu(a_c x + b_c)
    token(category k of column c) = C_c + E_ck         (k = K_c stands for "masked")
    decoder token                += time embedding of t

    h <- h + attention(norm h);  h <- h + mlp(norm h)      (pre-norm, both towers)

Rows have different known cells, so tokens are packed: linear maps see the (tokens, width) of all
rows of a batch, and only the attention itself works on a padded grid (batch, slots, width), with as
many slots as the fullest row has tokens. Attention is written out: on rows of so few tokens torch's
fused one is slower. The MLP widens twice; four times learned no better on adult and abalone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLOSED = -1e9
"""Added to the score of a slot without a token; finite, as an empty row has no other."""


@dataclass(frozen=True)
class Cells:
    """A batch of rows: `numbers` (batch, columns) normal scores, `codes` (batch, columns) category
    numbers; a cell has a meaning in the one that fits its column."""

    numbers: Tensor
    codes: Tensor

    def __len__(self) -> int:
        return len(self.numbers)

    def to(self, device: torch.device) -> "Cells":
        """The same on a device."""
        return Cells(self.numbers.to(device), self.codes.to(device))


@dataclass(frozen=True)
class Packed:
    """The true cells of a mask (batch, columns) in reading order: rows, columns, and slots, which
    number the tokens of a row."""

    row: Tensor
    column: Tensor
    slot: Tensor
    shape: tuple[int, int]
    closed: Tensor
    """(batch, slots): -inf, or nearly, where a row has no token, else 0."""

    @classmethod
    def of(cls, mask: Tensor) -> "Packed":
        row, column = mask.nonzero(as_tuple=True)
        count = mask.sum(1)
        slots = torch.arange(max(int(count.max()), 1) if len(mask) else 1)
        slot = (mask.cumsum(1) - 1)[row, column]
        closed = torch.where(slots.to(mask.device) < count[:, None], 0.0, CLOSED)
        return cls(row, column, slot, tuple(mask.shape), closed)

    def grid(self, tokens: Tensor) -> Tensor:
        """(tokens, width) -> (batch, slots, width), zero elsewhere."""
        grid = tokens.new_zeros(*self.closed.shape, tokens.shape[-1])
        return grid.index_put((self.row, self.slot), tokens)

    def ungrid(self, grid: Tensor) -> Tensor:
        """(batch, slots, width) -> (tokens, width)."""
        return grid[self.row, self.slot]

    def spread(self, values: Tensor) -> Tensor:
        """(tokens,) -> (batch, columns), zero elsewhere."""
        return values.new_zeros(self.shape).index_put((self.row, self.column), values)

    def pick(self, cells: Tensor) -> Tensor:
        """(batch, columns) -> (tokens,)."""
        return cells[self.row, self.column]


@dataclass(frozen=True)
class Memory:
    """What each of the decoder's layers reads of the known cells: keys (batch, heads, head width,
    slots), values (batch, heads, slots, head width) and which slots are `closed` (batch, slots)."""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    closed: Tensor


@dataclass(frozen=True)
class Prediction:
    """What the network says of the hidden cells, in the order of their pack.

    velocity (tokens,) and mean (tokens,) hold for numbers: v = sqrt(a) noise - sqrt(1 - a) x, and
    the expected value in standard deviations of the column. logits: column -> (its tokens,
    categories).
    """

    velocity: Tensor
    mean: Tensor
    logits: dict[int, Tensor]


class Denoiser(nn.Module):
    """p(hidden cells | known cells, noisy hidden cells, t) of rows with any pattern of cells.

    `categories` holds for each column its number of categories, 0 for numbers.
    """

    def __init__(
        self, categories: Sequence[int], width: int, layers: tuple[int, int], heads: int,
        dropout: float = 0.0, places: Sequence[np.ndarray | None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.categories, self.width = tuple(categories), width
        columns = len(self.categories)
        rows = [k + 1 if k else 0 for k in self.categories]
        sizes = torch.tensor(rows)
        self.register_buffer("first", sizes.cumsum(0) - sizes, persistent=False)
        listed = places or [None] * columns
        scores = [
            np.zeros(k) if z is None else np.append(z, 0) for k, z in zip(rows, listed, strict=True)
        ]
        ordered = [not k or z is not None for k, z in zip(rows, listed, strict=True)]
        self.register_buffer("is_number", sizes == 0, persistent=False)
        self.register_buffer("is_ordered", torch.tensor(ordered), persistent=False)
        place = torch.from_numpy(np.concatenate([*scores, [0.0]])).float()
        self.register_buffer("place", place, persistent=False)
        self.register_buffer("masked", torch.tensor(self.categories), persistent=False)
        self.column = nn.Parameter(torch.randn(columns, width) * 0.5)
        self.slope = nn.Parameter(torch.randn(columns, width))
        self.shift = nn.Parameter(torch.randn(columns, width))
        self.number = nn.Linear(width, width)
        self.category = nn.Parameter(torch.randn(max(sum(rows), 1), width) * 0.5)
        self.everything = nn.Parameter(torch.randn(width) * 0.5)
        self.time = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.encoder = nn.ModuleList(Layer(width, heads, dropout) for _ in range(layers[0]))
        self.decoder = nn.ModuleList(Layer(width, heads, dropout) for _ in range(layers[1]))
        self.to_memory = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width)) for _ in self.decoder
        )
        self.norm = nn.LayerNorm(width)
        self.velocity = nn.Parameter(torch.randn(columns, width) * width**-0.5)
        self.mean = nn.Parameter(torch.zeros(columns, width))
        self.number_bias = nn.Parameter(torch.zeros(columns, 2))
        self.score = nn.Parameter(torch.randn_like(self.category) * width**-0.5)
        self.score_bias = nn.Parameter(torch.zeros(len(self.category)))

    def forward(
        self, cells: Cells, known: Tensor, hidden: Tensor, noisy: Cells, t: Tensor
    ) -> "Prediction":
        """The hidden cells (batch, columns) from the known ones and their noisy state at t
        (batch,); known and hidden must not overlap."""
        return self.denoise(self.remember(cells, known), Packed.of(hidden), noisy, t)

    def remember(self, cells: Cells, known: Tensor) -> Memory:
        """Read the known cells once. Slot 0 is a learned token, there in every row."""
        first = known.new_ones(len(known), 1)
        pack = Packed.of(torch.cat([first, known], 1))
        column = pack.column - 1
        start = column < 0
        inside = ~start
        tokens = self.everything.expand(len(start), -1).clone()
        tokens[inside] = self._tokens(cells, pack.row[inside], column[inside])
        for layer in self.encoder:
            tokens = layer(tokens, pack)
        keys, values = [], []
        for read in self.to_memory:
            key, value = pack.grid(read(tokens)).chunk(2, -1)
            heads = self.decoder[0].heads
            keys.append(_split(key, heads).transpose(-1, -2).contiguous())
            values.append(_split(value, heads).contiguous())
        return Memory(tuple(keys), tuple(values), pack.closed)

    def denoise(self, memory: Memory, pack: Packed, noisy: Cells, t: Tensor) -> Prediction:
        """One call of the decoder; `noisy` holds the state of the hidden cells."""
        tokens = self._tokens(noisy, pack.row, pack.column)
        tokens = tokens + self.time(_waves(t, self.width))[pack.row]
        for layer, keys, values in zip(self.decoder, memory.keys, memory.values, strict=True):
            tokens = layer(tokens, pack, (keys, values, memory.closed))
        return self._read(self.norm(tokens), pack)

    def _tokens(self, cells: Cells, row: Tensor, column: Tensor) -> Tensor:
        """(tokens, width) of the cells at these rows and columns."""
        numbers = self.is_ordered[column].nonzero()[:, 0]
        at, row_of = column[numbers], row[numbers]
        listed = self.place[
            (self.first[at] + cells.codes[row_of, at]).clamp(max=len(self.place) - 1)
        ]
        x = torch.where(self.is_number[at], cells.numbers[row_of, at], listed)[:, None]
        value = self.number(F.gelu(x * self.slope[at] + self.shift[at]))
        tokens = self.column[column]
        tokens = tokens.index_add(0, numbers, value.to(tokens.dtype))
        others = (~self.is_number[column]).nonzero()[:, 0]
        at = column[others]
        code = self.first[at] + cells.codes[row[others], at]
        return tokens.index_add(0, others, F.embedding(code, self.category))

    def _read(self, tokens: Tensor, pack: Packed) -> Prediction:
        column = pack.column
        velocity = (tokens * self.velocity[column]).sum(-1) + self.number_bias[column, 0]
        mean = (tokens * self.mean[column]).sum(-1) + self.number_bias[column, 1]
        logits = {}
        for c, count in enumerate(self.categories):
            if count:
                part = slice(int(self.first[c]), int(self.first[c]) + count)
                logits[c] = F.linear(tokens[column == c], self.score[part], self.score_bias[part])
        return Prediction(velocity.float(), mean.float(), {c: x.float() for c, x in logits.items()})


class Layer(nn.Module):
    """Pre-norm attention and MLP on packed tokens (tokens, width)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.drop = nn.Dropout(dropout)

    def forward(
        self, tokens: Tensor, pack: Packed, known: tuple[Tensor, Tensor, Tensor] | None = None
    ) -> Tensor:
        """Tokens read each other, and the keys and values of what is `known`."""
        grid = pack.grid(self.project(self.before(tokens)))
        q, k, v = (_split(part, self.heads) for part in grid.chunk(3, -1))
        q = q * q.shape[-1] ** -0.5
        scores = q @ k.transpose(-1, -2) + pack.closed[:, None, None]
        if known is not None:
            more = q @ known[0] + known[2][:, None, None]
            scores = torch.cat([more, scores], -1)
        shares = scores.softmax(-1).to(v.dtype)
        own = shares[..., -v.shape[2] :] @ v
        read = own if known is None else shares[..., : -v.shape[2]] @ known[1] + own
        read = pack.ungrid(read.transpose(1, 2).flatten(2))
        tokens = tokens + self.drop(self.out(read))
        return tokens + self.drop(self.mlp(self.between(tokens)))


def _split(grid: Tensor, heads: int) -> Tensor:
    """(batch, slots, width) -> (batch, heads, slots, width / heads)."""
    return grid.unflatten(-1, (heads, -1)).transpose(1, 2)


def _waves(t: Tensor, width: int) -> Tensor:
    """(batch,) times in [0, 1] -> (batch, width) sines and cosines."""
    rates = torch.exp(torch.arange(width // 2, device=t.device) * (-math.log(1e4) / (width // 2)))
    angle = 1000 * t[:, None] * rates
    return torch.cat([angle.sin(), angle.cos()], -1)
