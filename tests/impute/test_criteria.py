"""The measures of made tables, against scipy's, sklearn's and hand-worked values."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import r2_score, roc_auc_score

from impute.plain import table_of
from mirctl.errors import DataError, MissingError
from mirctl_impute.criteria import (
    association,
    auc,
    features,
    judge,
    ml_efficiency,
    privacy,
    similarity,
)
from mirctl_impute.criteria.nearest import Space

KINDS = (0, 0, 3, 2)


def rows(count, seed):
    """Two numbers, three categories that go by the first, and a target that goes by both."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=count)
    y = 0.8 * x + rng.normal(size=count) * 0.6
    c = np.digitize(x + rng.normal(size=count) * 0.5, [-0.5, 0.5])
    t = (x + y + rng.normal(size=count) > 0).astype(float)
    return np.stack([x, y, c, t], axis=1)


def holed(values, share=0.1, seed=9):
    hole = np.random.default_rng(seed).random(values.shape) < share
    return np.where(hole, np.nan, values)


def test_a_weighted_area_is_that_of_sklearn():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 300), rng.integers(0, 20, 300)
    weights = rng.integers(0, 4, 300)
    ranked = auc.Ranked(labels, scores)
    assert ranked.auc() == pytest.approx(roc_auc_score(labels, scores))
    wanted = roc_auc_score(labels, scores, sample_weight=weights)
    assert ranked.auc(weights) == pytest.approx(wanted)


def test_the_standard_error_of_an_area_is_its_spread_over_samples():
    rng = np.random.default_rng(0)
    areas = []
    for _ in range(400):
        scores = np.concatenate([rng.normal(0, 1, 80), rng.normal(0.7, 1, 80)])
        areas.append(auc.Ranked(np.repeat([0, 1], 80), scores).auc())
    told = auc.standard_error(float(np.mean(areas)), 80, 80)
    assert told == pytest.approx(np.std(areas), rel=0.15)


def test_scores_of_several_classes_and_of_numbers_are_those_of_sklearn():
    rng = np.random.default_rng(0)
    truth, said = rng.integers(0, 3, 200).astype(float), rng.dirichlet(np.ones(3), 200)
    wanted = roc_auc_score(truth, said, multi_class="ovr")
    assert ml_efficiency.Score(truth, said, 3).of() == pytest.approx(wanted)
    number = rng.normal(size=200)
    guess = number + rng.normal(size=200)
    weights = rng.integers(0, 3, 200)
    wanted = r2_score(number, guess, sample_weight=weights)
    assert ml_efficiency.Score(number, guess, 0).of(weights) == pytest.approx(wanted)


def test_associations_are_those_of_their_formulas():
    values = holed(rows(500, 0))
    table = table_of(values, KINDS)
    found = association.matrix(table, values, association.levels_of(table, values))
    both = ~np.isnan(values[:, 0]) & ~np.isnan(values[:, 1])
    wanted = np.corrcoef(values[both][:, :2].T)[0, 1]
    assert found[0, 1] == pytest.approx(wanted, abs=1e-9)
    both = ~np.isnan(values[:, 0]) & ~np.isnan(values[:, 2])
    x, c = values[both, 0], values[both, 2]
    between = sum((c == k).sum() * (x[c == k].mean() - x.mean()) ** 2 for k in range(3))
    assert found[0, 2] == pytest.approx(np.sqrt(between / ((x - x.mean()) ** 2).sum()))
    from scipy.stats.contingency import association as cramer

    both = ~np.isnan(values[:, 2]) & ~np.isnan(values[:, 3])
    seen = np.zeros((3, 2), int)
    np.add.at(seen, tuple(values[both][:, 2:].T.astype(int)), 1)
    assert found[2, 3] == pytest.approx(cramer(seen, method="cramer"))
    assert (found == found.T).all()


def test_a_pair_that_no_longer_varies_counts_and_one_that_never_did_does_not():
    first = np.array([[1, 0.6, np.nan], [0.6, 1, 0.2], [np.nan, 0.2, 1]])
    other = np.array([[1, np.nan, 0.9], [np.nan, 1, 0.1], [0.9, 0.1, 1]])
    value, pairs = association.difference(first, other)
    assert (value, pairs) == (pytest.approx((0.6 + 0.1) / 2), 2)


