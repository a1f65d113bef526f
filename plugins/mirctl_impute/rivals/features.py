"""What the methods read of a table, and the values that they may give back."""

from collections.abc import Iterator

import numpy as np

from mirctl_impute.columns import NumberColumn
from mirctl_impute.table import Table

MOST_CATEGORIES = 50
"""The commonest ones of a column get a feature each; the others share none."""
BLOCK = 1_000


def legal(table: Table, known: np.ndarray, filled: np.ndarray) -> np.ndarray:
    """What is known stays; filled numbers move to their column's grid and range, categories are
    the numbers of known ones (rows, columns)."""
    out = np.where(np.isnan(known), filled, known)
    for i, column in enumerate(table.columns):
        at = np.isnan(known[:, i]) & ~np.isnan(out[:, i])
        if isinstance(column, NumberColumn):
            out[at, i] = column.on_grid(out[at, i])
        else:
            out[at, i] = np.round(out[at, i]).clip(0, column.categories - 1)
    return out


def mode(codes: np.ndarray) -> float:
    """The commonest of category numbers (n,), the smallest of several."""
    return float(np.bincount(codes.astype(int)).argmax())


def middles(table: Table, values: np.ndarray) -> np.ndarray:
    """Mean or mode of what is known of each column (columns,); every column knows something."""
    known = [values[~np.isnan(values[:, i]), i] for i in range(values.shape[1])]
    pairs = zip(table.columns, known, strict=True)
    return np.array([mode(v) if column.categories else v.mean() for column, v in pairs])


def with_middles(table: Table, values: np.ndarray) -> np.ndarray:
    """Values (rows, columns) with means and modes in their holes."""
    return np.where(np.isnan(values), middles(table, values), values)


def commonest(codes: np.ndarray) -> np.ndarray:
    """The category numbers (k,) that get a feature each, of those of a column (rows,)."""
    counts = np.bincount(codes[~np.isnan(codes)].astype(int))
    order = np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]
    return order[counts[order] > 0]


def one_hot(codes: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Category numbers (rows,) as features (rows, k); rows of NaN where unknown."""
    hot = (codes[:, None] == common).astype(float)
    hot[np.isnan(codes)] = np.nan
    return hot


def features(table: Table, values: np.ndarray) -> list[np.ndarray]:
    """Features (rows, k) of each column: numbers in standard deviations, categories one-hot."""
    return [
        one_hot(values[:, i], commonest(values[:, i]))
        if column.categories
        else column.scale.standard(values[:, i])[:, None]
        for i, column in enumerate(table.columns)
    ]


def distances(table: Table, values: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Distances (block, all rows) from `rows` (n,) of the table to each of its rows, block after
    block: Euclidean over what both know, in standard deviations; another category counts 1."""
    from sklearn.metrics.pairwise import nan_euclidean_distances

    parts = features(table, values)
    space = np.concatenate(
        [p / np.sqrt(2) if c.categories else p for c, p in zip(table.columns, parts, strict=True)],
        axis=1,
    )
    for start in range(0, len(rows), BLOCK):
        found = nan_euclidean_distances(space[rows[start : start + BLOCK]], space)
        yield np.nan_to_num(found, nan=np.inf)  # two rows that know nothing in common
