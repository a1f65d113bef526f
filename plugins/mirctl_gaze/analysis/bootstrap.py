"""Intervals of a mean difference, from readers, or else trials, that are drawn again."""

from __future__ import annotations

import numpy as np

DRAWS = 10_000
LEVEL = 0.95
CELLS = 1 << 20
"""Drawn at a time, so that memory stays flat."""


def interval(differences: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % interval of the mean over pairs of the means over readers, of (readers, pairs).

    A reader's pairs are not independent of each other: readers are drawn, with all that they read,
    where there are two or more; else pairs are. NaN for fewer than two of either.
    """
    known = ~np.isnan(differences)
    differences = differences[known.any(axis=1)][:, known.any(axis=0)]
    readers, pairs = differences.shape
    count = readers if readers > 1 else pairs
    if count < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    draw = _by_readers if readers > 1 else _by_pairs
    low, high = np.quantile(draw(differences, rng), _levels(count))
    return float(low), float(high)


def _by_readers(differences: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    readers, pairs = differences.shape
    known = ~np.isnan(differences)
    values = np.where(known, differences, 0.0)
    found = []
    for count in _parts(pairs):
        weights = rng.multinomial(readers, np.full(readers, 1 / readers), size=count).astype(float)
        read = weights @ known
        some = read > 0
        means = np.divide(weights @ values, read, out=np.zeros_like(read), where=some)
        found.append(means.sum(axis=1) / some.sum(axis=1))
    return np.concatenate(found)


def _by_pairs(differences: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    pairs = differences.shape[1]
    drawn = [rng.integers(pairs, size=(count, pairs)) for count in _parts(pairs)]
    return np.concatenate([differences[0][places].mean(axis=1) for places in drawn])


def _parts(pairs: int) -> list[int]:
    most = max(CELLS // pairs, 1)
    return [min(most, DRAWS - start) for start in range(0, DRAWS, most)]


def _levels(count: int) -> tuple[float, float]:
    """Quantiles that make up for the spread that few draws lack (Hesterberg 2015)."""
    from scipy.stats import norm, t

    wide = t.ppf((1 + LEVEL) / 2, count - 1) * (count / (count - 1)) ** 0.5
    tail = float(norm.cdf(-wide))
    return tail, 1 - tail
