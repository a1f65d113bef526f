"""Rank correlations against other ways to get them; what is chosen is not what is scored."""

import numpy as np
import pytest

from mirctl_gaze.attention import running
from mirctl_gaze.attention.correlation import (
    held_out,
    interval,
    mean,
    partial_spearman,
    ranks,
    spearman,
)

stats = pytest.importorskip("scipy.stats")


@pytest.fixture
def drawn():
    """Columns with ties, measures with ties, two controls."""
    rng = np.random.default_rng(7)
    return rng.integers(0, 6, (25, 4)) / 3, rng.integers(0, 9, (25, 3)), rng.normal(size=(25, 2))


def test_equal_values_share_the_mean_of_their_ranks(drawn):
    np.testing.assert_array_equal(ranks(drawn[0]), stats.rankdata(drawn[0], axis=0) - 1)
    assert ranks(np.array([[5.0], [1], [5], [5]]))[:, 0].tolist() == [2, 0, 2, 2]


def test_spearman_is_that_of_scipy_with_ties(drawn):
    x, y, _ = drawn
    wanted = [[stats.spearmanr(a, b).statistic for a in x.T] for b in y.T]
    np.testing.assert_allclose(spearman(x, y), wanted, atol=1e-12)


def test_partial_spearman_of_one_control_is_the_textbook_formula(drawn):
    x, y, held = drawn
    for a, b in ((x[:, 0], y[:, 0]), (x[:, 1], y[:, 2])):
        ab, ac, bc = (
            stats.spearmanr(*two).statistic for two in ((a, b), (a, held[:, 0]), (b, held[:, 0]))
        )
        wanted = (ab - ac * bc) / np.sqrt((1 - ac**2) * (1 - bc**2))
        found = partial_spearman(a[:, None], b[:, None], held[:, :1])
        assert found[0, 0] == pytest.approx(wanted, abs=1e-12)


def test_partial_spearman_of_two_controls_comes_from_the_inverse_of_all_correlations(drawn):
    x, y, held = drawn
    matrix = np.corrcoef(
        np.stack([stats.rankdata(c) for c in (x[:, 2], y[:, 1], held[:, 0], held[:, 1])])
    )
    inverse = np.linalg.inv(matrix)
    wanted = -inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1])
    found = partial_spearman(x[:, 2:3], y[:, 1:2], held)
    assert found[0, 0] == pytest.approx(wanted, abs=1e-12)


def test_ranks_are_all_that_counts(drawn):
    x, y, held = drawn
    found = partial_spearman(np.exp(x), y**3, np.arctan(held))
    np.testing.assert_allclose(found, partial_spearman(x, y, held), atol=1e-12)


def test_what_only_follows_a_control_has_nothing_left():
    rng = np.random.default_rng(0)
    length = rng.permutation(30).astype(float)
    other = rng.normal(size=30)
    assert spearman(length[:, None], length[:, None] ** 2)[0, 0] == pytest.approx(1)
    found = partial_spearman(length[:, None], (length**2)[:, None], np.stack([length, other], 1))
    assert np.isnan(found).all()


def test_controls_that_say_the_same_count_once(drawn):
    x, y, held = drawn
    twice = np.column_stack([held, 2 * held[:, 0], np.ones(25)])
    np.testing.assert_allclose(
        partial_spearman(x, y, twice), partial_spearman(x, y, held), atol=1e-9
    )


@pytest.mark.parametrize(("words", "plain", "partial"), [(0, 0, 0), (2, 0, 0), (3, 1, 0), (4, 1, 0),
                                                         (5, 1, 1)])  # fmt: skip
def test_too_few_words_say_nothing(words, plain, partial):
    rng = np.random.default_rng(3)
    x, y, held = (rng.normal(size=(words, k)) for k in (1, 1, 2))
    assert np.isfinite(spearman(x, y)).sum() == plain
    assert np.isfinite(partial_spearman(x, y, held)).sum() == partial


def test_a_constant_column_says_nothing(drawn):
    x, y, held = drawn
    x = x.copy()
    x[:, 1] = 3.5
    for found in (spearman(x, y), partial_spearman(x, y, held)):
        assert np.isnan(found).tolist() == [[False, True, False, False]] * 3


def test_a_layer_is_chosen_without_the_trials_that_it_is_scored_on():
    """Of noise the best layer looks good on the trials it was chosen on, and on others not."""
    best, scored = [], []
    for seed in range(40):
        noise = np.random.default_rng(seed).normal(0, 0.3, (30, 24))
        best.append(mean(noise).max())
        scored.append(mean(held_out(noise, seed)[0][:, None])[0])
    assert np.mean(best) > 0.08
    assert abs(np.mean(scored)) < 3 * 0.3 / np.sqrt(30 * 40)


def test_each_value_is_of_the_layer_that_is_best_elsewhere():
    values = np.random.default_rng(1).normal(size=(23, 6))
    found, folds = held_out(values, seed=5)
    assert folds.sum() == 5
    shuffled = np.random.default_rng((5, 0xF01D)).permutation(23)
    for fold in np.array_split(shuffled, 5):
        others = [n for n in range(23) if n not in fold]
        best = values[others].mean(0).argmax()
        np.testing.assert_array_equal(found[fold], values[fold, best])


def test_a_layer_that_is_truly_best_is_chosen_by_all_folds():
    values = np.random.default_rng(2).normal(0, 0.1, (40, 8))
    values[:, 3] += 0.5
    found, folds = held_out(values, seed=0)
    assert folds.tolist() == [0, 0, 0, 5, 0, 0, 0, 0]
    np.testing.assert_array_equal(found, values[:, 3])


def test_trials_that_say_nothing_take_no_part():
    values = np.random.default_rng(2).normal(size=(12, 3))
    values[[2, 7]] = np.nan
    found, folds = held_out(values, seed=0)
    assert np.flatnonzero(np.isnan(found)).tolist() == [2, 7]
    assert folds.sum() == 5
    alone = np.full((4, 3), np.nan)
    alone[1] = 0.5
    found, folds = held_out(alone, seed=0)
    assert np.isnan(found).all()
    assert folds.tolist() == [0, 0, 0]


def test_an_interval_is_over_the_trials_that_have_a_value():
    values = np.random.default_rng(4).normal(0.3, 0.2, (50, 3))
    values[10:, 1] = np.nan
    values[:, 2] = np.nan
    low, high = interval(values, seed=0)
    assert (low[:2] < mean(values)[:2]).all()
    assert (mean(values)[:2] < high[:2]).all()
    assert high[1] - low[1] > 1.5 * (high[0] - low[0])
    assert np.isnan([low[2], high[2]]).all()
    alone = interval(values[:10, 1:2], seed=0)
    assert (alone[0][0], alone[1][0]) == (low[1], high[1])


def test_words_that_lack_a_measure_or_a_token_do_not_count(drawn):
    x, y, held = drawn
    y = y.astype(float)
    holes, whole = x.copy(), y.copy()
    holes[3] = np.nan
    y[10:12, 1] = np.nan
    found = running._correlations(y, holes, held)
    for measure, gone in enumerate(([3], [3, 10, 11], [3])):
        some = np.setdiff1d(np.arange(25), gone)
        one = whole[some, measure, None]
        np.testing.assert_allclose(found[0, measure], spearman(x[some], one)[0])
        wanted = partial_spearman(x[some], one, held[some])[0]
        np.testing.assert_allclose(found[1, measure], wanted)
