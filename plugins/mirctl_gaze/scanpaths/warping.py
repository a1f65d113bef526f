"""What all measures are made of: distances, the cheapest warping, alignments of letters.

Each is written twice: in loops, for the compiler, and in whole arrays, for numpy. The cells of an
anti-diagonal do not depend on each other. Both do the same to each cell: the numbers are equal.
"""

import math

import numpy as np

from mirctl_gaze.scanpaths.compiling import compiled, either


def squares_loops(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances (m, n) between points (2, m) and (2, n)."""
    m, n = a.shape[1], b.shape[1]
    found = np.empty((m, n))
    for i in range(m):
        for j in range(n):
            across, down = a[0, i] - b[0, j], a[1, i] - b[1, j]
            found[i, j] = across * across + down * down
    return found


def squares_arrays(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The same at once."""
    across, down = a[0][:, None] - b[0], a[1][:, None] - b[1]
    return across * across + down * down


squares = either(squares_loops, squares_arrays)


def warp_loops(cost: np.ndarray) -> np.ndarray:
    """Cost of the cheapest path from each cell to the last one, itself included: (m, n)."""
    m, n = cost.shape
    total = np.empty((m, n))
    total[m - 1, n - 1] = cost[m - 1, n - 1]
    for j in range(n - 2, -1, -1):
        total[m - 1, j] = cost[m - 1, j] + total[m - 1, j + 1]
    for i in range(m - 2, -1, -1):
        total[i, n - 1] = cost[i, n - 1] + total[i + 1, n - 1]
        for j in range(n - 2, -1, -1):
            least = min(total[i + 1, j + 1], total[i + 1, j], total[i, j + 1])
            total[i, j] = cost[i, j] + least
    return total


def warp_arrays(cost: np.ndarray) -> np.ndarray:
    """The same, an anti-diagonal at a time."""
    m, n = cost.shape
    padded = np.full((m + 1, n + 1), np.inf)
    padded[m, n] = 0.0
    flat, costs, step = padded.reshape(-1), cost.reshape(-1), n + 1
    for s in range(m + n - 2, -1, -1):
        i = np.arange(max(0, s - n + 1), min(m - 1, s) + 1)
        at = i * step + (s - i)
        best = np.minimum(np.minimum(flat[at + step + 1], flat[at + step]), flat[at + 1])
        flat[at] = costs[i * n + (s - i)] + best
    return padded[:m, :n]


warp = either(warp_loops, warp_arrays)


@compiled
def steps(total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cells (k,), (k,) of the cheapest path, from the first to the last.

    Of steps that lead to the same cost the diagonal one is taken, then the one to the next row.
    """
    m, n = total.shape
    rows = np.zeros(m + n - 1, np.int64)
    columns = np.zeros(m + n - 1, np.int64)
    i, j, k = 0, 0, 1
    while i < m - 1 or j < n - 1:
        if i == m - 1:
            j += 1
        elif j == n - 1:
            i += 1
        else:
            across, below, right = total[i + 1, j + 1], total[i + 1, j], total[i, j + 1]
            if across <= below and across <= right:
                i += 1
                j += 1
            elif below <= right:
                i += 1
            else:
                j += 1
        rows[k], columns[k] = i, j
        k += 1
    return rows[:k], columns[:k]


def align_loops(a: np.ndarray, b: np.ndarray, near: float) -> float:
    """Needleman and Wunsch (1970): the best global alignment of letters (2, m) and (2, n).

    Letters at distance d score near - d, gaps nothing.
    """
    m, n = a.shape[1], b.shape[1]
    row, score = np.zeros(n + 1), np.empty(n)
    for i in range(m):
        if i == 0 or a[0, i] != a[0, i - 1] or a[1, i] != a[1, i - 1]:
            for j in range(n):
                across, down = a[0, i] - b[0, j], a[1, i] - b[1, j]
                score[j] = near - math.sqrt(across * across + down * down)
        corner = 0.0
        for j in range(n):
            best = max(corner + score[j], row[j + 1], row[j])
            corner = row[j + 1]
            row[j + 1] = best
    return row[n]


def align_arrays(a: np.ndarray, b: np.ndarray, near: float) -> float:
    """The same, a row at a time: as gaps cost nothing, a row never falls."""
    row = np.zeros(b.shape[1] + 1)
    for score in near - np.sqrt(squares_arrays(a, b)):
        row[1:] = np.maximum.accumulate(np.maximum(row[:-1] + score, row[1:]))
    return row[-1]


align = either(align_loops, align_arrays)


def edits_loops(a: np.ndarray, b: np.ndarray) -> float:
    """Letters to insert, delete or change until letters (2, m) are (2, n) (Levenshtein 1966)."""
    m, n = a.shape[1], b.shape[1]
    row, other = np.arange(n + 1.0), np.empty(n)
    for i in range(m):
        if i == 0 or a[0, i] != a[0, i - 1] or a[1, i] != a[1, i - 1]:
            for j in range(n):
                other[j] = 0.0 if a[0, i] == b[0, j] and a[1, i] == b[1, j] else 1.0
        corner = row[0]
        row[0] += 1
        for j in range(n):
            best = min(corner + other[j], min(row[j + 1], row[j]) + 1)
            corner = row[j + 1]
            row[j + 1] = best
    return row[n]


def edits_arrays(a: np.ndarray, b: np.ndarray) -> float:
    """The same, a row at a time: one more letter costs at most one more edit."""
    column = np.arange(b.shape[1] + 1.0)
    row = column.copy()
    for other in (squares_arrays(a, b) > 0).astype(float):
        row[1:] = np.minimum(row[:-1] + other, row[1:] + 1)
        row[0] += 1
        row = np.minimum.accumulate(row - column) + column
    return row[-1]


edits = either(edits_loops, edits_arrays)
