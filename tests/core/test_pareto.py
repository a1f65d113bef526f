"""The picture of quality against time."""

import pytest

from mirctl import pareto
from mirctl.pareto import Point

POINTS = [(3.0, 0.2), (1.0, 0.1), (2.0, 0.05), (2.5, 0.2), (4.0, 0.3), (9.0, 0.3)]


def test_the_front_is_what_nothing_beats():
    assert pareto.front(POINTS) == [(1.0, 0.1), (2.5, 0.2), (4.0, 0.3)]


def test_where_less_is_better_the_front_falls():
    assert pareto.front(POINTS, less=True) == [(1.0, 0.1), (2.0, 0.05)]


@pytest.mark.parametrize(
    "points",
    [
        [Point("a", 0.2, 1.0, 0.1, 0.3, 5e8), Point("b", 0.3, 2.0, 0.2, 0.4, 1e9, stopped=True)],
        [Point("only a line", 0.2, None)],
        [Point("_hidden", -0.2, 1.0), Point("$x^$ \\alpha", 0.3, 1.0)],
    ],
)
def test_the_same_figures_make_the_same_pictures(tmp_path, points):
    pytest.importorskip("matplotlib")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for folder in ("a", "b"):
        pareto.draw(tmp_path / folder, points, "quality")
    for name in pareto.PICTURES:
        drawn = (tmp_path / "a" / name).read_bytes()
        assert drawn == (tmp_path / "b" / name).read_bytes()
