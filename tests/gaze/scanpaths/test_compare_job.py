"""`gaze/compare` as a step: the same table as from the command line."""

import pytest

RECIPE = """
steps:
  all: {uses: gaze/compare, a: gaze.csv, screen: 1280x720}
  some: {uses: gaze/compare, matrix: gaze.csv, metrics: [dtw, ss], screen: 1280x720, grid: 4x4}
"""


@pytest.fixture
def gaze(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{r},page,{100 * i},{50 * i + 9 * r},{200 + i}" for r in (1, 2, 3) for i in range(5)]
    (tmp_path / "gaze.csv").write_text("\n".join(["reader,trial,x,y,duration", *rows]))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def test_a_step_makes_the_table_of_the_command(mirctl, gaze):
    ran = mirctl("run", "recipe.yaml", "--out", "made")
    assert ran.code == 0, ran.err
    tables = {path.parent.name + path.name: path.read_text() for path in gaze.glob("made/**/*.csv")}
    every = mirctl("gaze", "compare", "gaze.csv", "--screen", "1280x720").out
    some = mirctl("gaze", "compare", "--matrix", "gaze.csv", "--metrics", "dtw,ss", "--screen",
                  "1280x720", "--grid", "4x4").out  # fmt: skip
    assert {every, some} <= set(tables.values())


def test_a_wrong_measure_is_told_before_anything_is_read(mirctl, gaze):
    (gaze / "one.yaml").write_text("uses: gaze/compare\na: gaze.csv\nmetrics: [dtv]\n")
    for line in (["recipe", "check", "one.yaml"], ["run", "one.yaml", "--out", "pairs.csv"]):
        ran = mirctl(*line)
        assert ran.code == 2, ran.err
        assert "did you mean 'dtw'?" in ran.err
    assert not (gaze / "pairs.csv").exists()


def test_a_step_is_gated_by_a_mean(mirctl, gaze):
    (gaze / "one.yaml").write_text("uses: gaze/compare\na: gaze.csv\nmetrics: [dtw]\n")
    ran = mirctl("run", "one.yaml", "--out", "pairs.csv", "--require", "dtw<1")
    assert ran.code == 1, ran.err
    assert "--require dtw<1: dtw is" in ran.err
