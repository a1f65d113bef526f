"""`gaze plot` through the command line: pictures are drawn, and what cannot be drawn is told."""

import json
import re
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from mirctl_gaze.plots.canvas import Canvas
from mirctl_gaze.plots.heat import density

WORDS = ["Eyes", "stop", "and", "jump", "שלום", "漢字"]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def gaze(tmp_path, monkeypatch):
    """Two readers of a page, its words, their measures, and a picture."""
    monkeypatch.chdir(tmp_path)
    boxes, fixations, measures = ["trial,word,text,x0,y0,x1,y1"], ["reader,trial,x,y,duration"], []
    for number, word in enumerate(WORDS):
        boxes.append(f"page,{number + 1},{word},{100 * number},50,{100 * number + 90},90")
    for reader in ("ann", "bob"):
        fixations += [f"{reader},page,{100 * n + 40},70,{100 + 30 * n}" for n in range(6)]
        measures += [f"{reader},page,{n + 1},{50 * n}" for n in range(5)]
    fixations.append("ann,other,5,5,100")
    (tmp_path / "words.csv").write_text("\n".join(boxes))
    (tmp_path / "gaze.csv").write_text("\n".join(fixations))
    (tmp_path / "measures.csv").write_text("\n".join(["reader,trial,word,TRT", *measures]))
    Image.new("RGB", (640, 160), (20, 60, 20)).save(tmp_path / "page.png")
    return tmp_path


def texts(path):
    return ["".join(node.itertext()) for node in ET.parse(path).iter(f"{SVG}text")]


def drawn(mirctl, *arguments):
    ran = mirctl("gaze", "plot", *arguments)
    assert ran.code == 0, ran.err
    return ran


def test_a_scanpath_has_its_fixations_numbered_over_the_words(mirctl, gaze):
    drawn(mirctl, "gaze.csv", "--trial", "page", "--reader", "ann", "--words", "words.csv",
          "--out", "a.svg")  # fmt: skip
    found = texts("a.svg")
    assert set(WORDS) <= set(found)
    assert [text for text in found if text in "123456"] == [*"123456"]
    assert {"50 ms", "200 ms"} <= set(found)
    assert "page  ·  ann  ·  6 fixations" in found


def test_the_same_gaze_makes_the_same_file(mirctl, gaze):
    for suffix in ("svg", "png"):
        files = [f"{name}.{suffix}" for name in "ab"]
        for name in files:
            drawn(mirctl, "gaze.csv", "--kind", "map", "--trial", "page", "--out", name)
        first, second = ((gaze / name).read_bytes() for name in files)
        assert first == second


def test_a_map_lies_over_the_picture_of_what_was_seen(mirctl, gaze):
    ran = drawn(mirctl, "gaze.csv", "--kind", "map", "--trial", "page", "--image", "page.png",
                "--out", "a.png", "--json")  # fmt: skip
    assert json.loads(ran.out) == {
        "picture": "a.png", "trial": "page", "readers": 2, "fixations": 12, "unseen": 0,
        "unusable": [],
    }  # fmt: skip
    with Image.open("a.png") as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    assert (pixels == (20, 60, 20)).all(axis=1).any()
    assert ((pixels[:, 0] > 150) & (pixels[:, 2] < 90)).any()


def test_words_are_coloured_by_the_mean_over_readers(mirctl, gaze):
    drawn(mirctl, "measures.csv", "--kind", "words", "--words", "words.csv", "--out", "a.svg")
    assert set(WORDS) <= set(texts("a.svg"))
    assert "TRT (ms)" in texts("a.svg")
    fills = re.findall(r"fill: (#[0-9a-f]{6}); stroke: #d7dce2", (gaze / "a.svg").read_text())
    assert fills[-6:][0] == "#ffffff"
    assert fills[-6:][5] == "#f3f4f6", "a word without a number is grey"
    assert len(set(fills[-6:])) == 6


def test_a_density_holds_all_the_time_that_was_looked():
    canvas = Canvas(0, 0, 1000, 500)
    points, lasting = np.array([[300.0, 700.0], [250.0, 250.0]]), np.array([100.0, 300.0])
    found = density(points, lasting, canvas, 40.0)
    cell = 1000 / found.shape[1]
    assert found.sum() * cell**2 / 100**2 == pytest.approx(400, rel=1e-6)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert (column * cell, row * cell) == pytest.approx((700, 250), abs=2 * cell)
    places = [(np.arange(size) + 0.5) * cell for size in found.shape]
    middle = [found.sum(axis=1 - axis) @ places[axis] / found.sum() for axis in (0, 1)]
    assert middle == pytest.approx([250, 600])


def test_letters_that_no_font_has_are_told_of_a_png(mirctl, gaze):
    ran = drawn(mirctl, "gaze.csv", "--trial", "page", "--reader", "bob", "--words", "words.csv",
                "--out", "a.png")  # fmt: skip
    told = "warning: no font here has 2 of the letters: install one, or write .svg"
    assert ran.err.strip() in ("", told)