def test_distances_of_columns_by_hand():
    real, other = np.array([0.0, 2, 4, np.nan]), np.array([2.0, 4, 6])
    sd = np.std([0, 2, 4])
    assert similarity.column_distance(real, other, 0) == pytest.approx(2 / sd)
    codes = np.array([0.0, 1, np.nan])
    assert similarity.column_distance(codes, np.array([0.0, 0]), 2) == pytest.approx(
        np.sqrt(0.311278), abs=1e-4
    )
    assert similarity.column_distance(codes, np.array([np.nan]), 2) == 1


def test_distances_of_categories_are_scipy_s():
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 4, 50).astype(float), rng.integers(1, 6, 80).astype(float)
    counts = (np.bincount(x.astype(int), minlength=6) for x in (one, other))
    wanted = jensenshannon(*counts, base=2)
    assert similarity.column_distance(one, other, 6) == pytest.approx(wanted)


def test_nearest_rows_are_those_of_all_distances_written_out(monkeypatch):
    from mirctl_impute.criteria import nearest

    monkeypatch.setattr(nearest, "BLOCK_DISTANCES", 1_000)
    monkeypatch.setattr(nearest, "SPREAD_OUT", 2)
    real, other = holed(rows(150, 0)), holed(rows(90, 1))
    table = table_of(real, KINDS)
    space = Space.learn(table, real)
    found = space.nearest(space.points(other), space.points(real), 3)
    places = []
    for values in (other, real):
        ranks = []
        for j in (0, 1):
            known = np.sort(real[~np.isnan(real[:, j]), j])
            steps = len(known) // 10
            knots = [known[(len(known) - 1) * i // (steps - 1)] for i in range(steps)]
            ranks.append(np.interp(values[:, j], knots, np.arange(steps) / (steps - 1)))
        places.append(np.stack(ranks, axis=1))
    for row in range(90):
        squares = np.zeros(150)
        for j in (0, 1):
            a, b = places[0][row, j], places[1][:, j]
            one = np.where(np.isnan(a) ^ np.isnan(b), 1 / 6, 0)
            squares += (np.nan_to_num(a, nan=0.5) - np.nan_to_num(b, nan=0.5)) ** 2 + one
        for j in (2, 3):
            a, b = np.nan_to_num(other[row, j], nan=-1), np.nan_to_num(real[:, j], nan=-1)
            squares += a != b
        np.testing.assert_allclose(found[row], np.sort(np.sqrt(squares / 4))[:3], atol=1e-6)


def test_the_rarest_categories_are_one_and_unknown_stays_unknown():
    codes = np.array([0, 1, 1, 2, 2, 2, 3, np.nan])
    order = features.by_frequency(codes, 4)
    assert order.tolist() == [2, 1, 0, 3]
    np.testing.assert_equal(
        features.lumped(codes, order, 3), [2, 1, 1, 0, 0, 0, 2, np.nan]
    )  # fmt: skip


def test_a_linear_model_reads_unknown_cells():
    values = np.array([[1.0, 0.0, 2, 0], [np.nan, 3.0, np.nan, 1], [5.0, 0.0, 0, 1]])
    table = table_of(rows(50, 0), KINDS)
    made = features.Features.learn(table, values, without=3).linear(values).toarray()
    assert made.shape == (3, 2 + 2 + 3)
    assert made[1].tolist()[:2] == [0, 1]
    assert made[1].tolist()[4:] == [0, 0, 0]
    assert made[0, :2].tolist() == [-1, 0]


def shuffled(values, seed=5):
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(column) for column in values.T], axis=1)


@pytest.fixture(scope="module")
def sets():
    real, holdout, fresh = (rows(600, seed) for seed in range(3))
    return table_of(real, KINDS), real, holdout, fresh


