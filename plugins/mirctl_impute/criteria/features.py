"""Rows as the judges' models read them; all that is learned is learned of the real rows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mirctl_impute.table import Table

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MOST_LEVELS = 255
"""Categories of a column that a model tells apart, the rarest in one: what boosting takes."""
FARTHEST = 10.0
"""Standard deviations at which a linear model's numbers are cut."""


def lumped(codes: np.ndarray, order: np.ndarray, levels: int) -> np.ndarray:
    """Category numbers (n,) by falling frequency, the rarest all `levels` - 1; NaN stays NaN."""
    out = np.full(len(codes), np.nan)
    here = ~np.isnan(codes)
    out[here] = order[codes[here].astype(int)].clip(max=levels - 1)
    return out


def by_frequency(codes: np.ndarray, categories: int) -> np.ndarray:
    """(categories,) the place of each, 0 for the most frequent."""
    counts = np.bincount(codes[~np.isnan(codes)].astype(int), minlength=categories)
    place = np.empty(categories, int)
    place[np.argsort(-counts, kind="stable")] = np.arange(categories)
    return place


@dataclass(frozen=True)
class Features:
    """Some columns of a table, as boosted trees and as linear models read them."""

    columns: tuple[int, ...]
    levels: tuple[int, ...]
    """Of each column: categories that are told apart, 0 for a number."""
    orders: tuple[np.ndarray, ...]
    means: np.ndarray
    sds: np.ndarray

    @classmethod
    def learn(cls, table: Table, real: np.ndarray, without: int | None = None) -> "Features":
        """From real rows (n, columns); the column `without` is no feature."""
        columns = tuple(i for i in range(len(table.columns)) if i != without)
        levels, orders, means, sds = [], [], [], []
        for i in columns:
            count = table.columns[i].categories
            levels.append(min(count, MOST_LEVELS))
            orders.append(by_frequency(real[:, i], count) if count else np.zeros(0, int))
            seen = real[~np.isnan(real[:, i]), i] if not count else np.zeros(0)
            means.append(seen.mean() if len(seen) else 0.0)
            sds.append((seen.std() if len(seen) else 0.0) or 1.0)
        return cls(columns, tuple(levels), tuple(orders), np.array(means), np.array(sds))

    @property
    def categorical(self) -> list[bool]:
        """Which features are categories."""
        return [levels > 0 for levels in self.levels]

    def trees(self, rows: np.ndarray) -> np.ndarray:
        """(n, features): numbers and category numbers, NaN where unknown."""
        out = rows[:, list(self.columns)].copy()
        for j, levels in enumerate(self.levels):
            if levels:
                out[:, j] = lumped(out[:, j], self.orders[j], levels)
        return out

    def linear(self, rows: np.ndarray) -> "csr_matrix":
        """Sparse (n, width): numbers in standard deviations, 0 and a flag where unknown;
        categories as one of several, none where unknown."""
        from scipy import sparse

        parts = []
        for j, values in enumerate(self.trees(rows).T):
            there = ~np.isnan(values)
            if self.levels[j]:
                at = there.nonzero()[0]
                cells = (np.ones(len(at)), (at, values[at].astype(int)))
                parts.append(sparse.csr_matrix(cells, shape=(len(values), self.levels[j])))
            else:
                scaled = ((values - self.means[j]) / self.sds[j]).clip(-FARTHEST, FARTHEST)
                columns = np.stack([np.where(there, scaled, 0.0), ~there], axis=1)
                parts.append(sparse.csr_matrix(columns))
        return sparse.hstack(parts, format="csr")
