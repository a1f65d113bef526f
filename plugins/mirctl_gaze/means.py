"""Means of what is known: NaN stands for what is not."""

import numpy as np


def mean(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Over what is there; NaN where nothing is."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0.0).sum(axis=axis) / known.sum(axis=axis)
