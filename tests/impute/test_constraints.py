"""Constraints from the command line: in rows that are made, and in rows that are filled."""

import csv
import io
import json
import shutil

import numpy as np
import pytest
import yaml

from damage import seal
from impute.conftest import SMALL
from mirctl_impute import saving
from mirctl_impute.imputer import Imputer

FAST = (*SMALL, "train.epoch_rows=1024", "train.epochs=1")
CONSTRAINTS = ["low <= high", "start < end", "20 <= low <= 50", "`net<gross` >= 0.5"]
NAMES = ("low", "high", "start", "end", "net<gross", "kind")


def rows(count, seed=0):
    rng = np.random.default_rng(seed)
    low = rng.integers(10, 60, count)
    start = np.datetime64("2020-01-01") + rng.integers(0, 400, count)
    columns = (
        low, low + rng.integers(0, 9, count), start, start + rng.integers(1, 30, count),
        [f"{x:.2f}" for x in rng.random(count) * 3], rng.choice(["a", "b", "c"], count),
    )  # fmt: skip
    return [[*map(str, row)] for row in zip(*columns, strict=True)]


def write(path, cells):
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([NAMES, *cells])
    return path


def holed(cells, share=0.4, seed=1):
    holes = np.random.default_rng(seed).random((len(cells), len(NAMES))) < share
    return [
        ["" if h else x for x, h in zip(*pair, strict=True)]
        for pair in zip(cells, holes, strict=True)
    ]


def wrong(row):
    """The constraints, in the order above, that a row breaks."""
    low, high, net = int(row["low"]), int(row["high"]), float(row["net<gross"])
    held = (low <= high, row["start"] < row["end"], 20 <= low <= 50, net >= 0.5)
    return [text for text, holds in zip(CONSTRAINTS, held, strict=True) if not holds]


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    path = tmp_path_factory.mktemp("schema") / "kinds.yaml"
    path.write_text(yaml.safe_dump({"constraints": CONSTRAINTS}))
    return path


@pytest.fixture(scope="module")
def ordered(tmp_path_factory, schema):
    """A model that hardly learned its 300 rows, so that its draws often break the constraints."""
    from mirctl import cli

    folder = tmp_path_factory.mktemp("ordered")
    table = write(folder / "t.csv", rows(300))
    arguments = ["impute", "fit", str(table), *FAST, "--schema", str(schema), "--out"]
    assert cli.run_command([*arguments, str(folder / "model"), "--quiet"]) == 0
    return folder / "model"


def free(ordered, tmp_path):
    """The same model without its constraints, as one that is older has none."""
    copy = shutil.copytree(ordered, tmp_path / "free")
    content = json.loads((copy / saving.TABLE).read_text())
    assert content.pop("constraints") == CONSTRAINTS
    (copy / saving.TABLE).write_text(json.dumps(content))
    seal(copy)
    return copy


def test_every_row_that_is_made_keeps_them(mirctl, ordered, tmp_path):
    ran = mirctl("impute", "sample", ordered, "-n", "150", "--steps", "4")
    assert ran.code == 0, ran.err
    made = read(ran.out)
    assert not any(map(wrong, made))
    assert len({row["low"] for row in made}) > 15
    plain = read(
        mirctl("impute", "sample", free(ordered, tmp_path), "-n", "150", "--steps", "4").out
    )
    assert sum(bool(wrong(row)) for row in plain) > 50
    kept = [row for row in plain if not wrong(row)]
    assert all(row in made for row in kept)


def test_a_range_that_is_given_holds_beside_them(mirctl, ordered):
    given = ("--given", "high=24..25,kind=b")
    for guidance in ("0", "2"):
        ran = mirctl(
            "impute", "sample", ordered, "-n", "30", "--steps", "4", *given, "--guidance", guidance
        )
        made = read(ran.out)
        assert {row["kind"] for row in made} == {"b"}
        assert {row["high"] for row in made} <= {"24", "25"}
        assert not any(map(wrong, made))


@pytest.mark.parametrize("given", ["low=15", "low=..19", "high=..15", "low=40,high=30"])
def test_what_is_given_against_them_is_refused(mirctl, ordered, given):
    ran = mirctl("impute", "sample", ordered, "--given", given)
    assert ran.code == 2
    assert "no such row keeps the constraints of the model (low <= high, " in ran.err


@pytest.mark.parametrize("options", [(), ("--point",), ("-m", "2")])
def test_filled_rows_keep_them_where_observed_cells_allow(mirctl, ordered, tmp_path, options):
    whole = [row for row in rows(300, seed=3) if not wrong(dict(zip(NAMES, row, strict=True)))]
    before = read(write(tmp_path / "h.csv", holed(whole)).read_text())
    ran = mirctl("impute", "fill", ordered, tmp_path / "h.csv", "--steps", "4", *options)
    assert ran.code == 0, ran.err
    after = read(ran.out)
    for new, old in zip(after, before * (2 if "-m" in options else 1), strict=True):
        assert not wrong(new)
        assert all(new[name] == cell for name, cell in old.items() if cell)
        assert all(new.values())
    assert "constraints are broken" not in ran.err


