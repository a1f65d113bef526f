"""MultiMatch: five dimensions of two sequences of saccades (Jarodzka et al. 2010; Dewhurst et al.
2012)."""

import math

import numpy as np

from mirctl_gaze.scanpaths.compiling import compiled
from mirctl_gaze.scanpaths.simplifying import Simplification, simplified
from mirctl_gaze.scanpaths.warping import squares, steps, warp

X, Y, ACROSS, DOWN, LENGTH, ANGLE, DURATION = range(7)
"""Rows of a table of saccades: where it starts, its vector, and how long the fixation before it
lasted."""
FEWEST = 3
"""Fixations: with fewer the measure is not defined."""


def saccades(
    x: np.ndarray, y: np.ndarray, duration: np.ndarray, simpler: Simplification | None = None
) -> np.ndarray:
    """Fixations (n,) as a table of saccades (7, n - 1), or fewer where they are simplified."""
    vectors = np.empty((4, len(x) - 1))
    vectors[X], vectors[Y] = x[:-1], y[:-1]
    vectors[ACROSS], vectors[DOWN] = x[1:] - x[:-1], y[1:] - y[:-1]
    lasting = duration[:-1]
    if simpler:
        limits = float(simpler.degrees), float(simpler.pixels), float(simpler.ms)
        vectors, lasting = simplified(vectors, np.ascontiguousarray(duration, float), *limits)
    table = np.empty((7, vectors.shape[1]))
    table[:4], table[DURATION] = vectors, lasting
    np.sqrt(vectors[ACROSS] ** 2 + vectors[DOWN] ** 2, out=table[LENGTH])
    angle = np.arctan2(vectors[DOWN], vectors[ACROSS], out=table[ANGLE])
    angle[angle < 0] += 2 * math.pi
    return table


def multimatch(a: np.ndarray, b: np.ndarray, diagonal: float) -> np.ndarray:
    """Shape, direction, length, position, duration (5,) of saccades (7, m) and (7, n): 1 is equal.

    Two fixations of no duration at all last equally long.
    """
    cost = np.sqrt(squares(a[ACROSS : DOWN + 1], b[ACROSS : DOWN + 1]))
    return likeness(a, b, cost, *steps(warp(cost)), diagonal)


@compiled
def likeness(
    a: np.ndarray, b: np.ndarray, cost: np.ndarray, i: np.ndarray, j: np.ndarray, diagonal: float
) -> np.ndarray:
    """The five (5,) over pairs i (k,), j (k,) of saccades whose vectors differ by cost (m, n)."""
    shape, angle, length = np.empty(len(i)), np.empty(len(i)), np.empty(len(i))
    place, lasting = np.empty(len(i)), np.empty(len(i))
    for k in range(len(i)):
        p, q = i[k], j[k]
        shape[k] = cost[p, q]
        turn = abs(a[ANGLE, p] - b[ANGLE, q])
        angle[k] = 2 * math.pi - turn if turn > math.pi else turn
        length[k] = abs(a[LENGTH, p] - b[LENGTH, q])
        place[k] = math.sqrt((a[X, p] - b[X, q]) ** 2 + (a[Y, p] - b[Y, q]) ** 2)
        longer = max(a[DURATION, p], b[DURATION, q])
        apart = abs(a[DURATION, p] - b[DURATION, q])
        lasting[k] = apart / longer if longer != 0 else 0.0
    found = np.empty(5)
    found[0] = 1 - np.median(shape) / (2 * diagonal)
    found[1] = 1 - np.median(angle) / math.pi
    found[2] = 1 - np.median(length) / diagonal
    found[3] = 1 - np.median(place) / diagonal
    found[4] = 1 - np.median(lasting)
    return found