def test_a_fresh_sample_is_as_good_as_the_real_rows_and_gives_nothing_away(sets):
    table, real, holdout, fresh = sets
    found = judge(table, real, fresh, holdout, 3, ("ml", "similarity", "privacy"))
    assert found.warnings == []
    m = found.metrics
    assert m["ml_efficiency"]["value"] == pytest.approx(1, abs=0.05)
    assert m["detection"]["value"] == pytest.approx(0.5, abs=0.08)
    assert m["association"]["value"] < 0.1
    assert m["mia"]["low"] < 0.5 < m["mia"]["high"]
    assert m["copies"]["value"] == 0
    assert all({"value", "real", "n", "unit"} <= set(metric) for metric in m.values())


def test_shuffled_columns_are_alike_one_by_one_and_useless_together(sets):
    table, real, holdout, _ = sets
    found = judge(table, real, shuffled(real), holdout, 3, ("ml", "similarity", "privacy"))
    assert found.warnings == []
    m = found.metrics
    assert m["column_wd"]["value"] < 0.01
    assert m["association"]["value"] > 5 * m["association"]["real"]
    assert m["ml.boosting"]["value"] == pytest.approx(0.5, abs=0.1)
    assert m["detection"]["value"] > 0.7
    assert m["sdmetrics.trends"]["value"] < m["sdmetrics.trends"]["real"]


def test_a_copy_of_the_table_is_flagged(sets):
    table, real, holdout, _ = sets
    mixed = np.random.default_rng(0).permutation(real)
    found = judge(table, real, mixed, holdout, 3, ("privacy",))
    assert "it is a copy" in found.warnings[0]
    assert found.metrics["copies"]["value"] == 1
    assert found.metrics["mia"]["value"] > 0.99
    assert found.metrics["mia_density"]["value"] > 0.99


def test_a_few_copies_among_fresh_rows_are_flagged(sets):
    table, real, holdout, fresh = sets
    found = judge(table, real, np.concatenate([real[:30], fresh[30:]]), holdout, 3, ("privacy",))
    assert "5.0% of the table's rows are rows of the real table" in found.warnings[0]


def test_rows_between_real_rows_are_flagged_though_none_is_a_copy(sets):
    table, real, holdout, _ = sets
    rng = np.random.default_rng(0)
    space = Space.learn(table, real)
    points = space.points(real)
    order = np.stack([
        np.argsort(((points.axes - points.axes[i]) ** 2).sum(1).numpy())[1:6]
        for i in range(len(real))
    ])  # fmt: skip
    near = real[order[np.arange(600), rng.integers(5, size=600)]]
    made = real + rng.random((600, 1)) * (near - real)
    made[:, 2:] = real[:, 2:]
    found = judge(table, real, made, holdout, 3, ("privacy",))
    assert found.metrics["copies"]["value"] == 0
    assert "as SMOTE makes them" in found.warnings[0]


@pytest.mark.parametrize("kinds", [(0,), (0, 0), KINDS])
def test_real_rows_that_the_table_never_saw_are_no_further_than_those_it_did(kinds):
    """Over many draws of three samples of one kind, every measure of privacy is at chance."""
    found = {"mia": [], "mia_density": [], "dcr5": []}
    for seed in range(12):
        sample = [rows(400, 50 * seed + i)[:, : len(kinds)] for i in range(3)]
        real, holdout, fresh = sample
        metrics = judge(table_of(real, kinds), real, fresh, holdout, 0, ("privacy",)).metrics
        for name, values in found.items():
            values.append(metrics[name]["value"])
    for name, values in found.items():
        error = np.std(values) / np.sqrt(len(values))
        wanted = 1 if name == "dcr5" else 0.5
        assert abs(np.mean(values) - wanted) < 3 * error + (0.03 if name == "dcr5" else 0), name


def test_equal_quantiles_are_one_and_share_their_ranks():
    from mirctl_impute.criteria.nearest import scale

    knots, ranks = scale(np.repeat([0.0, 5.0, 9.0], [70, 20, 10]))
    assert knots.tolist() == [0, 5, 9]
    # ten quantiles, at 0, 1/9 ... 1: seven are 0, two are 5, one is 9
    np.testing.assert_allclose(ranks, [3 / 9, 7.5 / 9, 1])


