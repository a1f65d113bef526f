"""Which fixations of two scanpaths fall on the same place (Anderson et al. 2013)."""

import numpy as np

from mirctl_gaze.scanpaths.compiling import either
from mirctl_gaze.scanpaths.warping import squares

Four = tuple[float, float, float, float]


def counts_loops(same: np.ndarray) -> Four:
    """Of the recurring cells (m, n): how many, how many have a neighbour on their diagonal, how
    many in their column or row (both count), and how much later b comes, summed."""
    m, n = same.shape
    count = determined = straight = later = 0.0
    for i in range(m):
        for j in range(n):
            if not same[i, j]:
                continue
            count += 1
            later += j - i
            if (i > 0 and j > 0 and same[i - 1, j - 1]) or (
                i < m - 1 and j < n - 1 and same[i + 1, j + 1]
            ):
                determined += 1
            if (i > 0 and same[i - 1, j]) or (i < m - 1 and same[i + 1, j]):
                straight += 1
            if (j > 0 and same[i, j - 1]) or (j < n - 1 and same[i, j + 1]):
                straight += 1
    return count, determined, straight, later


def counts_arrays(same: np.ndarray) -> Four:
    """The same at once."""
    rows, columns = np.nonzero(same)
    padded = np.pad(same, 1)
    i, j = rows + 1, columns + 1
    determined = (padded[i - 1, j - 1] | padded[i + 1, j + 1]).sum()
    straight = (padded[i - 1, j] | padded[i + 1, j]).sum()
    straight += (padded[i, j - 1] | padded[i, j + 1]).sum()
    return float(len(i)), float(determined), float(straight), float((columns - rows).sum())


counts = either(counts_loops, counts_arrays)


def recurrence(a: np.ndarray, b: np.ndarray, radius: float) -> Four:
    """Recurrence, determinism, laminarity, corm, in per cent, of points (2, m) and (2, n).

    Fixations recur that lie nearer than `radius`. Determinism is the share of them in diagonals of
    two and more (the same order), laminarity that in columns and rows (one path stays), corm how
    much later in b. Where none recur the last three are not defined.
    """
    m, n = a.shape[1], b.shape[1]
    count, determined, straight, later = counts(squares(a, b) < radius * radius)
    if count == 0:
        return 0.0, np.nan, np.nan, np.nan
    reach = max(m, n, 2) - 1
    share = 100 * count / (m * n)
    return share, 100 * determined / count, 50 * straight / count, 100 * later / (reach * count)


def auto_recurrence(a: np.ndarray, b: np.ndarray, radius: float) -> Four:
    """The same four as they are published: by the formulas of a path's recurrence with itself.

    They see the first min(m, n) fixations and, but for laminarity, the part above the main diagonal
    alone: two equal paths without revisits get 0 in all four, as if nothing were alike.
    """
    n = min(a.shape[1], b.shape[1])
    same = np.ascontiguousarray(squares(a, b)[:n, :n] < radius * radius)
    all_of_it, _, straight, _ = counts(same)
    count, determined, _, later = counts(np.triu(same, 1))
    laminarity = 50 * straight / max(all_of_it, 1.0)
    if count == 0:
        return 0.0, 0.0, laminarity, 0.0
    share = 200 * count / (n * (n - 1))
    return share, 100 * determined / count, laminarity, 100 * later / ((n - 1) * count)
