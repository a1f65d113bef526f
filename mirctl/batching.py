"""Orders of rows in which batches are random and yet of like lengths, so that little is padded."""

import numpy as np

POOL = 8
"""Batches' worth of rows among which those of like length are put together."""


def order(lengths: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    """The rows of lengths (rows,), each once: `size` of like length follow each other, in batches
    that are in a random order; the last batch may be smaller."""
    rows = random.permutation(len(lengths))
    pools = range(0, len(rows), POOL * size)
    alike = [pool[np.argsort(lengths[pool], kind="stable")]
             for pool in (rows[start : start + POOL * size] for start in pools)]  # fmt: skip
    ordered = np.concatenate([np.zeros(0, np.int64), *alike])
    full = len(ordered) // size * size
    mixed = random.permutation(ordered[:full].reshape(-1, size)).ravel()
    return np.concatenate([mixed, ordered[full:]])
