"""With a compiler and without it the numbers are the same."""

import importlib
import itertools
import random
import sys

import numpy as np
import pytest

from gaze.scanpaths import slow
from gaze.scanpaths.paths import drawn
from mirctl_gaze.scanpaths import recurrence, warping

PACKAGE = "mirctl_gaze.scanpaths"


@pytest.fixture
def without_numba(monkeypatch):
    """A call gives the package as it is where numba is not installed."""
    before = {name: module for name, module in sys.modules.items() if name.startswith(PACKAGE)}

    def hide():
        for name in before:
            del sys.modules[name]
        monkeypatch.setitem(sys.modules, "numba", None)

    yield hide
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]
    sys.modules.update(before)


def numbers():
    """Whether there is a compiler, and all measures of some paths."""
    names = ("comparing", "metrics", "paths", "simplifying", "compiling")
    modules = [importlib.import_module(f"{PACKAGE}.{name}") for name in names]
    comparing, metrics, paths, simplifying, compiling = modules
    rng, some = random.Random(3), []
    for step in (0.01, 0.01, 80, 80, 80):
        x, y, duration = np.array(drawn(rng, rng.randrange(3, 30), step)).T
        some.append(paths.Scanpath("", "", np.stack([x, y]), duration))
    found = []
    for simpler in (None, simplifying.Simplification(45, 200, 300)):
        for compat in (False, True):
            settings = paths.Settings((1280, 720), simpler, radius=200.0, compat=compat)
            comparison = comparing.Comparison.of(some, list(metrics.METRICS), settings)
            found.append(comparison.measured([*itertools.product(range(5), repeat=2)]).values)
    return compiling.COMPILED, np.stack(found)


def test_a_machine_without_numba_gives_the_same_numbers(without_numba):
    pytest.importorskip("numba")
    fast = numbers()
    without_numba()
    plain = numbers()
    assert (fast[0], plain[0]) == (True, False)
    np.testing.assert_allclose(plain[1], fast[1], rtol=1e-13, atol=1e-13)


SIZES = [(1, 1), (1, 6), (6, 1), (5, 5), (7, 4), (3, 9)]


@pytest.fixture(params=SIZES)
def letters(request):
    rng = np.random.default_rng(request.param)
    a, b = (rng.integers(0, 3, (2, n)).astype(float) for n in request.param)
    return a, b


def test_loops_and_arrays_do_the_same(letters):
    cost = warping.squares_loops(*letters)
    assert np.array_equal(cost, warping.squares_arrays(*letters))
    assert np.array_equal(warping.warp_loops(cost), warping.warp_arrays(cost))
    assert warping.align_loops(*letters, 3.5) == warping.align_arrays(*letters, 3.5)
    assert warping.edits_loops(*letters) == warping.edits_arrays(*letters)
    same = cost < 2
    assert recurrence.counts_loops(same) == recurrence.counts_arrays(same)


def monotone(m, n):
    """All ways from (0, 0) to (m - 1, n - 1) by steps right, down, or both."""
    if m == n == 1:
        return [[(0, 0)]]
    shorter = [(m - 1, n), (m, n - 1), (m - 1, n - 1)]
    return [[*way, (m - 1, n - 1)] for i, j in shorter if i and j for way in monotone(i, j)]


def test_a_warping_is_the_cheapest_of_all():
    cost = np.random.default_rng(0).random((5, 4))
    least = min(sum(cost[cell] for cell in way) for way in monotone(5, 4))
    total = warping.warp(cost)
    assert total[0, 0] == pytest.approx(least)
    i, j = warping.steps(total)
    assert cost[i, j].sum() == pytest.approx(least)


def test_equal_costs_go_diagonally_at_once_then_to_the_next_row():
    def way(cost):
        return [*zip(*(side.tolist() for side in warping.steps(warping.warp(cost))))]

    assert way(np.zeros((3, 3))) == [(0, 0), (1, 1), (2, 2)]
    assert way(np.zeros((2, 4))) == [(0, 0), (1, 1), (1, 2), (1, 3)]
    assert way(np.array([[0.0, 0, 9], [0, 9, 0], [9, 0, 0]])) == [(0, 0), (1, 0), (2, 1), (2, 2)]


def test_words_that_everybody_knows():
    a, b = (np.array([[*map(ord, word)], [0] * len(word)], float) for word in ("kitten", "sitting"))
    assert warping.edits(a, b) == 3 == slow.levenshtein("kitten", "sitting")


def test_no_compiled_function_calls_one_of_another_file():
    """What is kept on disk would go on with the old code after a change of that file."""
    numba = pytest.importorskip("numba")
    for name in ("distances", "letters", "multimatch", "recurrence", "simplifying", "warping"):
        module = importlib.import_module(f"{PACKAGE}.{name}")
        for function in vars(module).values():
            if not isinstance(function, numba.core.dispatcher.Dispatcher):
                continue
            code = function.py_func
            for called in code.__code__.co_names:
                known = code.__globals__.get(called)
                if isinstance(known, numba.core.dispatcher.Dispatcher):
                    assert known.py_func.__module__ == code.__module__, (code, called)
