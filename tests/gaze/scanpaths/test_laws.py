"""What holds for all paths: equality, symmetry, bounds, and that nothing raises."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaze.scanpaths.paths import SCREEN, drawn, measured
from mirctl_gaze.scanpaths import multimatch
from mirctl_gaze.scanpaths.simplifying import Simplification

FIVE = ("shape", "direction", "length", "position", "duration")
PERFECT = {
    **{f"multimatch_{name}": 1 for name in FIVE},
    "dtw": 0, "scanmatch": 1, "levenshtein": 0, "levenshtein_similarity": 1, "eyenalysis": 0,
    "tde_mean": 0, "tde_hausdorff": 0, "tde_mean_back": 0, "tde_hausdorff_back": 0, "ss": 1,
}  # fmt: skip
ONE_SIDED = {"tde_mean": "tde_mean_back", "tde_hausdorff": "tde_hausdorff_back"}

places = st.one_of(
    st.floats(-100, 1400), st.integers(0, 5).map(lambda i: 100.0 * i), st.just(640.0)
)
fixations = st.lists(
    st.tuples(places, places, st.sampled_from([0.0, 20.0, 50.0, 333.0])), max_size=12
)


@given(
    fixations, st.sampled_from([None, Simplification(45, 150, 50), Simplification(180, 1e4, 1e4)])
)
@settings(deadline=None, max_examples=60)
def test_a_path_is_equal_to_itself(path, simpler):
    found, why = measured(path, path, simpler=simpler)
    for name, best in PERFECT.items():
        if len(path) >= (3 if "multimatch" in name else 2 if "tde" in name else 1):
            assert found[name] == pytest.approx(best, abs=1e-12), name
        else:
            assert math.isnan(found[name])
            assert name.partition("_")[0] in why


@given(fixations, fixations, st.booleans())
@settings(deadline=None, max_examples=60)
def test_any_two_paths_can_be_compared(a, b, compat):
    found, why = measured(a, b, compat=compat)
    for name, value in found.items():
        if math.isnan(value):
            assert why
        elif name in PERFECT and PERFECT[name] == 1 and name != "multimatch_position":
            assert value <= 1 + 1e-12
        elif name == "corm":
            assert -100 <= value <= 100
        elif name in ("recurrence", "determinism", "laminarity"):
            assert 0 <= value <= 100 + 1e-9
    back, _ = measured(b, a, compat=compat)
    for name in ("dtw", "scanmatch", "levenshtein", "eyenalysis", "ss", *ONE_SIDED):
        there = found[name], back[ONE_SIDED.get(name, name)]
        assert there[0] == pytest.approx(there[1], nan_ok=True), name
    if not compat:
        for name in ("recurrence", "determinism", "laminarity"):
            assert found[name] == pytest.approx(back[name], nan_ok=True), name
        assert found["corm"] == pytest.approx(-back["corm"], nan_ok=True)


def test_the_main_diagonal_of_a_path_with_itself_is_full():
    path = [(100.0 * i, 50.0 * i, 200.0) for i in range(8)]
    found, why = measured(path, path, metrics=["recurrence"], radius=10.0)
    assert found == {"recurrence": 12.5, "determinism": 100, "laminarity": 0, "corm": 0}
    assert not why


@pytest.mark.parametrize("compat", [False, True])
def test_only_what_is_nearer_than_the_radius_recurs(compat):
    a, b = [(0, 0, 99), (500, 0, 99)], [(300, 0, 99), (3, 4, 99)]
    for radius, recurs in ((5.0, False), (5.001, True)):
        found, _ = measured(a, b, metrics=["recurrence"], radius=radius, compat=compat)
        assert (found["recurrence"] > 0) == recurs


def test_the_published_recurrence_calls_equal_paths_without_revisits_unlike():
    path = [(100.0 * i, 50.0 * i, 200.0) for i in range(8)]
    found, _ = measured(path, path, metrics=["recurrence"], radius=10.0, compat=True)
    assert set(found.values()) == {0.0}


@pytest.mark.parametrize("simpler", [None, Simplification(45, 150, 500)])
@pytest.mark.parametrize(
    "path",
    [
        [(0.1 * i, 0.3 * i, 20.0) for i in range(9)],
        [(i * 1e-3 / 3, i * 1e-3 / 7, 20.0) for i in range(9)],
        [(5.0, 5.0, 20.0)] * 6,
        [(5.0, 5.0, 0.0)] * 3,
        [(0.0, 0.0, 9.0), (9.0, 0.0, 9.0), (0.0, 0.0, 9.0), (9.0, 0.0, 9.0)],
    ],
)
def test_straight_and_still_paths_have_all_five_dimensions(path, simpler):
    other = drawn(random.Random(1), 7)
    found, why = measured(path, other, metrics=["multimatch"], simpler=simpler)
    assert not why
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.parametrize("count", range(3))
def test_too_short_a_path_is_told_with_its_reason(count):
    found, why = measured(drawn(random.Random(0), count), drawn(random.Random(1), 5))
    assert math.isnan(found["multimatch_shape"])
    has = (
        "a has no fixations",
        "a has 1 fixation, 3 are needed",
        "a has 2 fixations, 3 are needed",
    )
    assert f"multimatch: {has[count]}" in why
    assert math.isnan(found["dtw"]) == (count == 0)


def test_five_dimensions_worked_by_hand():
    """Saccades right 100 and down 100 against right 200 and down 100, 50 px lower."""
    a = [(0, 0, 100), (100, 0, 100), (100, 100, 100)]
    b = [(0, 50, 50), (200, 50, 100), (200, 150, 100)]
    found, _ = measured(a, b, metrics=["multimatch"])
    diagonal = math.hypot(*SCREEN)
    assert found["multimatch_shape"] == pytest.approx(1 - 50 / (2 * diagonal))
    assert found["multimatch_direction"] == 1
    assert found["multimatch_length"] == pytest.approx(1 - 50 / diagonal)
    between = (50 + math.hypot(100, 50)) / 2
    assert found["multimatch_position"] == pytest.approx(1 - between / diagonal)
    assert found["multimatch_duration"] == pytest.approx(1 - (0.5 + 0) / 2)


def test_a_straight_saccade_in_two_hops_is_simplified_to_one():
    x, y = np.array([0.0, 50, 100, 100]), np.array([0.0, 0, 0, 300])
    short = np.array([200.0, 20, 200, 200])
    table = multimatch.saccades(x, y, short, Simplification(45, 0, 50))
    assert table[multimatch.ACROSS].tolist() == [100, 0]
    assert table[multimatch.DOWN].tolist() == [0, 300]
    assert table[multimatch.DURATION].tolist() == [200, 200]


@pytest.mark.parametrize(
    ("limits", "left"),
    [((90, 0, 50), 2), ((90.001, 0, 50), 1), ((0, 50, 50), 2), ((0, 50.001, 50), 1)],
)
def test_what_turns_or_goes_as_far_as_the_limit_is_left_alone(limits, left):
    x, y = np.array([0.0, 50, 50]), np.array([0.0, 0, 50])
    table = multimatch.saccades(x, y, np.full(3, 20.0), Simplification(*limits))
    assert table.shape == (7, left)


def test_fixations_recur_within_a_twentieth_of_the_diagonal():
    pair = [drawn(random.Random(seed), 30) for seed in (0, 1)]
    found, _ = measured(*pair, metrics=["recurrence"])
    assert found["recurrence"] > 0
    assert found == measured(*pair, metrics=["recurrence"], radius=math.hypot(*SCREEN) / 20)[0]


def test_paths_too_long_for_the_memory_say_so():
    path = [(float(i % 1000), 5.0, 50.0) for i in range(10_001)]
    found, why = measured(path, path, metrics=["dtw"])
    assert math.isnan(found["dtw"])
    assert why == "dtw: too long to compare: 10,001 by 10,001 steps"
