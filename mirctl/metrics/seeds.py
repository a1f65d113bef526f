"""Means over seeds with their intervals."""

import math
from collections.abc import Sequence
from statistics import NormalDist, stdev

SMALL_T = (12.706, 4.303, 3.182, 2.776)
"""Two-sided 95 % quantiles of Student's t at 1 to 4 degrees of freedom."""


def interval(values: Sequence[float]) -> float | None:
    """Half the 95 % interval of a mean by Student's t; None of one value."""
    if len(values) < 2:
        return None
    return student(len(values) - 1) * stdev(values) / math.sqrt(len(values))


def student(freedom: int) -> float:
    """The two-sided 95 % quantile of Student's t, by Fisher's expansion around the normal's."""
    if freedom <= len(SMALL_T):
        return SMALL_T[freedom - 1]
    z = NormalDist().inv_cdf(0.975)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, start=1))
