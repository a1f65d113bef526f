"""Numbers of a column and the normal scores that the network reads."""

from dataclasses import dataclass

import numpy as np
import torch

KNOTS = 2048
"""Distinct values that a column's scale is kept by; of more, so many quantiles."""
EDGE = 1e-7
"""Ranks stay so far from 0 and 1: scores stay inside 5.2."""


@dataclass(frozen=True)
class Scale:
    """Numbers <-> normal scores z = Phi^-1(rank), the quantile transform of TabDDPM (arXiv
    2209.15421), with ties kept.

    knots (k,) are ascending values, low and high (k,) the shares of the column below and up to
    each. A value that occurs often owns a whole interval of ranks. What is known is read at its
    middle; what is to be drawn is learned at a random place in it, so that the scores of any column
    are normal, and a draw that is blurred a little still gives each value its share.
    """

    knots: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: float
    sd: float

    @classmethod
    def of(cls, values: np.ndarray) -> "Scale":
        """Learn from a column's observed values (n,)."""
        distinct, counts = np.unique(values, return_counts=True)
        high = np.cumsum(counts) / len(values)
        low = np.concatenate([[0.0], high[:-1]])
        if len(distinct) > KNOTS:
            wanted = np.linspace(0, 1, KNOTS)
            keep = np.unique(np.searchsorted(high, wanted).clip(max=len(distinct) - 1))
            distinct, low, high = distinct[keep], low[keep], high[keep]
        # Of huge numbers the squares overflow, of tiny ones they vanish: in units of the largest.
        unit = float(np.abs(values).max()) or 1.0
        mean, sd = (values / unit).mean() * unit, (values / unit).std() * unit
        return cls(distinct, low, high, float(mean), float(sd) or 1.0)

    def encode(self, values: np.ndarray, share: np.ndarray | float = 0.5) -> np.ndarray:
        """Normal scores, at a share of each value's interval of ranks; what lies outside of the
        learned range counts as its end."""
        place = np.searchsorted(self.knots, values).clip(max=len(self.knots) - 1)
        rank = self.low[place] + share * (self.high[place] - self.low[place])
        between = self.knots[place] != values
        middle = (self.low + self.high) / 2
        rank = np.where(between, np.interp(values, self.knots, middle), rank)
        return torch.special.ndtri(torch.from_numpy(rank.clip(EDGE, 1 - EDGE))).numpy()

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """The numbers of the nearest knots."""
        return np.searchsorted((self.knots[:-1] + self.knots[1:]) / 2, values)

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """The values that own these ranks; between knots of a thinned scale, on the line."""
        rank = torch.special.ndtr(torch.from_numpy(np.asarray(scores, float))).numpy()
        return np.interp(rank, np.ravel([self.low, self.high], "F"), np.repeat(self.knots, 2))

    def standard(self, values: np.ndarray) -> np.ndarray:
        """Values in standard deviations from the mean."""
        return (values - self.mean) / self.sd

    def value(self, standard: np.ndarray) -> np.ndarray:
        """The other way, inside the learned range."""
        return (standard * self.sd + self.mean).clip(self.knots[0], self.knots[-1])
