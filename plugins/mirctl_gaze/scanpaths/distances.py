"""How far apart two scanpaths lie, in the unit of their coordinates: 0 is the same place."""

import numpy as np

from mirctl_gaze.scanpaths.compiling import compiled
from mirctl_gaze.scanpaths.warping import squares, warp

WINDOW = 2
"""Fixations of a time-delay embedding."""


@compiled
def dtw(a: np.ndarray, b: np.ndarray) -> float:
    """Dynamic time warping of points (2, m) and (2, n): the exact least sum of distances."""
    return warp(np.sqrt(squares(a, b)))[0, 0]


@compiled
def eyenalysis(a: np.ndarray, b: np.ndarray) -> float:
    """Mean squared distance of each fixation to the nearest of the other path (Mathôt et al. 2012).

    a (2, m), b (2, n).
    """
    apart = squares(a, b)
    m, n = apart.shape
    total = 0.0
    for i in range(m):
        total += apart[i].min()
    for j in range(n):
        total += apart[:, j].min()
    return total / (m + n)


@compiled
def tde(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float, float]:
    """Time-delay embedding (Wang et al. 2011) of points (2, m) and (2, n): mean and greatest
    distance of two successive fixations of b to the nearest two of a, then of a's to b's."""
    apart = squares(a, b)
    windows = np.sqrt(apart[:-1, :-1] + apart[1:, 1:]) / WINDOW
    m, n = windows.shape
    mean = most = mean_back = most_back = 0.0
    for j in range(n):
        nearest = windows[:, j].min()
        mean += nearest / n
        most = max(most, nearest)
    for i in range(m):
        nearest = windows[i].min()
        mean_back += nearest / m
        most_back = max(most_back, nearest)
    return mean, most, mean_back, most_back
