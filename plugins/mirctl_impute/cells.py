"""What goes into a denoiser and what comes out: cells, packed, and predictions of them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mirctl.device import send

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

    def __getitem__(self, rows: slice) -> "Cells":
        return Cells(self.numbers[rows], self.codes[rows])

    def to(self, device: torch.device) -> "Cells":
        """The same on a device."""
        return Cells(send(self.numbers, device), send(self.codes, device))


@dataclass(frozen=True)
class Packed:
    """The true cells of a mask (batch, columns) in reading order: their rows, their columns, and
    their `place` in the grid (batch, slots) of which each row fills the first slots."""

    row: Tensor
    column: Tensor
    place: Tensor
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
        return cls(row, column, row * len(slots) + slot, tuple(mask.shape), closed)

    def grid(self, tokens: Tensor) -> Tensor:
        """(tokens, width) -> (batch, slots, width), zero elsewhere."""
        if not self.gaps:
            return tokens.unflatten(0, self.closed.shape)
        grid = tokens.new_zeros(self.closed.numel(), tokens.shape[-1])
        return grid.index_copy_(0, self.place, tokens).unflatten(0, self.closed.shape)

    def ungrid(self, grid: Tensor) -> Tensor:
        """(batch, slots, width) -> (tokens, width)."""
        tokens = grid.flatten(0, 1)
        return tokens.index_select(0, self.place) if self.gaps else tokens

    @property
    def gaps(self) -> bool:
        """Whether any slot has no token."""
        return len(self.place) < self.closed.numel()

    def spread(self, values: Tensor) -> Tensor:
        """(tokens,) -> (batch, columns), zero elsewhere."""
        return values.new_zeros(self.shape).index_put((self.row, self.column), values)

    def pick(self, cells: Tensor) -> Tensor:
        """(batch, columns) -> (tokens,)."""
        return cells[self.row, self.column]


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
