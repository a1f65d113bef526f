"""What an item earns: a rule over a completed score."""

from __future__ import annotations

import numpy as np

from mirctl_rl.factors import Factors

TOP = 0.8
"""A user's own top fifth begins at this quantile."""
LARGEST_TABLE = 1 << 23
"""Cells of the largest table of rewards that is kept whole."""
BLOCK = 1 << 22


class Rewards:
    """Reward of (row, item); a row is a user, or the item shown before.

    `factors` are personal unless the rule is `raw`. What a table gives and what is computed pair by
    pair is the same number.
    """

    def __init__(
        self, factors: Factors, rule: str, low: float, high: float, threshold: np.ndarray
    ) -> None:
        self.factors, self.rule, self.low, self.high = factors, rule, low, high
        self.threshold = threshold
        shape = (len(factors.rows), len(factors.columns))
        self.table = None
        if shape[0] * shape[1] <= LARGEST_TABLE:
            everything = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
            self.table = self._computed(*everything)

    def of(self, row: np.ndarray, item: np.ndarray) -> np.ndarray:
        """(n,) float32; rows and items may be broadcast against each other."""
        if self.table is None:
            return self._computed(row, item)
        return self.table.take(row * self.table.shape[1] + item)

    def _computed(self, row: np.ndarray, item: np.ndarray) -> np.ndarray:
        return self.earned(self.factors.scores(row, item), row).astype(np.float32)

    def earned(self, score: np.ndarray, row: np.ndarray) -> np.ndarray:
        """The rule, applied to scores."""
        if self.rule == "top-fifth":
            return score >= self.threshold[row]
        if self.rule == "deviation":
            return np.clip(score / (self.high - self.low), -1.0, 1.0)
        return np.clip((score - self.low) / (self.high - self.low), 0.0, 1.0)


def ruled(factors: Factors, rule: str, low: float, high: float) -> Rewards:
    """Scores, personal or raw, as rewards by a rule of `config.REWARDS`."""
    # As they are stored, so that a saved simulator pays what a new one does.
    sides = (factors.rows, factors.columns)
    own = Factors(*(side.astype(np.float32).astype(np.float64) for side in sides))
    rows = len(own.rows)
    threshold = np.zeros(rows)
    if rule == "top-fifth":
        step = max(BLOCK // len(own.columns), 1)
        for start in range(0, rows, step):
            chosen = np.arange(start, min(start + step, rows))
            scores = own.rows[chosen] @ own.columns.T
            threshold[chosen] = np.quantile(scores, TOP, axis=1)
    return Rewards(own, rule, low, high, threshold)


def top_fifth(user: np.ndarray, value: np.ndarray) -> np.ndarray:
    """(n,) 1 for each user's best fifth, at least one item."""
    order = np.lexsort((-value, user))
    counts = np.bincount(user)
    starts = np.cumsum(counts) - counts
    place = np.empty(len(user))
    place[order] = np.arange(len(user)) - starts[user[order]]
    return place < np.maximum(counts[user] // 5, 1)
