"""The real tables, through the real command line."""

import csv
import io
import json
import random

import numpy as np
import pytest
import torch

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


def test_what_adult_tables_are_worth_and_give_away(tabular):
    """A fresh sample and shuffled columns leak nothing; a copy and rows between rows do."""
    from mirctl.tables import open_stream
    from mirctl_impute import evaluating, schema
    from mirctl_impute.criteria import judge

    stream = open_stream(tabular / "adult-train.csv", ADULT.split(","))
    table, rows = evaluating.learn_real(stream, schema.Schema())
    rng = np.random.default_rng(0)
    real, holdout, fresh = rng.permutation(rows)[:15_000].reshape(3, 5_000, -1)
    shuffled = np.stack([rng.permutation(column) for column in real.T], axis=1)
    target, all_three = len(table.columns) - 1, ("ml", "similarity", "privacy")
    found = {
        name: judge(table, real, made, holdout, target, all_three)
        for name, made in (
            ("fresh", fresh), ("shuffled", shuffled), ("copy", rng.permutation(real)),
            ("between", between(table, real, rng)),
        )
    }  # fmt: skip
    assert found["fresh"].warnings == found["shuffled"].warnings == []
    assert "it is a copy" in found["copy"].warnings[0]
    assert "as SMOTE makes them" in found["between"].warnings[0]
    value = {name: {k: m["value"] for k, m in j.metrics.items()} for name, j in found.items()}
    assert value["fresh"]["ml_efficiency"] > 0.97
    assert value["fresh"]["detection"] < 0.55
    assert value["shuffled"]["ml_efficiency"] < 0.7
    assert value["shuffled"]["detection"] > 0.9
    # What SMOTE is: useful, alike, and no copy; only the attacks tell.
    assert value["between"]["ml_efficiency"] > 0.94
    assert value["between"]["copies"] < 0.01
    assert value["between"]["mia"] > 0.65


def between(table, real, rng, k=5):
    """SMOTE's way: each row some way towards one of its nearest neighbours."""
    from mirctl_impute.criteria.nearest import Space

    points = Space.learn(table, real).points(real).axes
    near = torch.cdist(points, points).topk(k + 1, largest=False).indices[:, 1:].numpy()
    other = real[near[np.arange(len(real)), rng.integers(k, size=len(real))]]
    share = rng.random((len(real), 1))
    made = np.where(share < 0.5, real, other)
    for i, column in enumerate(table.columns):
        if not column.categories:
            moved = real[:, i] + share[:, 0] * (other[:, i] - real[:, i])
            made[:, i] = column.on_grid(moved)
    return made


@pytest.mark.parametrize("name", WIDTHS)
def test_every_table_is_judged(mirctl, tabular, tmp_path, name):
    names = ",".join(f"c{i}" for i in range(1, WIDTHS[name] + 1))
    lines = [line for line in (tabular / f"{name}.csv").read_text().splitlines() if line.strip()]
    random.Random(0).shuffle(lines)
    third = len(lines) // 3
    for place, part in enumerate(("real", "holdout", "made")):
        text = "\n".join(lines[place * third : (place + 1) * third])
        (tmp_path / f"{part}.csv").write_text(text)
    ran = done(
        mirctl(
            "impute", "evaluate", tmp_path / "real.csv", tmp_path / "made.csv", "--names", names,
            "--holdout", tmp_path / "holdout.csv", "--report", tmp_path / "page.html", "--json",
        )
    )  # fmt: skip
    found = json.loads(ran.out)
    assert not [warning for warning in found["warnings"] if "real rows tell next" not in warning]
    assert found["metrics"]["detection"]["value"] < 0.75
    assert (tmp_path / "page.html").read_text().endswith("</html>\n")
