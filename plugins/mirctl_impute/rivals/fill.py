"""Methods that fill holes: (table, values, draws, seed) -> what they fill in.

mean         mean and mode
knn          mean, or mode, of the ten nearest rows that know the cell (KNNImputer's distance)
mice         see chained.py
missforest   random forests of 20 trees, 3 rounds (Stekhoven and Bühlmann, 2012)
miceforest, hyperimpute   the packages of that name, where installed
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mirctl_impute.columns import NumberColumn
from mirctl_impute.rivals.chained import mice
from mirctl_impute.rivals.features import distances, legal, mode, with_middles
from mirctl_impute.rivals.frames import frame, numbers
from mirctl_impute.rivals.result import Filling
from mirctl_impute.table import Table

Fill = Callable[[Table, np.ndarray, int, int], Filling]

NEIGHBOURS = 10
MOST_CODES = 50
"""A column of more categories is a number to hyperimpute: numbers would be categories, too."""
TREES, ROUNDS = 20, 3
"""Of the forests; more rounds change little (measured on the five tables of the README)."""


@dataclass(frozen=True)
class Method:
    """A way to fill, and the modules it needs."""

    fill: Fill
    modules: tuple[str, ...] = ()


def mean(table: Table, values: np.ndarray, draws: int, seed: int) -> Filling:
    """The mean of each number column, the mode of each category column."""
    return Filling(legal(table, values, with_middles(table, values)))


def knn(table: Table, values: np.ndarray, draws: int, seed: int) -> Filling:
    """The ten nearest rows that know the cell."""
    gaps = np.isnan(values)
    filled = with_middles(table, values)
    rows = gaps.any(1).nonzero()[0]
    start = 0
    for block in distances(table, values, rows):
        here = rows[start : start + len(block)]
        start += len(block)
        for i, column in enumerate(table.columns):
            wanting = gaps[here, i]
            donors = (~gaps[:, i]).nonzero()[0]
            if not wanting.any():
                continue
            near = block[wanting][:, donors]
            count = min(NEIGHBOURS, len(donors))
            nearest = np.argpartition(near, count - 1, axis=1)[:, :count]
            cells = values[donors[nearest], i]
            filled[here[wanting], i] = (
                [mode(row) for row in cells] if column.categories else cells.mean(1)
            )
    return Filling(legal(table, values, filled))


def missforest(table: Table, values: np.ndarray, draws: int, seed: int) -> Filling:
    """Each column by a forest on all others, those with fewest holes first; categories are numbers
    in the features."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    gaps = np.isnan(values)
    filled = with_middles(table, values)
    for _ in range(ROUNDS):
        for i in np.argsort(gaps.sum(0), kind="stable"):
            at = gaps[:, i]
            if not at.any() or values.shape[1] == 1:
                continue
            kind = RandomForestClassifier if table.columns[i].categories else RandomForestRegressor
            others = np.delete(filled, i, axis=1)
            forest = kind(TREES, random_state=seed).fit(others[~at], values[~at, i])
            filled[at, i] = forest.predict(others[at])
    return Filling(legal(table, values, filled))


def miceforest(table: Table, values: np.ndarray, draws: int, seed: int) -> Filling:
    """The package's own defaults but for 3 rounds, 50 trees and, as its matching of means fails on
    columns of many categories, no candidates to match."""
    import miceforest as package

    kernel = package.ImputationKernel(
        frame(table, values), num_datasets=draws, mean_match_candidates=0, random_state=seed
    )
    kernel.mice(3, num_iterations=50, verbose=False, num_threads=1)
    made = [numbers(table, kernel.complete_data(dataset=d)) for d in range(draws)]
    return pooled(table, values, np.stack([legal(table, values, one) for one in made]))


def hyperimpute(table: Table, values: np.ndarray, draws: int, seed: int) -> Filling:
    """The package's own defaults, but that columns of codes count as categories: those of fewer
    different values than a threshold do, and it is the most categories that a column has."""
    from hyperimpute.plugins.imputers import Imputers

    threshold = max(5, min(max(table.categories), MOST_CODES) + 2)
    plugin = Imputers().get("hyperimpute", class_threshold=threshold, random_state=seed)
    made = plugin.fit_transform(frame(table, values, coded=True))
    return Filling(legal(table, values, np.asarray(made, float)))


def pooled(table: Table, values: np.ndarray, draws: np.ndarray) -> Filling:
    """Draws (draws, rows, columns) with their mean, or mode, as the single best value."""
    best = draws.mean(0)
    for i, column in enumerate(table.columns):
        at = np.isnan(values[:, i])
        if not isinstance(column, NumberColumn) and at.any():
            best[at, i] = [mode(cells) for cells in draws[:, at, i].T]
    return Filling(legal(table, values, best), draws)


METHODS: dict[str, Method] = {
    "mean": Method(mean),
    "knn": Method(knn, ("sklearn.metrics.pairwise",)),
    "mice": Method(mice, ("sklearn.linear_model",)),
    "missforest": Method(missforest, ("sklearn.ensemble",)),
    "miceforest": Method(miceforest, ("pandas", "miceforest", "lightgbm")),
    "hyperimpute": Method(hyperimpute, ("pandas", "hyperimpute.plugins.imputers")),
}
