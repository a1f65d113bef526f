"""Each measure against its formula in plain Python, on random paths."""

import random

import pytest

from gaze.scanpaths import slow
from gaze.scanpaths.paths import SCREEN, drawn, measured

GRID, MS, RADIUS = (12, 8), 50, 150.0


@pytest.fixture(params=range(12))
def pair(request):
    """Two paths; some on a coarse raster, where places recur and costs tie."""
    rng = random.Random(request.param)
    step = 160 if request.param % 3 == 2 else 0.01
    return drawn(rng, rng.randrange(3, 14), step), drawn(rng, rng.randrange(3, 14), step)


def numbers(pair, name, **settings):
    found, why = measured(*pair, metrics=[name], **settings)
    assert "cannot" not in why
    return pytest.approx(list(found.values()), rel=1e-12, abs=1e-12, nan_ok=True)


def test_multimatch(pair):
    assert slow.multimatch(*pair, SCREEN) == numbers(pair, "multimatch")


@pytest.mark.parametrize("limits", [(45, 150, 100), (45, 300, 500), (120, 900, 1000)])
def test_multimatch_of_simplified_paths(pair, limits):
    from mirctl_gaze.scanpaths.simplifying import Simplification

    found = numbers(pair, "multimatch", simpler=Simplification(*limits))
    assert slow.multimatch(*pair, SCREEN, limits) == found


def test_dtw(pair):
    assert [slow.dtw(*pair)] == numbers(pair, "dtw")


def test_eyenalysis(pair):
    assert [slow.eyenalysis(*pair)] == numbers(pair, "eyenalysis")


def test_tde(pair):
    assert slow.tde(*pair) == numbers(pair, "tde")


def test_recurrence(pair):
    assert slow.recurrence(*pair, RADIUS) == numbers(pair, "recurrence", radius=RADIUS)


def test_the_published_recurrence(pair):
    found = numbers(pair, "recurrence", radius=RADIUS, compat=True)
    assert slow.published_recurrence(*pair, RADIUS) == found


def test_scanmatch(pair):
    a, b = (slow.letters(path, SCREEN, GRID, MS) for path in pair)
    assert [slow.scanmatch(a, b)] == numbers(pair, "scanmatch")


def test_levenshtein(pair):
    a, b = (slow.letters(path, SCREEN, GRID, MS) for path in pair)
    edits = slow.levenshtein(a, b)
    assert [edits, 1 - edits / max(len(a), len(b))] == numbers(pair, "levenshtein")


def test_ss(pair):
    a, b = (slow.letters(path, SCREEN, GRID) for path in pair)
    assert [slow.ss(a, b)] == numbers(pair, "ss")
