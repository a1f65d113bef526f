"""Rank correlation of many columns with one, also with others held fixed; choosing one of many.

Values that are equal share the mean of their ranks. No word and no trial is left out for its value.
"""

import numpy as np

from mirctl.metrics.ranking import bootstrap
from mirctl_gaze.means import mean

FEWEST = 3
"""Words that a rank correlation needs."""
FOLDS = 5
NOTHING = 1e-9
"""Share of a column's variation that is not more than rounding."""


def ranks(values: np.ndarray) -> np.ndarray:
    """(n, columns) -> ranks from 0 on within each column, equal ones the mean of theirs."""
    order = np.argsort(values, axis=0, kind="stable")
    ordered = np.take_along_axis(values, order, 0)
    place = np.broadcast_to(np.arange(len(values))[:, None], values.shape)
    new = np.ones(values.shape, bool)
    new[1:] = ordered[1:] != ordered[:-1]
    ends = np.ones(values.shape, bool)
    ends[:-1] = new[1:]
    first = np.maximum.accumulate(np.where(new, place, 0), 0)
    last = np.minimum.accumulate(np.where(ends, place, len(values))[::-1], 0)[::-1]
    found = np.empty(values.shape)
    np.put_along_axis(found, order, (first + last) / 2, 0)
    return found


def spearman(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rank correlation of each column of y (n, rows) with each of x (n, columns): (rows, columns).

    NaN where one of the two is constant, or n is less than three.
    """
    return _correlated(ranks(x), ranks(y), np.ones((len(y), 1)))


def partial_spearman(x: np.ndarray, y: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """The same of what is left of the ranks once the ranks of controls (n, controls) are taken out
    of both by least squares; NaN where nothing is left, or it has fewer than two dimensions."""
    held = np.column_stack([np.ones(len(y)), ranks(controls)])
    return _correlated(ranks(x), ranks(y), held)


def _correlated(x: np.ndarray, y: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Cosines of what is left of the columns of y and of x outside the space of `held`."""
    basis, sizes, _ = np.linalg.svd(held, full_matrices=False)
    basis = basis[:, sizes > NOTHING * sizes.max(initial=0.0)]
    if len(y) < max(FEWEST, basis.shape[1] + 2):
        return np.full((y.shape[1], x.shape[1]), np.nan)
    return _left(y, basis).T @ _left(x, basis)


def _left(values: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """What lies outside a basis (n, dimensions), of length 1; NaN where that is only rounding."""
    values = values - values.mean(0)
    rest = values - basis @ (basis.T @ values)
    length = np.sqrt((rest**2).sum(0))
    some = length > np.sqrt(NOTHING * (values**2).sum(0))
    return np.where(some, rest / np.where(some, length, 1.0), np.nan)


def held_out(values: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(trials,) each trial's value in the column that is best, by the mean, over the trials of the
    other folds; and (columns,) how many folds chose each. `values` (trials, columns)."""
    found = np.full(len(values), np.nan)
    chosen = np.zeros(values.shape[1], int)
    some = np.flatnonzero(~np.isnan(values).all(1))
    if len(some) < 2:
        return found, chosen
    shuffled = np.random.default_rng((seed, 0xF01D)).permutation(some)
    for fold in np.array_split(shuffled, min(FOLDS, len(some))):
        means = mean(values[np.setdiff1d(some, fold)])
        best = int(np.argmax(np.where(np.isnan(means), -np.inf, means)))
        found[fold] = values[fold, best]
        chosen[best] += 1
    return found, chosen


def interval(values: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """95 % bootstrap interval of each column's mean, over the trials that have one."""
    low, high = np.full((2, values.shape[1]), np.nan)
    known, which = np.unique(~np.isnan(values), axis=1, return_inverse=True)
    for pattern, trials in enumerate(known.T):
        columns = which.reshape(-1) == pattern
        low[columns], high[columns] = bootstrap(values[np.ix_(trials, columns)], seed)
    return low, high
