"""Simpler scanpaths: short saccades, and those that hardly turn, are joined with the next one.

The rules, their order and their ends are those of the published toolbox, so that figures compare.
"""

import math
from dataclasses import dataclass

import numpy as np

from mirctl_gaze.scanpaths.compiling import compiled

X, Y, ACROSS, DOWN = range(4)
"""Rows of a table of vectors: where each starts, and how far it goes."""


@dataclass(frozen=True)
class Simplification:
    """Saccades that turn less than `degrees`, or are shorter than `pixels`, are joined where the
    fixation between them is shorter than `ms`."""

    degrees: float
    pixels: float
    ms: float


@compiled
def simplified(
    vectors: np.ndarray, lasting: np.ndarray, degrees: float, pixels: float, most: float
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (4, m) of n vectors, and the durations (m,) of the fixations they start from.

    lasting (n + 1,) also has the last fixation. Joined until nothing more can be.
    """
    while True:
        before = len(lasting)
        vectors, lasting = by_direction(vectors, lasting, degrees, most)
        vectors, lasting = by_length(vectors, lasting, pixels, most)
        if len(lasting) == before:
            return vectors, lasting[: vectors.shape[1]].copy()


@compiled
def by_direction(
    vectors: np.ndarray, lasting: np.ndarray, degrees: float, most: float
) -> tuple[np.ndarray, np.ndarray]:
    """Once join each saccade with the next where that turns less than `degrees`."""
    n = vectors.shape[1]
    out, kept = np.empty((4, n)), np.empty(n + 1)
    i = j = 0
    while i < n:
        out[:, j] = vectors[:, i]
        kept[j] = lasting[i]
        if i < n - 1 and lasting[i + 1] < most and turn(vectors, i) < degrees:
            out[ACROSS, j] += vectors[ACROSS, i + 1]
            out[DOWN, j] += vectors[DOWN, i + 1]
            i += 1
        i += 1
        j += 1
    kept[j] = lasting[-1]
    return out[:, :j].copy(), kept[: j + 1].copy()


@compiled
def turn(vectors: np.ndarray, i: int) -> float:
    """Degrees between a vector and the next; a vector of no length has no direction."""
    ax, ay = vectors[ACROSS, i], vectors[DOWN, i]
    bx, by = vectors[ACROSS, i + 1], vectors[DOWN, i + 1]
    if (ax == 0 and ay == 0) or (bx == 0 and by == 0):
        return math.inf
    # not by acos: rounding takes the cosine of straight lines past 1
    return math.degrees(math.atan2(abs(ax * by - ay * bx), ax * bx + ay * by))


@compiled
def by_length(
    vectors: np.ndarray, lasting: np.ndarray, pixels: float, most: float
) -> tuple[np.ndarray, np.ndarray]:
    """Once join each saccade shorter than `pixels` with the next, and the last with the one before.

    The toolbox keeps one more duration where the last was joined, and so do we: the next round
    asks for it.
    """
    n = vectors.shape[1]
    out, kept = np.empty((4, n)), np.empty(n + 2)
    i = j = 0
    while i < n:
        short = math.sqrt(vectors[ACROSS, i] ** 2 + vectors[DOWN, i] ** 2) < pixels
        if i == n - 1 and j > 0 and short and (lasting[-1] < most or lasting[-2] < most):
            out[ACROSS, j - 1] = vectors[ACROSS, i - 1] + vectors[ACROSS, i]
            out[DOWN, j - 1] = vectors[DOWN, i - 1] + vectors[DOWN, i]
            kept[j], kept[j + 1] = lasting[i - 1], lasting[-1]
            return out[:, :j].copy(), kept[: j + 2].copy()
        out[:, j] = vectors[:, i]
        kept[j] = lasting[i]
        if i < n - 1 and short and (lasting[i] < most or lasting[i + 1] < most):
            out[ACROSS, j] += vectors[ACROSS, i + 1]
            out[DOWN, j] += vectors[DOWN, i + 1]
            i += 1
        i += 1
        j += 1
    kept[j] = lasting[-1]
    return out[:, :j].copy(), kept[: j + 1].copy()
