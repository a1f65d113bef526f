"""Numbers of a column and the normal scores that the network reads."""

from dataclasses import dataclass

import numpy as np
import torch

KNOTS = 2048
"""Distinct values that a column's scale is kept by; of more, so many quantiles."""


@dataclass(frozen=True)
class Scale:
    """Numbers <-> normal scores, by mid-ranks: equal values share one score (arXiv 2209.15421 uses
    the same transform without the ties).

    knots (k,) ascending values and scores (k,); `discrete` where the knots are all that occurs.
    """

    knots: np.ndarray
    scores: np.ndarray
    mean: float
    sd: float
    discrete: bool

    @classmethod
    def of(cls, values: np.ndarray) -> "Scale":
        """Learn from a column's observed values (n,)."""
        distinct, counts = np.unique(values, return_counts=True)
        rank = (np.cumsum(counts) - counts / 2) / counts.sum()
        scores = torch.special.ndtri(torch.from_numpy(rank)).numpy()
        discrete = len(distinct) <= KNOTS and len(distinct) <= max(20, len(values) / 5)
        if len(distinct) > KNOTS:
            keep = np.searchsorted(rank, np.linspace(rank[0], rank[-1], KNOTS))
            keep = np.unique(keep.clip(0, len(distinct) - 1))
            distinct, scores = distinct[keep], scores[keep]
        sd = float(values.std()) or 1.0
        return cls(distinct, scores, float(values.mean()), sd, discrete)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Normal scores; what lies outside of the learned range counts as its end."""
        return np.interp(values, self.knots, self.scores)

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """Values; of a discrete column the nearest that occurs."""
        if self.discrete:
            borders = (self.scores[1:] + self.scores[:-1]) / 2
            return self.knots[np.searchsorted(borders, scores)]
        return np.interp(scores, self.scores, self.knots)

    def standard(self, values: np.ndarray) -> np.ndarray:
        """Values in standard deviations from the mean."""
        return (values - self.mean) / self.sd

    def value(self, standard: np.ndarray) -> np.ndarray:
        """The other way, inside the learned range."""
        return (standard * self.sd + self.mean).clip(self.knots[0], self.knots[-1])
