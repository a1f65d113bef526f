"""Means over seeds: intervals by Student's t."""

import numpy as np
import pytest

from mirctl.metrics import seeds


def test_intervals_are_those_of_student():
    from scipy import stats

    for freedom in range(1, 40):
        assert seeds.student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=2e-3)
    values = [1.0, 2.0, 4.0]
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert seeds.interval(values) == pytest.approx((high - low) / 2, rel=1e-3)
    assert seeds.interval([1.0]) is None
