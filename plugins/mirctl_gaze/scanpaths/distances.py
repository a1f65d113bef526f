"""How far apart two scanpaths lie, in the unit of their coordinates: 0 is the same place."""

import numpy as np

from mirctl_gaze.scanpaths.compiling import compiled
from mirctl_gaze.scanpaths.warping import squares, warp

Four = tuple[float, float, float, float]
WINDOW = 2
"""Fixations of a time-delay embedding."""


def dtw(a: np.ndarray, b: np.ndarray) -> float:
    """Dynamic time warping of points (2, m) and (2, n): the exact least sum of distances."""
    return warp(np.sqrt(squares(a, b)))[0, 0]


def eyenalysis(a: np.ndarray, b: np.ndarray) -> float:
    """Mean squared distance of each fixation to the nearest of the other path (Mathôt et al. 2012).

    a (2, m), b (2, n).
    """
    apart = squares(a, b)
    there, _, back, _ = nearest(apart)
    m, n = apart.shape
    return (there * n + back * m) / (m + n)


def tde(a: np.ndarray, b: np.ndarray) -> Four:
    """Time-delay embedding (Wang et al. 2011) of points (2, m) and (2, n): mean and greatest
    distance of two successive fixations of b to the nearest two of a, then of a's to b's."""
    apart = squares(a, b)
    return nearest(np.sqrt(apart[:-1, :-1] + apart[1:, 1:]) / WINDOW)


@compiled
def nearest(apart: np.ndarray) -> Four:
    """Mean and maximum of the least number of each column (m, n), then of each row."""
    m, n = apart.shape
    mean = most = mean_back = most_back = 0.0
    for j in range(n):
        least = apart[:, j].min()
        mean += least / n
        most = max(most, least)
    for i in range(m):
        least = apart[i].min()
        mean_back += least / m
        most_back = max(most_back, least)
    return mean, most, mean_back, most_back
