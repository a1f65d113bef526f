"""Tests, effect sizes and corrections: by hand, as scipy has them, and at their stated rates."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from mirctl_gaze.analysis import bootstrap, results, statistics
from mirctl_gaze.analysis.pairing import Pairs
from mirctl_gaze.analysis.statistics import (
    benjamini_hochberg,
    corrected,
    correlation,
    holm,
    paired,
    without_rounding,
)

SHUFFLES = 400
MOST = stats.binom.ppf(0.999, SHUFFLES, 0.05) / SHUFFLES
LEAST = stats.binom.ppf(0.001, SHUFFLES, 0.05) / SHUFFLES


@pytest.fixture
def few_draws(monkeypatch):
    monkeypatch.setattr(bootstrap, "DRAWS", 1000)


def test_a_case_worked_by_hand():
    # ranks of 1, 2, 3, 4, -5 are 1 to 5: 10 go up, 5 down; mean 1, variance 12.5
    found = paired(np.array([1.0, 2.0, 3.0, 4.0, -5.0]))
    assert found.wilcoxon == 5
    assert found.rank_biserial == pytest.approx(5 / 15)
    assert found.d_z == pytest.approx(1 / 12.5**0.5)
    assert found.t == pytest.approx(5**0.5 / 12.5**0.5)
    # of the 32 signs those with 5 or less below: {}, 1, 2, 3, 12, 4, 13, 5, 14, 23
    assert found.p_wilcoxon_raw == pytest.approx(2 * 10 / 32)


@pytest.mark.parametrize("count", [2, 3, 11, 50, 200, 201, 2000])
def test_t_and_wilcoxon_are_scipys(count):
    rng = np.random.default_rng(count)
    a, b = rng.standard_normal((2, count)) * 30 + 200
    found = paired(a - b)
    how = "exact" if count <= 200 else "asymptotic"
    t, w = stats.ttest_rel(a, b), stats.wilcoxon(a, b, method=how)
    assert (found.t, found.p_t_raw) == pytest.approx((t.statistic, t.pvalue), rel=1e-9)
    assert (found.wilcoxon, found.p_wilcoxon_raw) == pytest.approx(
        (w.statistic, w.pvalue), rel=1e-9
    )


@pytest.mark.parametrize("seed", range(4))
def test_with_ties_every_choice_of_signs_counts(seed):
    rng = np.random.default_rng(seed)
    differences = rng.integers(1, 5, 10) * rng.choice([-1.0, 1.0], 10, p=[0.3, 0.7])
    ranks = stats.rankdata(np.abs(differences))
    sums = np.array(list(product([0, 1], repeat=10))) @ ranks
    smaller = min(ranks[differences > 0].sum(), ranks[differences < 0].sum())
    wanted = min(2 * np.mean(sums <= smaller), 1)
    assert paired(differences).p_wilcoxon_raw == pytest.approx(wanted, rel=1e-12)


def test_exact_and_normal_chances_meet(monkeypatch):
    differences = np.round(np.random.default_rng(0).standard_normal(200) + 0.15, 1)
    exact = paired(differences).p_wilcoxon_raw
    monkeypatch.setattr(statistics, "EXACT", 10)
    assert paired(differences).p_wilcoxon_raw == pytest.approx(exact, rel=0.02)


def test_pairs_without_a_difference_do_not_count_in_ranks():
    found = paired(np.array([3.0, 1.0, 0.0, 0.0, -2.0, 4.0]))
    assert found.wilcoxon == 2
    assert found.p_wilcoxon_raw == paired(np.array([3.0, 1.0, -2.0, 4.0])).p_wilcoxon_raw


def test_the_other_way_round_only_the_signs_change():
    differences = np.random.default_rng(0).standard_normal(30)
    one, other = paired(differences), paired(-differences)
    assert (one.p_t_raw, one.p_wilcoxon_raw, one.wilcoxon) == pytest.approx(
        (other.p_t_raw, other.p_wilcoxon_raw, other.wilcoxon)
    )
    assert (one.t, one.d_z, one.rank_biserial) == pytest.approx(
        (-other.t, -other.d_z, -other.rank_biserial)
    )


@pytest.mark.parametrize(
    ("differences", "reason"),
    [
        ([], "fewer than 2 pairs"),
        ([4.0], "fewer than 2 pairs"),
        ([0.0, 0.0, 0.0], "all differences are 0"),
        ([2.0, 2.0, 2.0], "all differences are equal: no t"),
    ],
)
def test_what_is_not_defined_says_why(differences, reason):
    found = paired(np.array(differences))
    assert found.reasons == reason
    assert np.isnan([found.t, found.p_t_raw, found.d_z]).all()


def test_equal_differences_still_have_ranks():
    found = paired(np.full(6, 2.0))
    assert found.rank_biserial == 1
    assert found.p_wilcoxon_raw < 0.05


def test_what_only_rounding_tells_apart_is_equal():
    differences = np.array([0.1 + 0.2 - 0.3, 0.3 - 0.2, 0.2 - 0.1])
    assert len({0.0, *differences}) == 4
    assert without_rounding(differences, 0.3).tolist() == [0, 0.1, 0.1]
    assert without_rounding(differences * 2.0**40, 0.3 * 2.0**40)[0] == 0
    assert without_rounding(np.zeros(2), 0.0).tolist() == [0, 0]


def test_holm_by_hand():
    p = np.array([0.01, 0.04, 0.03, 0.005])
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_benjamini_hochberg_by_hand_and_as_scipy_has_it():
    p = np.array([0.01, 0.04, 0.03, 0.005])
    assert benjamini_hochberg(p) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    p = np.random.default_rng(3).random(40) ** 2
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


@pytest.mark.parametrize("how", ["holm", "bh", "none"])
def test_corrections_never_lower_p_nor_change_the_order(how):
    p = np.random.default_rng(5).random(20)
    found = corrected(p, how)
    assert (found >= p).all()
    assert found.max() <= 1
    assert (np.diff(found[np.argsort(p)]) >= 0).all()


def test_what_is_not_defined_was_no_test():
    found = corrected(np.array([0.01, np.nan, 0.02]), "holm")
    assert found[[0, 2]] == pytest.approx([0.02, 0.02])
    assert np.isnan(found[1])


def test_rho_is_scipys_and_not_defined_where_nothing_varies():
    a, b = np.random.default_rng(0).integers(0, 5, (2, 30))
    assert correlation(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)
    assert np.isnan(correlation(np.ones(9), np.arange(9)))
    assert np.isnan(correlation(np.arange(2), np.arange(2)))


def test_shuffled_data_are_significant_at_the_stated_rate():
    rng = np.random.default_rng(11)
    effect = 0.8 + np.abs(rng.standard_normal(30))
    signs = rng.choice([-1.0, 1.0], (SHUFFLES, 30))
    found = [paired(effect * sign) for sign in signs]
    for p in ("p_t_raw", "p_wilcoxon_raw"):
        assert LEAST <= np.mean([getattr(one, p) < 0.05 for one in found]) <= MOST


def test_any_of_ten_measures_is_significant_at_the_stated_rate():
    rng = np.random.default_rng(12)
    shared = rng.standard_normal((SHUFFLES, 25, 1)) * 0.5
    differences = shared + rng.standard_normal((SHUFFLES, 25, 10))
    p = 2 * stats.t.sf(np.abs(stats.ttest_1samp(differences, 0, axis=1).statistic), 24)
    assert np.mean((p < 0.05).any(axis=1)) > 3 * MOST
    for how in ("holm", "bh"):
        assert np.mean([(corrected(one, how) < 0.05).any() for one in p]) <= MOST


def test_with_labels_at_random_holm_holds_over_measures_of_many_readers(monkeypatch):
    monkeypatch.setattr(results, "interval", lambda *_: (np.nan, np.nan))
    rng = np.random.default_rng(13)
    chosen, rejected = 200 + rng.standard_normal((2, 6, 20, 5)) + rng.standard_normal((6, 1, 5))
    chosen += 1.0
    names = [f"t{i}" for i in range(20)]
    measures = ["a", "b", "c", "d", "e"]

    def significant(swapped):
        """Of each measure, with the labels of some pairs the other way round."""
        sides = (
            np.where(swapped[:, None], rejected, chosen),
            np.where(swapped[:, None], chosen, rejected),
        )
        pairs = Pairs(names, [f"r{i}" for i in range(6)], *sides, {}, 0)
        found = results.compared(pairs, measures, "holm", 0).results.values()
        return [[one.p_t < 0.05, one.p_wilcoxon < 0.05] for one in found]

    assert np.all(significant(np.zeros(20, bool)))
    found = [significant(rng.random(20) < 0.5) for _ in range(SHUFFLES)]
    assert (np.any(found, axis=1).mean(axis=0) <= MOST).all()


@pytest.mark.parametrize(("readers", "pairs"), [(1, 12), (1, 40), (8, 20), (24, 20)])
def test_nineteen_of_twenty_intervals_hold_the_truth(few_draws, readers, pairs):
    rng = np.random.default_rng(readers)
    held = 0
    for seed in range(200):
        own = rng.standard_normal((readers, 1)) * (readers > 1)
        low, high = bootstrap.interval(3 + own + rng.standard_normal((readers, pairs)), seed)
        held += low <= 3 <= high
    assert 0.90 <= held / 200 <= 0.99


def test_readers_of_other_texts_are_clusters_too(few_draws):
    rng = np.random.default_rng(4)
    held = 0
    for seed in range(150):
        differences = np.full((12, 24), np.nan)
        for group in range(4):
            of = slice(3 * group, 3 * group + 3), slice(6 * group, 6 * group + 6)
            differences[of] = rng.standard_normal((3, 1)) + rng.standard_normal((3, 6))
        low, high = bootstrap.interval(differences, seed)
        held += low <= 0 <= high
    assert 0.88 <= held / 150 <= 0.99


def test_quantiles_are_widened_for_few_draws():
    # 2.2622 is t of 9 degrees of freedom, 0.00855 what a normal has below -2.2622 sqrt(10 / 9).
    assert bootstrap._levels(10) == pytest.approx((0.00855, 0.99145), abs=1e-5)
    assert bootstrap._levels(10**6) == pytest.approx((0.025, 0.975), abs=1e-5)


def test_pairs_that_no_drawn_reader_has_read_count_as_no_zeros():
    differences = np.where(np.eye(5), 3.0, np.nan)
    assert bootstrap.interval(differences, 0) == (3.0, 3.0)


def test_readers_who_differ_make_the_interval_wider_than_their_pairs_tell():
    rng = np.random.default_rng(7)
    differences = 10 * rng.standard_normal((8, 1)) + rng.standard_normal((8, 50))
    by_readers = np.ptp(bootstrap.interval(differences, 0))
    as_if_independent = np.ptp(bootstrap.interval(differences.reshape(1, -1), 0))
    assert by_readers > 4 * as_if_independent


def test_the_same_seed_gives_the_same_interval_and_it_holds_the_mean():
    differences = np.random.default_rng(1).standard_normal((9, 9))
    differences[0, 3] = differences[2, :4] = np.nan
    low, high = bootstrap.interval(differences, 5)
    assert (low, high) == bootstrap.interval(differences, 5)
    assert (low, high) != bootstrap.interval(differences, 6)
    assert low < np.nanmean(differences, axis=0).mean() < high


def test_draws_in_parts_are_as_many(monkeypatch):
    differences = np.random.default_rng(1).standard_normal((3, 50))
    monkeypatch.setattr(bootstrap, "CELLS", 50 * 999)
    rng = np.random.default_rng(0)
    assert len(bootstrap._by_readers(differences, rng)) == bootstrap.DRAWS
    assert len(bootstrap._by_pairs(differences[:1], rng)) == bootstrap.DRAWS


@pytest.mark.parametrize("shape", [(1, 1), (1, 0), (0, 3)])
def test_nothing_to_draw_from_has_no_interval(shape):
    assert np.isnan(bootstrap.interval(np.zeros(shape), 0)).all()
