"""Distances between rows, and the nearest ones.

The squared distance of two rows is the mean over columns of

    numbers      (a - b)^2 of their ranks in the real table, 0 to 1; an unknown cell lies at rank
                 1/2, and 1/6 away from every known one: about as far as two numbers at random
    categories   0 where equal, 1 where not; unknown is a category of its own

so no column outweighs another, whatever its unit or its outliers.
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
    """Where rows lie, by the ranks of the real table's numbers."""

    categories: tuple[int, ...]
    sorted: tuple[np.ndarray, ...]
    """Of each column the known numbers of the real table, ascending."""

    @classmethod
    def learn(cls, table: Table, real: np.ndarray) -> "Space":
        """From real rows (n, columns)."""
        columns = (np.zeros(0) if c else r for c, r in zip(table.categories, real.T, strict=True))
        return cls(tuple(table.categories), tuple(np.sort(x[~np.isnan(x)]) for x in columns))

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
                rank = np.where(unknown, 0.5, self._rank(i, rows[:, i]))
                axes.append(np.stack([rank, unknown * UNKNOWN], axis=1).astype(np.float32))
        both = np.concatenate(axes, axis=1), np.concatenate(codes, axis=1)
        return Points(*map(torch.from_numpy, both))

    def _rank(self, column: int, values: np.ndarray) -> np.ndarray:
        """The share of the real numbers below, ties counting half."""
        known = self.sorted[column]
        low, high = (np.searchsorted(known, values, side) for side in ("left", "right"))
        return (low + high) / 2 / max(len(known), 1)

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
