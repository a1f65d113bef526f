"""What every denoiser of a row shares: cells become tokens, tokens become predictions.

    token(number x of column c)   = C_c + W gelu(a_c x + b_c)
    token(category k of column c) = C_c + E_ck         (k = K_c stands for "masked")

    logit(category k)             = S_ck . token + bias_ck

A number column that is drawn from the list of its values is both: C_c + E_ck + W gelu(a_c z_ck +
b_c), where z_ck is the normal score of its k-th value, and S_ck + V gelu(a_c z_ck + b_c) in place
of S_ck. Its E start at zero and its S near it: what neighbouring values have in common, which is
most, is learned through their places, and from all rows; E and S learn what sets one apart.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mirctl_impute.cells import Cells, Packed, Prediction

BY_PLACE, OWN = 0.3, 0.1
"""Scales of V and, at the start, of S where a value has a place: chosen on how well the
correlations of made rows agree with the table's."""


def gelu(x: Tensor) -> Tensor:
    """GELU of (tokens, ..., width), by torch's own kernel.

    What is contiguous goes to oneDNN on a CPU, which keeps something of each of the last 1,024
    shapes. Packed tokens hardly ever have the same shape twice: what is kept would lie all over the
    heap, and between it the freed memory would be of no use to the next batch.
    """
    return F.gelu(x.transpose(0, -1)).transpose(0, -1)


class Gelu(nn.Module):
    """`gelu` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return gelu(x)


class Denoiser(nn.Module):
    """p(hidden cells | known cells, noisy hidden cells, t) of rows with any pattern of cells.

    `categories` holds for each column its number of categories, 0 for numbers; `places` the normal
    scores of the values of those that are numbers and drawn from a list. Either kind of number is
    `is_ordered` (columns,), and has a mean.
    """

    def __init__(
        self, categories: Sequence[int], width: int,
        places: Sequence[np.ndarray | None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.categories, self.width = tuple(categories), width
        columns = len(self.categories)
        rows = [k + 1 if k else 0 for k in self.categories]
        sizes = torch.tensor(rows)
        self.register_buffer("first", sizes.cumsum(0) - sizes, persistent=False)
        listed = places or [None] * columns
        self.register_buffer("is_number", sizes == 0, persistent=False)
        ordered = [not k or z is not None for k, z in zip(rows, listed, strict=True)]
        self.register_buffer("is_ordered", torch.tensor(ordered), persistent=False)
        scores = [np.zeros(k) if z is None else [*z, 0] for k, z in zip(rows, listed, strict=True)]
        place = torch.from_numpy(np.concatenate([*scores, [0.0]])).float()
        self.register_buffer("place", place, persistent=False)
        self.register_buffer("masked", torch.tensor(self.categories), persistent=False)
        self.column = nn.Parameter(torch.randn(columns, width) * 0.5)
        self.slope = nn.Parameter(torch.randn(columns, width))
        self.shift = nn.Parameter(torch.randn(columns, width))
        self.number = nn.Linear(width, width)
        self.category = nn.Parameter(torch.randn(max(sum(rows), 1), width) * 0.5)
        self.time = nn.Sequential(nn.Linear(width, width), Gelu(), nn.Linear(width, width))
        self.norm = nn.LayerNorm(width)
        self.velocity = nn.Parameter(torch.randn(columns, width) * width**-0.5)
        self.mean = nn.Parameter(torch.zeros(columns, width))
        self.number_bias = nn.Parameter(torch.zeros(columns, 2))
        self.score = nn.Parameter(torch.randn_like(self.category) * width**-0.5)
        self.score_bias = nn.Parameter(torch.zeros(len(self.category)))
        if any(z is not None for z in listed):
            self.by_place = nn.Linear(width, width, bias=False)
        first = 0
        for k, z in zip(rows, listed, strict=True):
            if z is not None:
                with torch.no_grad():
                    self.category[first : first + len(z)] = 0
                    self.score[first : first + len(z)] *= OWN
            first += k

    def forward(
        self, cells: Cells, known: Tensor, hidden: Tensor, noisy: Cells, t: Tensor
    ) -> Prediction:
        """The hidden cells (batch, columns) from the known ones and their noisy state at t
        (batch,); known and hidden must not overlap."""
        return self.denoise(self.remember(cells, known), Packed.of(hidden), noisy, t)

    @abstractmethod
    def remember(self, cells: Cells, known: Tensor) -> Any:
        """Read the known cells (batch, columns), once a row."""

    @abstractmethod
    def denoise(self, memory: Any, pack: Packed, noisy: Cells, t: Tensor) -> Prediction:
        """One call at times t (batch,); `noisy` holds the state of the hidden cells."""

    def embed(self, cells: Cells, row: Tensor, column: Tensor) -> Tensor:
        """(tokens, width) of the cells at these rows and columns."""
        code = (self.first[column] + cells.codes[row, column]) * ~self.is_number[column]
        ordered = self.is_ordered[column].nonzero()[:, 0]
        at = column[ordered]
        numbers = cells.numbers[row[ordered], at]
        score = torch.where(self.is_number[at], numbers, self.place[code[ordered]])
        value = self.number(self.bumps(score, at))
        tokens = self.column[column].index_add(0, ordered, value.to(self.column.dtype))
        coded = (~self.is_number[column]).nonzero()[:, 0]
        return tokens.index_add(0, coded, F.embedding(code[coded], self.category))

    def read(self, tokens: Tensor, pack: Packed) -> Prediction:
        """What the final tokens (tokens, width) say."""
        tokens, column = self.norm(tokens), pack.column
        velocity = (tokens * self.velocity[column]).sum(-1) + self.number_bias[column, 0]
        mean = (tokens * self.mean[column]).sum(-1) + self.number_bias[column, 1]
        logits = {}
        for c, count in enumerate(self.categories):
            if count:
                part = slice(int(self.first[c]), int(self.first[c]) + count)
                score = self.score[part]
                if self.is_ordered[c]:
                    score = score + BY_PLACE * self.by_place(self.bumps(self.place[part], c))
                logits[c] = F.linear(tokens[column == c], score, self.score_bias[part])
        return Prediction(velocity.float(), mean.float(), {c: x.float() for c, x in logits.items()})

    def bumps(self, score: Tensor, column: Tensor | int) -> Tensor:
        """(n,) normal scores, of a column each or of one -> (n, width)."""
        return gelu(score[:, None] * self.slope[column] + self.shift[column])

    def clock(self, t: Tensor) -> Tensor:
        """(batch,) times -> (batch, width)."""
        return self.time(_waves(t, self.width))


def _waves(t: Tensor, width: int) -> Tensor:
    """(batch,) times in [0, 1] -> (batch, width) sines and cosines."""
    rates = torch.exp(torch.arange(width // 2, device=t.device) * (-math.log(1e4) / (width // 2)))
    angle = 1000 * t[:, None] * rates
    return torch.cat([angle.sin(), angle.cos()], -1)
