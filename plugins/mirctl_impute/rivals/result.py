"""What a method fills in."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Filling:
    """A whole table (rows, columns): `point` holds the best single value of each hidden cell, and
    `draws` (draws, rows, columns) values as likely as the data say, where the method draws."""

    point: np.ndarray
    draws: np.ndarray | None = None

    @property
    def spread(self) -> np.ndarray:
        """What stands in where distributions are compared (draws, rows, columns)."""
        return self.point[None] if self.draws is None else self.draws
