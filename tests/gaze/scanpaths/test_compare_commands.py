"""`gaze compare` through the command line: who is compared, what comes out, what is refused."""

import csv
import io
import json
import statistics

import pyarrow.parquet
import pytest

from gaze.scanpaths import slow
from shell import pipe

PATHS = {
    ("ann", "page"): [(100, 100, 200), (400, 120, 150), (420, 300, 250), (90, 310, 80)],
    ("bob", "page"): [(110, 95, 180), (390, 130, 90), (400, 310, 300)],
    ("cid", "page"): [(600, 600, 100), (20, 20, 100)],
    ("ann", "other"): [(10, 10, 100), (20, 20, 100), (700, 20, 100)],
}
SIZE = ("--screen", "1280x720")
FIVE = tuple(f"multimatch_{n}" for n in ("shape", "direction", "length", "position", "duration"))


def table(paths, columns=("reader", "trial", "x", "y", "duration")):
    lines = [",".join(columns)]
    for (reader, trial), fixations in paths.items():
        for x, y, duration in fixations:
            row = {"reader": reader, "trial": trial, "x": x, "y": y, "duration": duration}
            lines.append(",".join(str(row[name]) for name in columns))
    return "\n".join(lines) + "\n"


@pytest.fixture
def gaze(tmp_path):
    (tmp_path / "gaze.csv").write_text(table(PATHS))
    return tmp_path / "gaze.csv"


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_readers_of_each_trial_are_compared(mirctl, gaze):
    ran = mirctl("gaze", "compare", gaze, *SIZE)
    assert ran.code == 0, ran.err
    found = rows(ran.out)
    assert [(r["reader_a"], r["reader_b"]) for r in found] == [
        ("ann", "bob"), ("ann", "cid"), ("bob", "cid"),
    ]  # fmt: skip
    assert {r["trial_a"] for r in found} | {r["trial_b"] for r in found} == {"page"}
    a, b = PATHS["ann", "page"], PATHS["bob", "page"]
    assert [float(found[0][n]) for n in FIVE] == pytest.approx(slow.multimatch(a, b, (1280, 720)))
    assert float(found[0]["dtw"]) == pytest.approx(slow.dtw(a, b), rel=1e-15)
    assert found[0]["reasons"] == ""


def test_what_is_not_defined_is_empty_and_says_why(mirctl, gaze):
    ran = mirctl("gaze", "compare", gaze, *SIZE, "--metrics", "multimatch,dtw")
    last = rows(ran.out)[-1]
    assert [last[name] for name in FIVE] == [""] * 5
    assert last["reasons"] == "multimatch: b has 2 fixations, 3 are needed"
    assert float(last["dtw"]) > 0
    assert "warning: multimatch: b has 2 fixations, 3 are needed (in 2 pairs)" in ran.err


def test_a_model_is_compared_with_every_reader_of_the_same_trial(mirctl, gaze, tmp_path):
    made = table(
        {("", "page"): [(1, 1, 0), (9, 9, 0)], ("", "new"): [(1, 1, 0)]}, ("trial", "x", "y")
    )
    (tmp_path / "model.csv").write_text(made)
    ran = mirctl("gaze", "compare", gaze, tmp_path / "model.csv", "--metrics", "dtw")
    assert ran.code == 0, ran.err
    found = [(r["reader_a"], r["reader_b"], r["trial_b"]) for r in rows(ran.out)]
    assert found == [(reader, "model", "page") for reader in ("ann", "bob", "cid")]
    assert "warning: 2 trials in one of the tables only: left out" in ran.err


