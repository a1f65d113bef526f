"""A learned table, ready for use: what fills cells and makes rows."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mirctl_impute import diffusion
from mirctl_impute.cells import Cells, Packed, Prediction
from mirctl_impute.columns import NumberColumn
from mirctl_impute.denoiser import Denoiser
from mirctl_impute.diffusion import Noise
from mirctl_impute.table import Table

BLOCK_CELLS = 8_192
"""Cells that go through the network at once on a CPU: its cache holds about so many, and memory
stays small."""
DEVICE_CELLS = 65_536
"""Cells at once on other devices, which want much work in one go."""
CATEGORIES_A_CELL = 16
"""So many categories take the memory of about one cell."""


@dataclass(frozen=True)
class Imputer:
    """The table's columns, the network that learned them, and where it runs."""

    table: Table
    model: Denoiser
    device: torch.device

    @property
    def block_rows(self) -> int:
        """Rows that are read, drawn and written at once, whatever asks, so that a draw is the same
        however the table arrives."""
        width = max(len(self.table.columns), sum(self.table.levels) // CATEGORIES_A_CELL)
        cells = BLOCK_CELLS if self.device.type == "cpu" else DEVICE_CELLS
        return 1 << max((cells // width).bit_length() - 1, 4)

    def to_device(self, values: np.ndarray, hidden: np.ndarray) -> tuple[Cells, Tensor, Tensor]:
        """Cells, known and hidden cells of values (rows, columns), NaN where unknown."""
        known = torch.from_numpy(~np.isnan(values) & ~hidden).to(self.device)
        cells = self.table.encode(values).to(self.device)
        return cells, known, torch.from_numpy(hidden).to(self.device)

    @torch.no_grad()
    def expect(self, values: np.ndarray, hidden: np.ndarray) -> Prediction:
        """The conditional mean and shares of the hidden cells (rows, columns)."""
        return diffusion.expectation(self.model, *self.to_device(values, hidden))

    @torch.no_grad()
    def draw(
        self, values: np.ndarray, hidden: np.ndarray, rows: np.ndarray, seed: tuple[int, ...],
        steps: int, guidance: float = 0.0,
    ) -> np.ndarray:  # fmt: skip
        """Values (rows, columns) with the hidden ones drawn; their numbers in the table, `rows`
        (rows,), choose the noise."""
        noise = Noise(seed, torch.from_numpy(rows), values.shape[1], self.device)
        cells, known, mask = self.to_device(values, hidden)
        drawn = diffusion.draw(self.model, cells, known, mask, noise, steps, guidance)
        return np.where(hidden, self.decode(drawn), values)

    def decode(self, cells: Cells) -> np.ndarray:
        """What the network drew, as values (rows, columns)."""
        numbers, codes = cells.numbers.cpu().numpy().astype(float), cells.codes.cpu().numpy()
        values = codes.astype(float)
        for i, column in enumerate(self.table.columns):
            if not isinstance(column, NumberColumn):
                continue
            if column.listed:
                values[:, i] = column.scale.knots[codes[:, i].clip(max=column.levels - 1)]
            else:
                values[:, i] = column.on_grid(column.scale.decode(numbers[:, i]))
        return values

    def point(self, said: Prediction, hidden: np.ndarray) -> np.ndarray:
        """Means of numbers and modes of categories (rows, columns) of the hidden cells."""
        spread = Packed.of(torch.from_numpy(hidden).to(self.device)).spread(said.mean)
        values = spread.cpu().numpy().astype(float)
        for i, column in enumerate(self.table.columns):
            if isinstance(column, NumberColumn):
                values[:, i] = column.on_grid(column.scale.value(values[:, i]))
            else:
                values[hidden[:, i], i] = said.logits[i].argmax(-1).cpu().numpy()
        return values
