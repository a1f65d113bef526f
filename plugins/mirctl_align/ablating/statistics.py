"""Whether one reward model is right more often than another, on the same pairs."""

import math

import numpy as np

from mirctl.metrics import resampling


def ranged(values: np.ndarray, prompts: np.ndarray) -> dict[str, float | int]:
    """Mean of values (pairs,), and its 95 % bootstrap interval over prompts (pairs,)."""
    _, number = np.unique(prompts, return_inverse=True)
    sums = np.zeros((number.max() + 1, 2))
    np.add.at(sums, number, np.column_stack([values, np.ones(len(values))]))
    drawn = resampling.sums(sums, 0)
    low, high = resampling.interval(drawn[:, 0] / drawn[:, 1])
    ends = {"value": values.mean(), "low": low, "high": high}
    return {**{name: float(end) for name, end in ends.items()}, "n": len(values)}


def mcnemar(ours: np.ndarray, other: np.ndarray) -> float:
    """Two-sided exact p that two models are right equally often (McNemar, 1947), from how often
    each is right (pairs,): 0 or 1, or a mean over seeds, of which the larger wins the pair."""
    better, worse = int((ours > other).sum()), int((ours < other).sum())
    count = better + worse
    if count == 0:
        return 1.0
    tail = sum(math.comb(count, k) for k in range(min(better, worse) + 1))
    return min(1.0, 2 * tail / 2**count)
