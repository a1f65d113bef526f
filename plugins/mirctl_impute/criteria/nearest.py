"""Distances between rows, and the nearest ones.

The squared distance of two rows is the mean over columns of

    numbers      (a - b)^2 of their ranks among real rows, 0 to 1; an unknown cell lies at rank 1/2,
                 and sqrt(1/6) beside every known one: about as far as two numbers at random
    categories   0 where equal, 1 where not; unknown is a category of its own

so no column outweighs another, whatever its unit or its outliers. Ranks are read off at most 50
quantiles, on the straight line between them: were each real row its own step of the scale, it would
lie half a step from all others, and attacks on it would miss.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mirctl_impute.table import Table

BLOCK_DISTANCES = 20_000_000
"""Distances that are in memory at once: 80 MB."""
SPREAD_OUT = 64
"""Up to so many categories lie on axes of their own; more are compared one by one."""
QUANTILES = 50
ROWS_A_QUANTILE = 10
SPARE = 4
"""Candidates more than asked for: float32 products may rank near ties wrongly."""
UNKNOWN = 6**-0.5


@dataclass(frozen=True)
class Points:
    """Rows in space: axes (n, width) float32 and codes (n, columns) of wide categories."""

    axes: Tensor
    codes: Tensor

    def __len__(self) -> int:
        return len(self.axes)

    def __getitem__(self, rows: slice | np.ndarray) -> "Points":
        return Points(self.axes[rows], self.codes[rows])


@dataclass(frozen=True)
class Space:
    """Where rows lie, by the ranks of numbers among real rows."""

    categories: tuple[int, ...]
    scales: tuple[tuple[np.ndarray, np.ndarray], ...]
    """Of each column ascending values (k,) and their ranks (k,)."""

    @classmethod
    def learn(cls, table: Table, real: np.ndarray) -> "Space":
        """From real rows (n, columns)."""
        scales = (scale(x[~np.isnan(x)]) for x in real.T)
        return cls(tuple(table.categories), tuple(scales))

    def points(self, rows: np.ndarray) -> Points:
        """Of rows (n, columns)."""
        axes, codes = [np.zeros((len(rows), 0), np.float32)], [np.zeros((len(rows), 0), int)]
        for i, categories in enumerate(self.categories):
            unknown = np.isnan(rows[:, i])
            if categories:
                code = np.where(unknown, categories, rows[:, i]).astype(int)
                if categories > SPREAD_OUT:
                    codes.append(code[:, None])
                else:
                    axes.append(np.eye(categories + 1, dtype=np.float32)[code] * 0.5**0.5)
            else:
                rank = np.where(unknown, 0.5, np.interp(rows[:, i], *self.scales[i]))
                axes.append(np.stack([rank, unknown * UNKNOWN], axis=1).astype(np.float32))
        both = np.concatenate(axes, axis=1), np.concatenate(codes, axis=1)
        return Points(*map(torch.from_numpy, both))

    def nearest(self, rows: Points, among: Points, k: int) -> np.ndarray:
        """Distances (n, k) of the nearest points, ascending; inf where there are fewer than k."""
        out = np.full((len(rows), k), np.inf)
        size = max(1, BLOCK_DISTANCES // max(len(among), 1))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            found = self._nearest(part, among, min(k, len(among)))
            out[start : start + size, : found.shape[1]] = found
        return out

    def _nearest(self, rows: Points, among: Points, k: int) -> np.ndarray:
        squares = among.axes.square().sum(1) - 2 * rows.axes @ among.axes.T
        for j in range(rows.codes.shape[1]):
            squares += rows.codes[:, j, None] != among.codes[None, :, j]
        candidates = squares.topk(min(k + SPARE, len(among)), largest=False).indices
        # From differences, so that equal rows are at 0 exactly.
        exact = (rows.axes[:, None] - among.axes[candidates]).double().square().sum(-1)
        exact += (rows.codes[:, None] != among.codes[candidates]).sum(-1)
        return (exact.sort(1).values[:, :k] / len(self.categories)).sqrt().numpy()


def scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles (k,) of numbers (n,) and their ranks (k,); equal ones are one, of the mean rank."""
    if not len(values):
        return np.zeros(1), np.full(1, 0.5)
    count = max(2, min(QUANTILES, len(values) // ROWS_A_QUANTILE))
    steps = np.arange(count)
    quantiles = np.sort(values)[(len(values) - 1) * steps // (count - 1)]
    knots, place = np.unique(quantiles, return_inverse=True)
    ranks = steps / (count - 1)
    return knots, np.bincount(place, ranks) / np.bincount(place)