def test_huge_and_tiny_numbers_are_judged_as_any(sets):
    table, real, holdout, fresh = sets
    units = np.array([1e200, 1e-200, 1, 1])
    big = table_of(real * units, KINDS)
    three = ("ml", "similarity", "privacy")
    one = judge(table, real, fresh, holdout, 3, three).metrics
    with np.errstate(over="raise", invalid="raise"):
        two = judge(big, real * units, fresh * units, holdout * units, 3, three).metrics
    for name in one:
        assert two[name]["value"] == pytest.approx(one[name]["value"], abs=0.02), name


def test_no_false_alarm_in_twenty_fresh_samples():
    alarms = 0
    for seed in range(20):
        real, holdout, fresh = (rows(300, 100 * seed + i) for i in range(3))
        found = judge(table_of(real, KINDS), real, fresh, holdout, 3, ("privacy",), seed)
        alarms += len(found.warnings)
    assert alarms <= 1


def test_a_table_without_holes_is_not_told_apart_by_that():
    real, fresh = holed(rows(1000, 0), 0.3), rows(1000, 1)
    found = similarity.detection(table_of(real, KINDS), real, fresh, paired=False, seed=0)
    assert found["value"] == pytest.approx(0.5, abs=0.06)


def test_rows_of_a_filled_table_are_scored_by_trees_that_never_saw_them_before_the_filling():
    real = rows(1000, 0)
    table = table_of(real, KINDS)
    same = similarity.detection(table, real, real.copy(), paired=True, seed=0)
    assert same["value"] == pytest.approx(0.5, abs=0.04)


def test_the_same_seed_gives_the_same_judgement(sets):
    table, real, _, fresh = sets
    one, two = (judge(table, real, fresh, None, 0, ("ml", "similarity"), seed=3) for _ in "ab")
    assert one.metrics == two.metrics
    assert one.metrics["ml.linear"]["unit"] == "R2"
    assert any("an edge" in note for note in one.notes)


@pytest.mark.parametrize(
    ("criterion", "change", "message"),
    [
        ("ml", lambda r, o, h: (r, o, np.where([0, 0, 0, 1], 1, h)), "the same in all of the hold"),
        ("ml", lambda r, o, h: (r, o[:5], h), "the table knows the target 'c3' in fewer than 20"),
        ("similarity", lambda r, o, h: (r, o[:5], h), "wants 20 rows"),
        ("privacy", lambda r, o, h: (r, o, None), "privacy wants --holdout"),
        ("privacy", lambda r, o, h: (r, o, h[:3]), "privacy wants 20 rows"),
    ],
)
def test_what_cannot_be_judged_is_refused(sets, criterion, change, message):
    table, real, holdout, fresh = sets
    with pytest.raises(DataError, match=message):
        judge(table, *change(real, fresh, holdout), 3, (criterion,))


def test_a_target_that_does_not_vary_in_the_table_teaches_nothing(sets):
    table, real, holdout, fresh = sets
    found = judge(table, real, np.where([0, 0, 0, 1], 1, fresh), holdout, 3, ("ml",))
    assert found.metrics["ml.boosting"]["value"] == 0.5
    assert "nothing can be learned" in found.warnings[0]


def test_a_missing_extra_is_named_with_what_to_install(sets, monkeypatch):
    from mirctl_impute.criteria import judging

    monkeypatch.setattr(judging, "find_spec", lambda name: None if name == "sdmetrics" else name)
    table, real, _, fresh = sets
    with pytest.raises(MissingError, match=r"\(sdmetrics\): pip install 'mirctl\[impute\]'"):
        judge(table, real, fresh, None, 3, ("ml",))


@pytest.mark.parametrize(("members", "auc", "certain"), [
    (500, 0.58, True), (50, 0.58, False), (950, 0.58, False), (50, 0.64, True),
])  # fmt: skip
def test_few_members_make_an_attack_less_certain(members, auc, certain):
    # the standard errors at chance are .018 of 500 and 500, .042 of 50 and 950
    attack = {"value": auc, "n": 1000, "members": members}
    assert privacy._certain(attack) == certain
