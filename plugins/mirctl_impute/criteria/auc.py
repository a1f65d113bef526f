"""Area under the ROC curve, weighted, and its standard error."""

import numpy as np


class Ranked:
    """AUC of scores (n,) for labels (n,) of 0 and 1: the chance that a 1 scores above a 0, ties
    counting half. Sorted once, so that a resample, given by weights (n,), costs one pass."""

    def __init__(self, labels: np.ndarray, scores: np.ndarray) -> None:
        self.labels = labels.astype(float)
        _, self.place = np.unique(scores, return_inverse=True)
        self.places = int(self.place.max()) + 1

    def auc(self, weights: np.ndarray | None = None) -> float:
        """NaN where one of the labels has no weight."""
        weights = np.ones(len(self.labels)) if weights is None else weights
        ones = np.bincount(self.place, weights * self.labels, self.places)
        zeros = np.bincount(self.place, weights * (1 - self.labels), self.places)
        pairs = ones.sum() * zeros.sum()
        below = np.cumsum(zeros) - zeros / 2
        return float(ones @ below / pairs) if pairs else float("nan")


def standard_error(auc: float, ones: int, zeros: int) -> float:
    """Hanley and McNeil (1982), for exponential scores."""
    both_ones, both_zeros = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = (
        auc * (1 - auc) + (ones - 1) * (both_ones - auc**2) + (zeros - 1) * (both_zeros - auc**2)
    )
    return float(np.sqrt(max(spread, 0) / (ones * zeros)))


def measured(labels: np.ndarray, scores: np.ndarray) -> dict[str, float | int | str]:
    """The AUC with its 95 % interval, as a metric."""
    value = Ranked(labels, scores).auc()
    ones = int(labels.sum())
    se = standard_error(value, ones, len(labels) - ones)
    low, high = max(value - 1.96 * se, 0.0), min(value + 1.96 * se, 1.0)
    return {"value": value, "low": low, "high": high, "se": se, "n": len(labels), "unit": "AUC"}
