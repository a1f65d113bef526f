"""The real scanpaths of two viewers of a film, through the command line."""

import csv
import json
import random

import pytest
from PIL import Image

from gaze.scanpaths import slow

pytestmark = pytest.mark.real
SCREEN = ("--screen", "1280x720")


@pytest.fixture
def scanpaths(real_data):
    return real_data / "scanpaths"


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def fixations(path):
    lines = path.read_text().splitlines()[1:]
    return [(x, y, 1000 * s) for x, y, s in (map(float, line.split("\t")) for line in lines)]


@pytest.fixture
def film(mirctl, scanpaths, tmp_path):
    """All of them in one table."""
    files = sorted(scanpaths.glob("*.tsv"))
    ran = mirctl("gaze", "import", "--from", "multimatch", *files, "--out", tmp_path / "film")
    assert ran.code == 0, ran.err
    return tmp_path / "film" / "fixations.csv"


@pytest.mark.parametrize("limits", [None, (45, 150, 50)])
def test_every_two_can_be_compared_and_some_agree_with_the_formula(
    mirctl, scanpaths, tmp_path, limits
):
    out = tmp_path / "pairs.csv"
    simplify = ["--simplify", ",".join(map(str, limits))] if limits else []
    ran = mirctl("gaze", "compare", "--matrix", scanpaths, *SCREEN, "--metrics", "multimatch,dtw",
                 *simplify, "--out", out)  # fmt: skip
    assert ran.code == 0, ran.err
    found = rows(out)
    assert len(found) == 5995
    assert not any(row["reasons"] for row in found)
    for row in random.Random(0).sample(found, 12):
        a, b = (fixations(scanpaths / f"{row[name]}.tsv") for name in ("trial_a", "trial_b"))
        wanted = [*slow.multimatch(a, b, (1280, 720), limits), slow.dtw(a, b)]
        numbers = [float(row[n]) for n in row if n.startswith("multimatch") or n == "dtw"]
        assert numbers == pytest.approx(wanted, rel=1e-12)


def test_a_scanpath_is_equal_to_itself(mirctl, scanpaths):
    path = scanpaths / "segment_9_sub-01.tsv"
    ran = mirctl("gaze", "compare", path, path, *SCREEN, "--json")
    found = {name: entry["value"] for name, entry in json.loads(ran.out)["metrics"].items()}
    for name, value in found.items():
        if name.startswith("multimatch") or name in ("scanmatch", "levenshtein_similarity", "ss"):
            assert value == 1, name
        elif name in ("dtw", "levenshtein", "eyenalysis") or name.startswith("tde"):
            assert value == 0, name
    assert found["recurrence"] >= 100 / len(fixations(path)), "the main diagonal is full"
    assert found["corm"] == 0


def test_viewers_of_one_segment_are_more_alike_than_of_different_ones(mirctl, film):
    ways = {"same": [film], "any": ["--matrix", film]}
    found = {}
    for name, way in ways.items():
        ran = mirctl("gaze", "compare", *way, *SCREEN, "--json", "--metrics",
                     "multimatch,dtw,scanmatch,eyenalysis,recurrence,ss")  # fmt: skip
        found[name] = json.loads(ran.out)
    assert [found[name]["pairs"] for name in ways] == [55, 5995]
    same, other = (found[name]["metrics"] for name in ways)
    for name in ("multimatch_position", "scanmatch", "recurrence", "determinism", "ss"):
        assert same[name]["value"] > other[name]["value"], name
    for name in ("dtw", "eyenalysis"):
        assert same[name]["value"] < other[name]["value"], name


@pytest.mark.parametrize("kind", ["path", "map"])
def test_a_segment_is_drawn(mirctl, film, tmp_path, kind):
    out = tmp_path / "picture.png"
    reader = ["--reader", "sub-01"] if kind == "path" else []
    ran = mirctl("gaze", "plot", film, "--trial", "segment_9", "--kind", kind, *reader, *SCREEN,
                 "--out", out)  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    with Image.open(out) as picture:
        assert picture.width > 1000
