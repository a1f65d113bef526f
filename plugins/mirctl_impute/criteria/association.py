"""How columns hang together: one matrix (columns, columns) of numbers from -1 or 0 to 1.

    number, number        Pearson's r
    number, category      correlation ratio eta: sd of the group means / sd
    category, category    Cramer's V (1946): sqrt(chi2 / (n (min(k, l) - 1)))

Each pair is taken over the rows that know both; NaN where a column does not vary there.
"""

import numpy as np

from mirctl_impute.criteria.features import by_frequency, lumped
from mirctl_impute.table import Table

MOST_LEVELS = 50
"""Categories of a column that are told apart, the rarest in one."""


def levels_of(table: Table, real: np.ndarray) -> list[np.ndarray]:
    """Of each column (categories,) the place by frequency in the real rows."""
    return [by_frequency(real[:, i], c) if c else c for i, c in enumerate(table.categories)]


def matrix(table: Table, rows: np.ndarray, orders: list[np.ndarray]) -> np.ndarray:
    """Associations (columns, columns) of rows (n, columns); the diagonal is 1."""
    out = np.eye(rows.shape[1])
    numbers = [i for i, c in enumerate(table.categories) if not c]
    names = [i for i, c in enumerate(table.categories) if c]
    counts = {i: min(table.categories[i], MOST_LEVELS) for i in names}
    codes = {i: lumped(rows[:, i], orders[i], counts[i]) for i in names}
    values = rows[:, numbers]
    out[np.ix_(numbers, numbers)] = pearson(values)
    for place, i in enumerate(names):
        ratios = correlation_ratios(values, codes[i], counts[i])
        out[i, numbers] = out[numbers, i] = ratios
        for j in names[:place]:
            out[i, j] = out[j, i] = cramers_v(codes[i], codes[j], counts[i], counts[j])
    np.fill_diagonal(out, 1.0)
    return out


def pearson(values: np.ndarray) -> np.ndarray:
    """Correlations (columns, columns) over the rows that know both, NaN where undefined."""
    there = ~np.isnan(values)
    x = standardised(values)
    m = there.astype(float)
    n = np.maximum(m.T @ m, 1)
    sums, squares = x.T @ m, (x * x).T @ m
    covariance = x.T @ x / n - sums * sums.T / n**2
    variance = squares / n - (sums / n) ** 2
    scale = np.sqrt(variance * variance.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(scale > 1e-9, covariance / scale, np.nan)
    return found.clip(-1, 1)


def standardised(values: np.ndarray) -> np.ndarray:
    """In standard deviations from the mean, by column; 0 where unknown or constant."""
    out = np.zeros(values.shape)
    for j, column in enumerate(values.T):
        seen = column[~np.isnan(column)]
        sd = seen.std() if len(seen) else 0.0
        if sd > 0:
            out[:, j] = np.nan_to_num((column - seen.mean()) / sd)
    return out


def correlation_ratios(values: np.ndarray, codes: np.ndarray, levels: int) -> np.ndarray:
    """Of each number column (n, columns), how much of its spread the groups (n,) tell."""
    out = np.full(values.shape[1], np.nan)
    for j, column in enumerate(values.T):
        here = ~np.isnan(column) & ~np.isnan(codes)
        x, group = column[here], codes[here].astype(int)
        spread = x.var() if len(x) else 0.0
        counts = np.bincount(group, minlength=levels)
        if spread <= 0 or (counts > 0).sum() < 2:
            continue
        means = np.bincount(group, x - x.mean(), levels) / np.maximum(counts, 1)
        out[j] = np.sqrt(min(counts @ means**2 / len(x) / spread, 1.0))
    return out


def cramers_v(a: np.ndarray, b: np.ndarray, a_levels: int, b_levels: int) -> float:
    """Of two columns of category numbers (n,)."""
    here = ~np.isnan(a) & ~np.isnan(b)
    cells = (a[here] * b_levels + b[here]).astype(int)
    seen = np.bincount(cells, minlength=a_levels * b_levels).reshape(a_levels, b_levels)
    seen = seen[seen.sum(1) > 0][:, seen.sum(0) > 0]
    if min(seen.shape) < 2:
        return float("nan")
    n = seen.sum()
    expected = np.outer(seen.sum(1), seen.sum(0)) / n
    chi2 = ((seen - expected) ** 2 / expected).sum()
    return float(np.sqrt(min(chi2 / (n * (min(seen.shape) - 1)), 1.0)))


def difference(one: np.ndarray, other: np.ndarray) -> tuple[float | None, int]:
    """Mean absolute difference of two matrices over the pairs of columns, and how many pairs.

    A pair that is undefined in the second, where a column does not vary, counts as 0; one that is
    undefined in the first is left out.
    """
    upper = np.triu_indices(len(one), 1)
    a, b = one[upper], np.nan_to_num(other[upper])
    here = ~np.isnan(a)
    return (float(np.abs(a - b)[here].mean()) if here.any() else None), int(here.sum())