def test_rows_whose_observed_cells_leave_no_way_are_filled_and_counted(mirctl, ordered, tmp_path):
    lines = ["90,,2020-01-05,,1.00,a", "30,40,2020-01-09,2020-01-02,,a", "30,20,2020-01-02,,1.00,"]
    path = tmp_path / "h.csv"
    path.write_text("\n".join([",".join(NAMES), *lines, ""]))
    for option in ("--point", "--seed=3"):
        ran = mirctl("impute", "fill", ordered, path, option)
        after = read(ran.out)
        assert "constraints are broken by observed cells in 1 filled row" in ran.err
        assert all(all(row.values()) for row in after)
        assert wrong(after[0]) == ["low <= high", "20 <= low <= 50"]
        assert wrong(after[1]) == ["start < end"]
        assert wrong(after[2]) == ["low <= high"]


def test_fit_and_fill_in_one_go_keeps_them(mirctl, tmp_path, schema):
    path = write(tmp_path / "h.csv", holed(rows(200)))
    ran = mirctl("impute", "fill", path, "--fit", *FAST, "--schema", schema, "--steps", "4")
    assert ran.code == 0, ran.err
    after = read(ran.out)
    open_ended = [
        row for row, old in zip(after, read(path.read_text()), strict=True) if not old["low"]
    ]
    assert all(20 <= int(row["low"]) <= 50 for row in open_ended if int(row["high"]) >= 20)


def test_blocks_and_other_rows_do_not_change_what_keeps_them(
    ordered, tmp_path, monkeypatch, mirctl
):
    path = write(tmp_path / "h.csv", holed(rows(100, seed=4)))
    fill = ("impute", "fill", ordered, path, "--steps", "3")
    sample = ("impute", "sample", ordered, "-n", "90", "--steps", "3")
    whole = [mirctl(*command).out for command in (fill, sample)]
    monkeypatch.setattr(Imputer, "block_rows", 7)
    parts = [mirctl(*command).out for command in (fill, sample)]
    alike = [one == other for pair in zip(whole, parts, strict=True)
             for one, other in zip(*map(str.splitlines, pair), strict=True)]  # fmt: skip
    assert np.mean(alike) > 0.97  # but for rounding


def test_a_table_without_the_column_between_keeps_the_others(mirctl, tmp_path, ordered):
    path = tmp_path / "h.csv"
    path.write_text("low,start,kind\n" + "45,2020-05-05,\n,2020-05-05,a\n" * 5)
    ran = mirctl("impute", "fill", ordered, path, "--steps", "3")
    assert ran.code == 0, ran.err
    assert all(20 <= int(row["low"]) <= 50 for row in read(ran.out))


def test_rows_of_the_table_that_break_them_are_counted(mirctl, tmp_path, schema):
    cells = [["30", "40", "2020-01-01", "2020-01-02", "1.00", "a"], *rows(60)]
    cells = [row for row in cells if not wrong(dict(zip(NAMES, row, strict=True)))]
    cells[7][:2] = "45", "44"
    cells[9][4] = "0.25"
    table = write(tmp_path / "t.csv", cells)
    ran = mirctl("impute", "fit", table, *FAST, "--schema", schema, "--out", tmp_path / "m")
    assert "constraints are broken in 2 rows of the table itself, first in row 8" in ran.err


def test_a_bad_constraint_is_told_with_its_file_and_leaves_nothing(mirctl, tmp_path):
    table, out = write(tmp_path / "t.csv", rows(60)), tmp_path / "m"
    path = tmp_path / "kinds.yaml"
    for text, message in (
        ("lo < high", "did you mean 'low'"),
        ("low < kind", "of kind category"),
        ("low > 1000", "leaves no value"),
    ):
        path.write_text(yaml.safe_dump({"constraints": [text]}))
        ran = mirctl("impute", "fit", table, *FAST, "--schema", path, "--out", out)
        assert (ran.code, out.exists()) == (2, False), ran.err
        assert f"{path}: constraint {text!r}" in ran.err
        assert message in ran.err


def test_the_schema_shows_where_they_go(mirctl, tmp_path):
    table = write(tmp_path / "t.csv", rows(60))
    shown = mirctl("impute", "schema", table).out
    assert yaml.safe_load(shown)["constraints"] == []
    assert "constraints: [a <= b" in shown


def test_stored_constraints_are_checked(mirctl, ordered, tmp_path):
    copy = shutil.copytree(ordered, tmp_path / "copy")
    content = json.loads((copy / saving.TABLE).read_text())
    for bad in (["low < nothing"], ["low < high", "high < low"], [1], "low < high"):
        (copy / saving.TABLE).write_text(json.dumps({**content, "constraints": bad}))
        seal(copy)
        assert mirctl("impute", "sample", copy, "-n", "1").code == 4
