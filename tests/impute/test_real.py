"""The real tables, through the real command line."""

import csv
import io
import json

import pytest

pytestmark = pytest.mark.real
ADULT = (
    "age,workclass,fnlwgt,education,education_num,marital,occupation,relationship,race,sex,gain,"
    "loss,hours,country,income"
)
WIDTHS = {"abalone": 9, "german": 21, "horse-colic": 28, "auto_imports": 26}
QUICK = ("model.width=32", "train.epochs=2", "train.epoch_rows=8192")
MISSING = ("", "?")


@pytest.fixture
def tabular(real_data):
    return real_data / "tabular"


def cells(text):
    return [row for row in csv.reader(io.StringIO(text)) if row]


def done(ran):
    assert ran.code == 0, ran.err
    return ran


@pytest.mark.parametrize("name", WIDTHS)
def test_tables_are_learned_with_their_holes_and_filled(mirctl, tabular, tmp_path, name):
    table, model = tabular / f"{name}.csv", tmp_path / "model"
    names = ",".join(f"c{i}" for i in range(1, WIDTHS[name] + 1))
    done(mirctl("impute", "fit", table, "--names", names, "--out", model, *QUICK))
    before = cells(table.read_text())
    for way in ("--point", "--quiet"):
        after = cells(done(mirctl("impute", "fill", model, table, way)).out)
        assert len(after) == len(before)
        for old, new in zip(before, after, strict=True):
            assert not set(MISSING) & {cell.strip() for cell in new}
            assert all(o == n or o.strip() in MISSING for o, n in zip(old, new, strict=True))
    made = cells(done(mirctl("impute", "sample", model, "-n", "50")).out)
    assert len(made) == 50  # as the table, without a header
    assert {len(row) for row in made} == {WIDTHS[name]}


def test_the_pipeline_on_adult(mirctl, tabular, tmp_path, monkeypatch):
    lines = (tabular / "adult-train.csv").read_text().splitlines(keepends=True)
    real, holes, full = (tmp_path / name for name in ("real.csv", "holes.csv", "full.csv"))
    real.write_text("".join(lines[:3000]))
    names = ("--names", ADULT)
    settings = ("train.epochs=8", "train.epoch_rows=8192")
    done(mirctl("impute", "fit", real, *names, "--out", tmp_path / "model", *settings))
    done(mirctl("impute", "mask", real, *names, "--level", "0.3", "--out", holes))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(holes.read_bytes())))
    full.write_text(done(mirctl("impute", "fill", tmp_path / "model", "-", "--point")).out)
    ran = done(
        mirctl(
            "impute", "evaluate", real, full, "--holes", holes, *names, "--json",
            "--require", "nrmse<0.98", "--require", "accuracy>0.62",
        )
    )  # fmt: skip
    assert json.loads(ran.out)["metrics"]["accuracy"]["n"] > 5000
    rich = done(
        mirctl(
            "impute", "sample", tmp_path / "model", "-n", "40", "--given", "income=>50K,age=30..40"
        )
    ).out
    for row in csv.DictReader(io.StringIO(rich), ADULT.split(",")):
        assert row["income"] == " >50K"
        assert 30 <= int(row["age"]) <= 40
