"""Scanpaths as words: a letter is a cell of a grid over the screen, or an area of interest.

Time enters by repeating a letter, once for each stretch of its fixation.
"""

import numpy as np

from mirctl_gaze.scanpaths.warping import align
from mirctl_gaze.schema import MISSING

NEAR = 3.5
"""ScanMatch: cells up to this far apart count as alike, the more the nearer."""
SAME = 1.0
"""Only what is the same is alike: other letters, all at distance 1 and more, score nothing."""


def scanmatch(a: np.ndarray, b: np.ndarray) -> float:
    """ScanMatch (Cristino et al. 2010) of cells (2, m) and (2, n), column and row; 1 is equal.

    Cells at distance d score 3.5 - d, a gap 0; the best possible score of the longer path is 1.
    """
    return align(a, b, NEAR) / (NEAR * max(a.shape[1], b.shape[1]))


def matched(a: np.ndarray, b: np.ndarray) -> float:
    """Letters (2, m) and (2, n) that match in the best alignment, per letter of the longer path."""
    return align(a, b, SAME) / max(a.shape[1], b.shape[1])


def cells(
    x: np.ndarray, y: np.ndarray, screen: tuple[float, float], grid: tuple[int, int]
) -> np.ndarray:
    """Column and row (2, n) of the grid's cells; what lies off the screen is in one at its edge."""
    places = [
        np.clip(np.floor(values / size * count), 0, count - 1)
        for values, size, count in zip((x, y), screen, grid, strict=True)
    ]
    return np.stack(places)


def areas(names: list[str], known: dict[str, int]) -> np.ndarray:
    """Numbers (2, n) for names of areas, the same for the same name; `known` grows."""
    plain = ["" if name.strip() in MISSING else name for name in names]
    numbers = [known.setdefault(name, len(known)) for name in plain]
    return np.stack([np.array(numbers, float), np.zeros(len(numbers))])


def timed(letters: np.ndarray, duration: np.ndarray, stretch: float) -> np.ndarray:
    """Letters (2, n), each as often as whole stretches of time are in its fixation, rounded; once
    at least."""
    return np.repeat(letters, np.maximum(1, np.floor(duration / stretch + 0.5).astype(int)), axis=1)
