"""Matrix completion by alternating least squares, in numpy.

Rated matrices: biases, then min sum (r - p q)^2 + ridge (|p|^2 + |q|^2) over what was rated.
Others: every cell counts, 0 where nothing was taken (Hu, Koren and Volinsky, 2008).
"""

from dataclasses import dataclass

import numpy as np

from mirctl_rl.config import Completion

FLOOR, TINY = 0.1, 1e-12
"""Share of the mean spread that is added to each: of what has none there is nothing to tell."""
BLOCK = 1 << 15
"""Observations whose outer products are held at once."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Observed cells of a matrix, n of them."""

    row: np.ndarray
    column: np.ndarray
    value: np.ndarray
    """(n,) float64: a rating, or how often."""
    shape: tuple[int, int]

    def some(self, chosen: np.ndarray) -> "Cells":
        """A part of them: a mask or an index array."""
        return Cells(self.row[chosen], self.column[chosen], self.value[chosen], self.shape)


@dataclass(frozen=True, eq=False)
class Factors:
    """score(r, c) = rows[r] . columns[c]."""

    rows: np.ndarray
    """(rows, k) float64"""
    columns: np.ndarray
    """(columns, k) float64"""

    def scores(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Of n pairs, always summed in the order of k, so that one pair is as a thousand."""
        left, right = self.rows[rows], self.columns[columns]
        total = left[..., 0] * right[..., 0]
        for k in range(1, left.shape[-1]):
            total = total + left[..., k] * right[..., k]
        return total

    def personal(self, *, even: bool = False) -> "Factors":
        """Less each column's mean over rows; `even` also divides by its spread over them, so that
        what is often met stands out from its own mean no more than what is rarely met."""
        rows = self.rows - self.rows.mean(axis=0)
        if not even:
            return Factors(rows, self.columns)
        moments = rows.T @ rows / len(rows)
        spread = np.sqrt(np.maximum(((self.columns @ moments) * self.columns).sum(axis=1), 0))
        return Factors(rows, self.columns / (spread + FLOOR * spread.mean() + TINY)[:, None])


def rated(cells: Cells, how: Completion, seed: int) -> Factors:
    """Of ratings; the last two factors are the biases of rows and of columns."""
    mean, of_row, of_column = biases(cells)
    rest = cells.value - mean - of_row[cells.row] - of_column[cells.column]
    left = Cells(cells.row, cells.column, rest, cells.shape)
    rows, columns = _alternate(left, np.ones(len(rest)), rest, how, seed, whole=False)
    one = np.ones((1, 1))
    return Factors(
        np.hstack([rows, (of_row + mean)[:, None], one.repeat(len(rows), 0)]),
        np.hstack([columns, one.repeat(len(columns), 0), of_column[:, None]]),
    )


def associated(cells: Cells, how: Completion, seed: int) -> Factors:
    """Of how much more often than by chance row and column meet: positive pointwise mutual
    information in nats (Levy and Goldberg, 2014), 0 for all others."""
    of_row = np.bincount(cells.row, cells.value, cells.shape[0])[cells.row]
    of_column = np.bincount(cells.column, cells.value, cells.shape[1])[cells.column]
    value = np.maximum(np.log(cells.value * cells.value.sum() / (of_row * of_column)), 0)
    return Factors(*_alternate(cells, np.zeros(len(value)), value, how, seed, whole=True))


def placed(cells: Cells, columns: np.ndarray, how: Completion) -> Factors:
    """Of what was taken, where each column's factors (columns, k) are given, of its title say: 1
    for a taken cell, weighted by how often, 0 for all others."""
    weight = how.confidence * np.log1p(cells.value)
    side = _Side(cells.row, cells.shape[0])
    found = side.solve(columns[cells.column], columns, weight, weight + 1, how.ridge, whole=True)
    return Factors(found, columns)


def biases(cells: Cells, damping: float = 5.0) -> tuple[float, np.ndarray, np.ndarray]:
    """Mean, and damped deviations of rows and of columns from it."""
    mean = float(cells.value.mean())
    of_column = _damped(cells.column, cells.value - mean, cells.shape[1], damping)
    rest = cells.value - mean - of_column[cells.column]
    return mean, _damped(cells.row, rest, cells.shape[0], damping), of_column


def _damped(code: np.ndarray, value: np.ndarray, size: int, damping: float) -> np.ndarray:
    return np.bincount(code, value, size) / (np.bincount(code, minlength=size) + damping)


def _alternate(
    cells: Cells, weight: np.ndarray, target: np.ndarray, how: Completion, seed: int, *, whole: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Both sides' factors, of cells with weights and with targets, which are weight times value.

    `whole` counts every cell as a 0 of weight 1 besides; its own weight and target add to that.
    """
    rng = np.random.default_rng((seed, 0xA15))
    columns = rng.normal(0, 0.1, (cells.shape[1], how.rank))
    by_row, by_column = _Side(cells.row, cells.shape[0]), _Side(cells.column, cells.shape[1])
    for _ in range(how.sweeps):
        rows = by_row.solve(columns[cells.column], columns, weight, target, how.ridge, whole=whole)
        columns = by_column.solve(rows[cells.row], rows, weight, target, how.ridge, whole=whole)
    return rows, columns


class _Side:
    """Rows, or columns: each solves a small system over its own cells."""

    def __init__(self, code: np.ndarray, size: int) -> None:
        self.order = np.argsort(code, kind="stable")
        self.counts = np.bincount(code, minlength=size)
        self.ends = np.concatenate([[0], np.cumsum(self.counts)])

    def solve(
        self, other: np.ndarray, all_others: np.ndarray, weight: np.ndarray, target: np.ndarray,
        ridge: float, *, whole: bool,
    ) -> np.ndarray:  # fmt: skip
        """(size, rank), given the other side's factors of each cell (cells, rank)."""
        size, rank = len(self.counts), other.shape[1]
        base = all_others.T @ all_others if whole else np.zeros((rank, rank))
        found = np.zeros((size, rank))
        start = 0
        while start < size:
            last = np.searchsorted(self.ends, self.ends[start] + BLOCK, "right") - 1
            stop = min(max(int(last), start + 1), start + BLOCK // 8, size)
            cells = self.order[self.ends[start] : self.ends[stop]]
            seen = other[cells]
            starts = self.ends[start:stop] - self.ends[start]
            outer = (seen * weight[cells, None])[:, :, None] * seen[:, None, :]
            left = base + _sums(outer, starts, self.counts[start:stop])
            right = _sums(seen * target[cells, None], starts, self.counts[start:stop])
            left += ridge * np.eye(rank)
            found[start:stop] = np.linalg.solve(left, right[:, :, None])[:, :, 0]
            start = stop
        return found


def _sums(values: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sum of each run of `values`; an empty run gives 0."""
    found = np.zeros((len(counts), *values.shape[1:]))
    some = counts > 0
    if some.any():
        found[some] = np.add.reduceat(values, starts[some], axis=0)
    return found