def test_what_is_not_seen_is_counted(mirctl, gaze):
    ran = drawn(mirctl, "gaze.csv", "--trial", "page", "--reader", "ann", "--screen", "300x300",
                "--out", "a.png")  # fmt: skip
    assert "warning: 3 fixations of 6 off the screen: not seen" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["gaze.csv", "--out", "a.svg"], 2, "has 2 trials: choose one with --trial: page, other"),
        (["gaze.csv", "--trial", "page", "--out", "a.svg"], 2, "one with --reader: ann, bob"),
        (["gaze.csv", "--trial", "pgae", "--out", "a.svg"], 3, "did you mean 'page'?"),
        (["gaze.csv", "--trial", "page", "--reader", "eve", "--out", "a.svg"], 3, "reader 'eve'"),
        (["gaze.csv", "--out", "a.pdf"], 2, "end its name in .svg or .png"),
        (["gaze.csv", "--out", "page.png"], 2, "page.png"),
        (["gaze.csv", "--trial", "other", "--image", "gaze.csv", "--out", "a.svg"], 3, "no pic"),
        (["gaze.csv", "--trial", "other", "--image", "no.png", "--out", "a.svg"], 3, "no.png"),
        (["gaze.csv", "--trial", "other", "--words", "words.csv", "--out", "a.svg"], 3, "no w"),
        (["measures.csv", "--kind", "words", "--out", "a.svg"], 2, "--words FILE"),
        (["measures.csv", "--kind", "words", "--words", "words.csv", "--value", "TTR", "--out",
          "a.svg"], 3, "did you mean 'TRT'?"),
        (["measures.csv", "--kind", "words", "--words", "words.csv", "--reader", "eve", "--out",
          "a.svg"], 3, "has no reader 'eve'"),
        (["none.csv", "--out", "a.svg"], 3, "no fixations to draw"),
        (["gaze.csv", "--sigma", "9", "--out", "a.svg"], 2, "--kind map"),
        (["gaze.csv", "--kind", "map", "--sigma", "inf", "--out", "a.svg"], 2, "--sigma inf"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(mirctl, gaze, arguments, code, why):
    (gaze / "none.csv").write_text("x,y\n")
    ran = mirctl("gaze", "plot", *arguments)
    assert ran.code == code, ran.err
    assert why in ran.err
    assert not (gaze / "a.svg").exists()


def test_without_matplotlib_the_line_that_helps_is_told(mirctl, gaze, monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *a: None if name == "matplotlib" else real(name, *a),
    )
    ran = mirctl("gaze", "plot", "gaze.csv", "--out", "a.svg")
    assert ran.code == 5
    assert "pip install 'mirctl[gaze]'" in ran.err


def test_one_still_fixation_can_be_drawn(mirctl, gaze):
    for kind in ("path", "map"):
        drawn(mirctl, "gaze.csv", "--trial", "other", "--kind", kind, "--out", f"{kind}.svg")
    assert "matplotlib.pyplot" not in sys.modules


def test_names_of_any_letters_make_a_picture_that_can_be_read(mirctl, gaze):
    name = "<script>$x^2$ &&& ]]>&\x01\x1b[31m" + "x" * 30
    (gaze / "odd.csv").write_text("trial,x,y\n" + f"{name},5,5\n" * 2)
    drawn(mirctl, "odd.csv", "--out", "a.svg")
    seen = name.replace("\x01\x1b", "\ufffd\ufffd")
    assert f"{seen}  ·  odd  ·  2 fixations" in texts("a.svg")


def test_of_many_fixations_some_have_numbers(mirctl, gaze):
    (gaze / "many.csv").write_text("x,y\n" + "".join(f"{i % 97},{i % 89}\n" for i in range(1001)))
    drawn(mirctl, "many.csv", "--out", "a.svg")
    found = {text for text in texts("a.svg") if text.endswith("1")}
    assert {"1", "101", "1001"} <= found
    assert "11" not in found


@pytest.mark.parametrize("kind", ["path", "map"])
def test_very_many_fixations_make_no_larger_an_svg(mirctl, gaze, kind):
    rows = "".join(f"{i % 997},{i % 499}\n" for i in range(20_000))
    (gaze / "many.csv").write_text(f"x,y\n{rows}")
    drawn(mirctl, "many.csv", "--kind", kind, "--out", "a.svg")
    assert (gaze / "a.svg").stat().st_size < 2e6
    assert "many  ·  20,000 fixations" in texts("a.svg")


def test_a_map_of_a_strip_is_drawn(mirctl, gaze):
    for screen in ("1x5000", "5000x1"):
        drawn(mirctl, "gaze.csv", "--trial", "other", "--kind", "map", "--screen", screen,
              "--out", f"{screen}.png")  # fmt: skip


def test_a_map_is_no_mirror_image(mirctl, gaze):
    (gaze / "corner.csv").write_text("x,y\n100,50\n")
    drawn(mirctl, "corner.csv", "--kind", "map", "--screen", "1000x1000", "--out", "a.png")
    with Image.open("a.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)[:, :1100]
    red = np.argwhere((pixels[..., 0] > 150) & (pixels[..., 2] < 90))
    assert (red.mean(axis=0) < 250).all()