def test_two_files_of_the_multimatch_tools_are_a_pair(mirctl, tmp_path):
    for name, key in (("a", "ann"), ("b", "bob")):
        lines = ["start_x\tstart_y\tduration"]
        lines += [f"{x}\t{y}\t{ms / 1000}" for x, y, ms in PATHS[key, "page"]]
        (tmp_path / f"{name}.tsv").write_text("\n".join(lines))
    files = tmp_path / "a.tsv", tmp_path / "b.tsv"
    ran = mirctl("gaze", "compare", *files, *SIZE, "--simplify", "45,150,200", "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["pairs"] == 1
    a, b = PATHS["ann", "page"], PATHS["bob", "page"]
    letters = [slow.letters(path, (1280, 720), (12, 8), 50) for path in (a, b)]
    assert found["metrics"]["levenshtein"]["value"] == slow.levenshtein(*letters)
    wanted = slow.multimatch(a, b, (1280, 720), (45, 150, 200))
    assert [found["metrics"][name]["value"] for name in FIVE] == pytest.approx(wanted)


def test_a_matrix_has_every_two_scanpaths_once(mirctl, gaze, tmp_path):
    folder = tmp_path / "all"
    folder.mkdir()
    for number, fixations in enumerate(PATHS.values()):
        text = table({("", ""): fixations}, ("x", "y", "duration"))
        (folder / f"path{number}.csv").write_text(text)
    (folder / "notes.txt").write_text("not a table")
    out = tmp_path / "matrix.parquet"
    ran = mirctl("gaze", "compare", "--matrix", folder, "--metrics", "dtw,tde", "--out", out)
    assert ran.code == 0, ran.err
    assert "6 pairs of 4 scanpaths" in ran.out
    found = pyarrow.parquet.read_table(out).to_pylist()
    assert [(r["trial_a"], r["trial_b"]) for r in found][:4] == [
        ("path0", "path1"), ("path0", "path2"), ("path0", "path3"), ("path1", "path2"),
    ]  # fmt: skip
    again = folder / "matrix.parquet"
    again.write_bytes(out.read_bytes())
    ran = mirctl(
        "gaze", "compare", "--matrix", folder, "--metrics", "dtw,tde", "--out", again, "--force"
    )
    assert ran.code == 0, "an older result is no scanpath"
    assert pyarrow.parquet.read_table(again).to_pylist() == found
    by_table = mirctl("gaze", "compare", "--matrix", gaze, "--metrics", "dtw,tde")
    assert [float(r["dtw"]) for r in rows(by_table.out)] == [r["dtw"] for r in found]


def test_the_document_sums_up(mirctl, gaze, tmp_path):
    out = tmp_path / "rows.jsonl"
    ran = mirctl("gaze", "compare", gaze, "--metrics", "dtw,multimatch", *SIZE, "--json", "-o", out)
    found = json.loads(ran.out)
    values = [json.loads(line) for line in out.read_text().splitlines()]
    numbers = [row["dtw"] for row in values]
    assert found["metrics"]["dtw"]["value"] == pytest.approx(sum(numbers) / 3)
    assert found["metrics"]["dtw"]["min"] == min(numbers)
    assert found["metrics"]["multimatch_shape"]["n"] == 1
    assert values[1]["multimatch_shape"] is None
    assert found["undefined"] == {"multimatch: b has 2 fixations, 3 are needed": 2}


def test_the_order_of_measures_is_that_of_the_wish_and_the_gate_holds(mirctl, gaze):
    ran = mirctl("gaze", "compare", gaze, "--metrics", "tde,dtw", "--require", "dtw<1")
    assert ran.code == 1
    assert list(rows(ran.out)[0])[6:8] == ["tde_mean", "tde_hausdorff"]
    assert "--require dtw<1: dtw is" in ran.err


def test_areas_stand_for_letters_where_a_column_names_them(mirctl, tmp_path):
    lines = ["reader,x,y,duration,area"]
    for reader, areas in (("ann", "face face text logo"), ("bob", "face text text")):
        lines += [f"{reader},1,1,50,{area}" for area in areas.split()]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    ran = mirctl("gaze", "compare", tmp_path / "a.csv", "--letters", "area", "--metrics",
                 "ss,levenshtein,scanmatch")  # fmt: skip
    assert ran.code == 0, ran.err
    found = rows(ran.out)[0]
    assert (found["ss"], found["scanmatch"], found["levenshtein"]) == ("0.5", "0.5", "2.0")


def test_fixations_outside_all_areas_share_a_letter(mirctl, tmp_path):
    rows_of = {"ann": ("face", ""), "bob": ("face", " NA ")}
    lines = [f"{reader},1,1,{area}" for reader, areas in rows_of.items() for area in areas]
    (tmp_path / "a.csv").write_text("\n".join(["reader,x,y,area", *lines]))
    ran = mirctl("gaze", "compare", tmp_path / "a.csv", "--letters", "area", "--metrics", "ss")
    assert rows(ran.out)[0]["ss"] == "1.0"


def test_rows_that_cannot_be_used_are_named(mirctl, tmp_path):
    (tmp_path / "a.csv").write_text(
        "reader,start,x,y,duration\na,0,1,1,9\na,9,.,1,9\na,8,2,2,-1\na,30,2,1e9,5\na,7,5,5,\n"
        "a,6,3,3,9\nb,0,1,1,9\n"
    )
    ran = mirctl("gaze", "compare", tmp_path / "a.csv", "--metrics", "dtw")
    assert ran.code == 0, ran.err
    assert rows(ran.out)[0]["fixations_a"] == "2"
    assert (
        "4 rows cannot be used: row 2 (no x or y), row 3 (a duration below 0), row 4 (x or y is "
        "over a million pixels), row 5 (no duration)"
    ) in ran.err
    told = json.loads(
        mirctl("gaze", "compare", tmp_path / "a.csv", "--metrics", "dtw", "--json").out
    )
    assert [one["row"] for one in told["unusable"]] == [2, 3, 4, 5]
    assert told["unusable"][0] == {
        "table": str(tmp_path / "a.csv"), "row": 2, "why": "no x or y",
    }  # fmt: skip


def test_fixations_off_the_screen_are_counted(mirctl, gaze):
    ran = mirctl("gaze", "compare", gaze, "--screen", "640x480", "--metrics", "ss")
    assert "warning: 2 fixations of 12 off the screen of 640x480" in ran.err


def test_an_empty_table_is_a_path_without_fixations(mirctl, gaze, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("x,y,duration\n")
    ran = mirctl("gaze", "compare", tmp_path / "a.csv", tmp_path / "b.csv", "--metrics", "dtw,tde")
    assert ran.code == 0, ran.err
    assert rows(ran.out)[0]["reasons"] == (
        "dtw: a has no fixations, b has no fixations; tde: a has no fixations, b has no fixations"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["--metrics", "dtw"], 2, "name tables A and B"),
        (["gaze.csv"], 2, "--screen WIDTHxHEIGHT is missing, which multimatch, scanmatch"),
        (["gaze.csv", "--metrics", "dtw,mutimatch"], 2, "did you mean 'multimatch'?"),
        (["gaze.csv", "--metrics", "dtw,dtw"], 2, "one is named twice"),
        (["gaze.csv", "--metrics", "dtw", "--screen", "wide"], 2, "--screen 'wide'"),
        (["gaze.csv", "--metrics", "dtw", "--grid", "0x8"], 2, "--grid '0x8'"),
        (["gaze.csv", "--metrics", "dtw", "--simplify", "45,nan,50"], 2, "--simplify '45,nan,50'"),
        (["gaze.csv", "--metrics", "dtw", "--bin", "-1"], 2, "--bin"),
        (["gaze.csv", "--metrics", "dtw", "--bin", "inf"], 2, "--bin inf: is no number of ms"),
        (["gaze.csv", "--metrics", "dtw", "--radius", "inf"], 2, "--radius inf: is no number of"),
        (["gaze.csv", "--metrics", "ss", "--letters", "aera"], 3, "has no column 'aera'"),
        (["gaze.csv", "--metrics", "dtw", "--json", "--out", "-"], 2, "--json prints its document"),
        (["gaze.csv", "--metrics", "dtw", "--out", "gaze.csv"], 2, "gaze.csv"),
        (["gaze.csv", "--metrics", "dtw", "--out", "a.png"], 2, "end its name in one of"),
        (["gaze.csv", "--matrix", "gaze.csv", "--metrics", "dtw"], 2, "leave 'gaze.csv' out"),
        (["-", "-", "--metrics", "dtw"], 2, "two tables cannot both come from stdin"),
        (["gaze.csv", "--metrics", "tde", "--require", "dtw<1"], 2, "there is no 'dtw'"),
        (["nothing.csv", "--metrics", "dtw"], 3, "no such file"),
        (["one.csv", "--metrics", "dtw"], 3, "no trial has two readers"),
        (["gaze.csv", "one.csv", "--metrics", "dtw"], 3, "has no trial of one.csv"),
        (["words.csv", "gaze.csv", "--metrics", "dtw"], 3, "has no column 'x'"),
        (["--matrix", "empty", "--metrics", "dtw"], 3, "holds no table"),
        (["--matrix", "one.csv", "--metrics", "dtw"], 3, "one scanpath only"),
    ],
)
def test_what_cannot_be_done_is_refused(mirctl, gaze, monkeypatch, arguments, code, why):
    monkeypatch.chdir(gaze.parent)
    (gaze.parent / "empty").mkdir()
    (gaze.parent / "one.csv").write_text("x,y\n1,2\n")
    (gaze.parent / "words.csv").write_text("word,text\n1,a\n")
    before = gaze.read_text()
    ran = mirctl("gaze", "compare", *arguments)
    assert ran.code == code, ran.err
    assert why in ran.err
    assert gaze.read_text() == before


