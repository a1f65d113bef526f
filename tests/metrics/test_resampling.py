"""Bootstrap over rows."""

import numpy as np

from mirctl.metrics import resampling


def test_an_interval_leaves_out_a_fortieth_on_either_side():
    low, high = resampling.interval(np.arange(1001.0))
    assert (low, high) == (25.0, 975.0)


def test_columns_are_summed_over_the_same_rows():
    matrix = np.random.default_rng(0).standard_normal((50, 2))
    drawn = resampling.sums(np.hstack([matrix, matrix.sum(1, keepdims=True), np.ones((50, 1))]), 3)
    np.testing.assert_allclose(drawn[:, 2], drawn[:, 0] + drawn[:, 1])
    assert (drawn[:, 3] == 50).all()
    spread = matrix[:, 0].std() * np.sqrt(50)
    np.testing.assert_allclose(drawn[:, 0].std(), spread, rtol=0.1)
    assert abs(drawn[:, 0].mean() - matrix[:, 0].sum()) < 0.2 * spread
