"""Methods that make rows: (table, values of the training rows, target column, count, seed) -> rows.

smote         between a row and one of its 5 nearest of the same target class (Chawla et al.,
              2002): numbers anywhere in between, categories from either
shuffle       every column by itself: a control that keeps columns and loses what joins them
copy          training rows as they are: a control that gives everything away
ctgan, tvae   the package `ctgan` (Xu et al., 2019) with its own defaults
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mirctl_impute.columns import NumberColumn
from mirctl_impute.rivals.features import distances, legal, with_middles
from mirctl_impute.rivals.frames import frame, numbers
from mirctl_impute.table import Table

Generate = Callable[[Table, np.ndarray, int, int, int], np.ndarray]
"""(table, values (rows, columns), target, count, seed) -> (count, columns)."""

NEIGHBOURS = 5


@dataclass(frozen=True)
class Method:
    """A way to make rows, and the modules it needs."""

    make: Generate
    modules: tuple[str, ...] = ()


def copy(table: Table, values: np.ndarray, target: int, count: int, seed: int) -> np.ndarray:
    """Training rows, each at most once."""
    rows = np.random.default_rng((seed, 7)).permutation(len(values))[:count]
    return values[np.sort(rows)]


def shuffle(table: Table, values: np.ndarray, target: int, count: int, seed: int) -> np.ndarray:
    """Each column in an order of its own."""
    rng = np.random.default_rng((seed, 7))
    return np.stack([rng.permutation(column)[:count] for column in values.T], axis=1)


def smote(table: Table, values: np.ndarray, target: int, count: int, seed: int) -> np.ndarray:
    """Between near rows. What one of the two does not know is the other's; classes keep their
    shares, and a row that is alone in its class is copied."""
    rng = np.random.default_rng((seed, 7))
    bases = rng.choice(len(values), count, replace=count > len(values))
    others = np.empty(count, int)
    classes = values[:, target] if table.columns[target].categories else np.zeros(len(values))
    classes = np.nan_to_num(classes, nan=-1)
    for label in np.unique(classes):
        rows = (classes == label).nonzero()[0]
        at = (classes[bases] == label).nonzero()[0]
        if len(at):
            places = np.searchsorted(rows, bases[at])
            others[at] = rows[_near(table, values[rows], places, rng)]
    first, second = values[bases], values[others]
    share = rng.random((count, 1))
    made = np.where(rng.random(first.shape) < 0.5, first, second)
    for i, column in enumerate(table.columns):
        if isinstance(column, NumberColumn):
            made[:, i] = first[:, i] + share[:, 0] * (second[:, i] - first[:, i])
    made = np.where(np.isnan(first), second, np.where(np.isnan(second), first, made))
    return legal(table, np.full(made.shape, np.nan), made)


def _near(
    table: Table, values: np.ndarray, places: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """For each place (n,) among the rows of values one of its nearest others."""
    if len(values) == 1:
        return places
    whole = with_middles(table, values) if not np.isnan(values).all(0).any() else values
    count = min(NEIGHBOURS, len(values) - 1)
    chosen, start = [], 0
    for block in distances(table, whole, places):
        here = places[start : start + len(block)]
        start += len(block)
        block[np.arange(len(here)), here] = np.inf
        nearest = np.argpartition(block, count - 1, axis=1)[:, :count]
        chosen.append(nearest[np.arange(len(here)), rng.integers(count, size=len(here))])
    return np.concatenate(chosen)


def ctgan(table: Table, values: np.ndarray, target: int, count: int, seed: int) -> np.ndarray:
    """Conditional GAN."""
    from ctgan import CTGAN

    return _by_package(CTGAN, table, values, count, seed)


def tvae(table: Table, values: np.ndarray, target: int, count: int, seed: int) -> np.ndarray:
    """Variational autoencoder."""
    from ctgan import TVAE

    return _by_package(TVAE, table, values, count, seed)


def _by_package(kind: type, table: Table, values: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The package takes no holes: numbers get their mean, unknown categories are one of their own,
    which is unknown again in what is made."""
    filled = with_middles(table, values)
    for i, column in enumerate(table.columns):
        if column.categories:
            filled[:, i] = np.nan_to_num(values[:, i], nan=-1)
    rows = frame(table, filled)
    discrete = [f"c{i}" for i, column in enumerate(table.columns) if column.categories]
    rows[discrete] = rows[discrete].astype(str)
    model = kind()
    model.set_random_state(seed)
    model.fit(rows, discrete)
    made = numbers(table, model.sample(count))
    for i, column in enumerate(table.columns):
        if column.categories:
            made[made[:, i] < 0, i] = np.nan
    return legal(table, np.full(made.shape, np.nan), made)


METHODS: dict[str, Method] = {
    "ctgan": Method(ctgan, ("pandas", "ctgan")),
    "tvae": Method(tvae, ("pandas", "ctgan")),
    "smote": Method(smote, ("sklearn.metrics.pairwise",)),
    "shuffle": Method(shuffle),
    "copy": Method(copy),
}
CONTROLS = ("shuffle", "copy", "real")
"""Not to be chosen by: what the measures say of the worst and of the best that can be."""
