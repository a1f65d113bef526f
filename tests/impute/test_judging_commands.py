"""`impute evaluate` by ml, similarity and privacy, through the command line."""

import io
import json
import re

import numpy as np
import pytest

from impute.conftest import csv_text, holes, rows

COUNT = 300


@pytest.fixture
def tables(tmp_path):
    """Files of real, holdout and fresh rows."""
    for seed, name in enumerate(("real", "holdout", "made")):
        (tmp_path / f"{name}.csv").write_text(csv_text(rows(COUNT, seed)))
    return tmp_path


def evaluate(mirctl, folder, *options, made="made.csv"):
    made = made if made == "-" else folder / made
    return mirctl("impute", "evaluate", folder / "real.csv", made, *options)


def test_all_that_applies_is_measured_and_gates(mirctl, tables):
    ran = evaluate(
        mirctl, tables, "--holdout", tables / "holdout.csv", "--target", "heavy", "--json",
        "--require", "detection<=0.7", "--require", "ml_efficiency>0.9", "--require", "mia<0.6",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["warnings"] == []
    assert {"ml.boosting", "column_js", "sdmetrics.shapes", "dcr5", "copies"} <= set(
        found["metrics"]
    )
    assert "the target is 'heavy'" in ran.err


def test_people_get_a_table_and_the_warnings(mirctl, tables):
    ran = evaluate(
        mirctl, tables, "--holdout", tables / "holdout.csv", "--criteria", "privacy",
        made="real.csv",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[0].split() == ["metric", "value", "real", "95", "%", "interval",
                                               "of"]  # fmt: skip
    assert "warning: 100.0% of the table's rows are rows of the real table" in ran.out


def test_what_does_not_apply_is_said(mirctl, tables):
    ran = evaluate(mirctl, tables)
    assert ran.code == 0, ran.err
    assert "privacy is not measured: it wants --holdout" in ran.err
    assert "the target is 'made'" in ran.err
    assert "an edge: give --holdout" in ran.err
    assert "mia" not in ran.out


def test_a_criterion_that_cannot_be_measured_is_left_out_unless_it_is_asked_for(mirctl, tables):
    text = (tables / "made.csv").read_text()
    (tables / "made.csv").write_text(text.replace(",yes,", ",,").replace(",no,", ",,"))
    ran = evaluate(mirctl, tables, "--target", "heavy")
    assert ran.code == 0, ran.err
    assert "ml is not measured: the table knows the target 'heavy' in fewer than 20" in ran.err
    assert "column 'heavy' of the table is empty" in ran.out
    asked = evaluate(mirctl, tables, "--target", "heavy", "--criteria", "ml")
    assert (asked.code, "fewer than 20 rows" in asked.err) == (3, True)


def test_a_table_of_which_nothing_can_be_measured_is_refused(mirctl, tables):
    (tables / "made.csv").write_text(csv_text(rows(8, 2)))
    ran = evaluate(mirctl, tables)
    assert ran.code == 3
    assert "nothing can be measured: the table knows the target" in ran.err
    assert "similarity wants 20 rows of each table" in ran.err


def test_draws_of_filled_rows_are_measured_cell_by_cell_and_the_first_by_the_rest(
    mirctl, tables, monkeypatch
):
    data, mask = rows(COUNT, 0), holes(COUNT, 0.3)
    (tables / "holes.csv").write_text(csv_text(data, mask))
    lines = csv_text(data).splitlines()
    drawn = ["draw," + lines[0], *(f"{d},{line}" for d in (1, 2) for line in lines[1:])]
    stdin = io.TextIOWrapper(io.BytesIO("\n".join(drawn).encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    ran = evaluate(mirctl, tables, "--holes", tables / "holes.csv", "--json", made="-")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)["metrics"]
    assert (found["nrmse"]["value"], found["column_wd"]["value"]) == (0, 0)
    assert found["detection"]["value"] == pytest.approx(0.5, abs=0.1)
    assert "of 2 draws the first is judged" in ran.err
    assert "are left out of both tables, to test with" in ran.err
    assert "privacy is not measured: filled rows are the real ones" in ran.err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--target", "sise"), 2, "did you mean 'size'"),
        (("--target", "note"), 2, "'note' is of kind text, which is not modelled"),
        (("--criteria", "privat"), 2, "did you mean 'privacy'"),
        (("--criteria", ","), 2, "names none"),
        (("--criteria", "privacy"), 2, "wants --holdout"),
        (("--criteria", "filled"), 2, "wants --holes"),
        (("--require", "detektion<1"), 2, "did you mean 'detection'"),
        (("--require", "mia<1"), 2, "mia is of the criterion privacy"),
        (("--holdout", "{}/empty.csv"), 3, "empty.csv: has no rows"),
        (("--holdout", "{}/narrow.csv"), 3, "narrow.csv: has no column 'weight'"),
        (("--holdout", "{}/same.csv", "--target", "heavy", "--criteria", "ml"), 3,
         "'heavy' is the same in all of the holdout"),
        (("--report", "{}/real.csv"), 2, "exists already"),
        (("--report", "-"), 2, "--report wants a file"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(mirctl, tables, options, code, message):
    header, first = csv_text(rows(30)).splitlines()[:2]
    (tables / "empty.csv").write_text(header + "\n")
    (tables / "narrow.csv").write_text("size\n1\n2\n")
    (tables / "same.csv").write_text("\n".join([header, *[first] * 30]) + "\n")
    ran = evaluate(mirctl, tables, *(str(o).format(tables) for o in options))
    assert (ran.code, message in ran.err) == (code, True), ran.err


def test_two_tables_from_stdin_are_refused(mirctl, tables):
    ran = evaluate(mirctl, tables, "--holdout", "-", made="-")
    assert (ran.code, "cannot both come from stdin" in ran.err) == (2, True)


def test_without_the_extra_filled_cells_are_measured_and_the_rest_is_exit_5(
    mirctl, tables, monkeypatch
):
    from mirctl_impute.criteria import judging

    monkeypatch.setattr(judging, "find_spec", lambda name: None)
    data, mask = rows(COUNT, 0), holes(COUNT, 0.3)
    (tables / "holes.csv").write_text(csv_text(data, mask))
    filled = ("--holes", tables / "holes.csv")
    ran = evaluate(mirctl, tables, *filled, "--criteria", "filled", made="real.csv")
    assert ran.code == 0, ran.err
    ran = evaluate(mirctl, tables, *filled, made="real.csv")
    assert (ran.code, "pip install 'mirctl[impute]'" in ran.err) == (5, True), ran.err


def test_a_category_that_the_real_table_lacks_is_said_to_be_unknown(mirctl, tables):
    made = (tables / "made.csv").read_text().replace("red", "pink")
    (tables / "made.csv").write_text(made)
    ran = evaluate(mirctl, tables, "--criteria", "similarity")
    assert re.search(r"made.csv: \d+ cells hold categories that the real table does", ran.err)


def test_the_report_stands_alone_and_escapes_every_name(mirctl, tables):
    for name in ("real", "holdout", "made"):
        text = (tables / f"{name}.csv").read_text().replace("weight", "<b>$w&$</b>", 1)
        (tables / f"{name}.csv").write_text(text.replace("red", "<i>red\u202e\x1b"))
    page = tables / "page.html"
    options = ("--holdout", tables / "holdout.csv", "--report", page)
    assert evaluate(mirctl, tables, *options).code == 0
    text = page.read_text()
    assert "<b>$w" not in text
    assert "<i>" not in text.replace("<i>real</i>", "")
    assert "&lt;b&gt;$w&amp;$&lt;/b&gt;" in text
    assert "<script" not in text
    assert not {"\u202e", "\x1b"} & {*text}
    assert not re.search(r'(src|href)="(?!#|data:)', text)
    assert "prefers-color-scheme" in text
    assert text.count("<svg ") == 5 + 3 + 1
    assert "No attack told" in text
    assert evaluate(mirctl, tables, *options).code == 2
    assert evaluate(mirctl, tables, *options, "--force").code == 0
    assert page.read_text() == text


def test_the_report_shows_filled_cells(mirctl, tables):
    data = rows(COUNT, 0)
    (tables / "holes.csv").write_text(csv_text(data, holes(COUNT, 0.3)))
    data["weight"] = [str(float(w) + np.sin(i)) for i, w in enumerate(data["weight"])]
    page = tables / "page.html"
    ran = evaluate(
        mirctl, tables, "--holes", tables / "holes.csv", "--report", page, "--criteria", "filled",
        made="real.csv",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "Filled cells" in page.read_text()
