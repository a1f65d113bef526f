"""A scanpath, and what it is compared under."""

from dataclasses import dataclass

import numpy as np

from mirctl_gaze.scanpaths.simplifying import Simplification


@dataclass(frozen=True)
class Scanpath:
    """The fixations of one reader on one stimulus, in their order, in pixels and ms."""

    reader: str
    trial: str
    points: np.ndarray
    """(2, n)"""
    duration: np.ndarray | None
    """(n,)"""
    areas: np.ndarray | None = None
    """Letters (2, n) that stand for the areas they fall on."""

    def __len__(self) -> int:
        return self.points.shape[1]


@dataclass(frozen=True)
class Settings:
    """What measures need to know besides the fixations."""

    screen: tuple[float, float] | None = None
    simpler: Simplification | None = None
    grid: tuple[int, int] = (12, 8)
    areas: bool = False
    """Whether letters are areas of interest, not cells of the grid."""
    stretch: float = 50.0
    """ms that one letter stands for; 0: a letter a fixation."""
    radius: float | None = None
    compat: bool = False

    @property
    def diagonal(self) -> float:
        """Pixels from one corner of the screen to the other."""
        return float(np.hypot(*self.screen))

    @property
    def near(self) -> float:
        """Pixels within which fixations recur: 5 % of the diagonal unless told."""
        return self.diagonal / 20 if self.radius is None else self.radius
