"""Bootstrap over rows: users, texts, whatever was drawn independently."""

import numpy as np

RESAMPLES = 1000


def sums(matrix: np.ndarray, seed: int) -> np.ndarray:
    """(RESAMPLES, columns): column sums of as many rows drawn with replacement, of matrix
    (rows, columns); a ratio of two columns' sums is then a ratio over the same rows."""
    rows, columns = matrix.shape
    rng = np.random.default_rng((seed, 0xB007))
    found = np.empty((RESAMPLES, columns))
    for i in range(RESAMPLES):
        found[i] = np.bincount(rng.integers(rows, size=rows), minlength=rows) @ matrix
    return found


def interval(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % percentile interval of draws (RESAMPLES, ...)."""
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return low, high