def test_rows_go_through_a_pipe(tmp_path, gaze):
    line = "cat gaze.csv | mirctl gaze compare - --metrics dtw,eyenalysis --quiet | grep -c page"
    ran = pipe(line, tmp_path)
    assert (ran.codes, ran.out.strip(), ran.err) == ([0, 0, 0], "3", "")


def test_a_fixation_of_no_duration_is_a_fixation(mirctl, tmp_path):
    (tmp_path / "a.csv").write_text("reader,x,y,duration\na,1,1,0\na,5,5,9\nb,1,1,0\nb,5,5,9\n")
    ran = mirctl("gaze", "compare", tmp_path / "a.csv", "--metrics", "dtw,ss", *SIZE)
    assert [(r["fixations_a"], r["dtw"], r["ss"]) for r in rows(ran.out)] == [("2", "0.0", "1.0")]
    assert "cannot be used" not in ran.err


def test_mean_and_spread_are_those_of_all_rows(mirctl, tmp_path):
    lines = [f"{reader},{reader**2 % 37},{reader % 5}" for reader in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(["reader,x,y", *lines]))
    out = tmp_path / "pairs.csv"
    ran = mirctl("gaze", "compare", tmp_path / "a.csv", "--metrics", "dtw", "--json", "-o", out)
    told = json.loads(ran.out)["metrics"]["dtw"]
    numbers = [float(row["dtw"]) for row in rows(out.read_text())]
    assert told["n"] == len(numbers) == 780
    assert told["value"] == pytest.approx(statistics.fmean(numbers))
    assert told["sd"] == pytest.approx(statistics.stdev(numbers))
