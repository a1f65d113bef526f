"""`impute compare` from the command line: one table of methods, whatever becomes of one of them."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from impute.conftest import SMALL, csv_text, holes, rows
from mirctl_impute.rivals import fill, ours

FAST = (*SMALL, "train.epoch_rows=512", "train.epochs=1")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(csv_text(rows(150), holes(150, 0.05)))
    return path


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder in which temporary folders are made: it must be empty in the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def left(folder):
    """What is still there, but for the folder that torch makes."""
    return [path.name for path in folder.iterdir() if not path.name.startswith("torchinductor")]


def compare(mirctl, table, *arguments):
    return mirctl("impute", "compare", table, *arguments)


def test_all_methods_beside_each_other(mirctl, table, temporary, tmp_path):
    picture = tmp_path / "plot.svg"
    ran = compare(
        mirctl, table, *FAST, "--seeds", "2", "--levels", "0.5", "--mechanism", "mcar,mar",
        "--draws", "19", "--plot", picture, "--json", "--require", "knn.nrmse<2",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert len(found["results"]) == 2 * 2 * 5
    metrics = found["metrics"]
    for method in ("mtabgen", "mean", "knn", "mice", "missforest"):
        entry = metrics[f"{method}.nrmse@mar-0.5"]
        assert entry["low"] <= entry["value"] <= entry["high"]
        assert entry["n"] == 2
    assert metrics["mice.nrmse"]["value"] < 0.6 * metrics["mean.nrmse"]["value"]
    assert "mtabgen.coverage" in metrics
    assert "knn.coverage" not in metrics
    by_hand = [r["values"]["wd"] for r in found["results"] if r["method"] == "mice"]
    assert metrics["mice.wd"]["value"] == pytest.approx(np.mean(by_hand))
    assert b"<svg" in picture.read_bytes()
    assert left(temporary) == []


def test_the_table_for_people(mirctl, table):
    ran = compare(mirctl, table, "--methods", "mean,knn,mice", "--levels", "0.3", "--seeds", "2")
    assert ran.code == 0, ran.err
    head, *lines = ran.out.splitlines()
    assert head.split() == ["holes,", "method", "nrmse", "accuracy", "wd", "js", "CPU", "s"]
    by_method = {line.split()[1]: line for line in lines[:3]}
    assert "±" in by_method["knn"]
    assert "*" in by_method["mice"] + by_method["knn"]
    assert "*" not in by_method["mean"]
    assert "6/6 mcar-0.3 seed 1 mice: nrmse" in ran.err


def test_the_same_seed_gives_the_same_measures(mirctl, table):
    ran = [
        compare(mirctl, table, *FAST, "--methods", "mtabgen,mice", "--seeds", "1", "--json")
        for _ in range(2)
    ]
    values = [[r["values"] for r in json.loads(one.out)["results"]] for one in ran]
    assert values[0] == values[1]


def test_our_model_is_measured_as_fit_fill_and_evaluate_measure_it(mirctl, table, tmp_path):
    ran = compare(mirctl, table, *FAST, "--methods", "mtabgen", "--seeds", "1", "--json")
    result = json.loads(ran.out)["results"][0]["details"]
    holed, model, kinds = (tmp_path / n for n in ("holes.csv", "model", "kinds.yaml"))
    kinds.write_text(mirctl("impute", "schema", table).out)
    assert mirctl("impute", "mask", table, "--level", "0.3", "--out", holed).code == 0
    options = ("--schema", kinds, "--seed", "0", "--out", model)
    assert mirctl("impute", "fit", holed, *FAST, *options).code == 0
    for way, name in ((["--point"], "point"), (["-m", "5"], "draws")):
        full = tmp_path / f"{name}.csv"
        mirctl("impute", "fill", model, holed, *way, "--out", full)
        options = ("--holes", holed, "--criteria", "filled", "--json")
        measured = mirctl("impute", "evaluate", table, full, *options)
        for metric, found in json.loads(measured.out)["metrics"].items():
            assert result[name][metric] == pytest.approx(found["value"], rel=1e-6), metric


def test_constraints_hold_in_what_our_model_fills(mirctl, tmp_path, monkeypatch):
    """y is never below x; the model that is compared keeps to it as `fill` does."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 20, 120)
    lines = [f"{a},{a + b}" for a, b in zip(x, rng.integers(0, 20, 120), strict=True)]
    table, kinds = tmp_path / "t.csv", tmp_path / "kinds.yaml"
    table.write_text("\n".join(["x,y", *lines]))
    kinds.write_text("constraints: ['x <= y']")
    seen = []
    real = ours.fill

    def noted(imputer, values, *rest):
        seen.append((values, real(imputer, values, *rest)))
        return seen[-1][1]

    monkeypatch.setattr(ours, "fill", noted)
    options = ("--schema", kinds, "--methods", "mtabgen,mean", "--seeds", "1", "--levels", "0.5")
    ran = compare(mirctl, table, *FAST, *options)
    assert ran.code == 0, ran.err
    [(values, filling)] = seen
    for filled in (filling.point, *filling.draws):
        assert (filled[:, 0] <= filled[:, 1]).all()
    assert np.isnan(values).any()


def test_a_method_that_fails_says_why_and_the_rest_goes_on(mirctl, table, monkeypatch):
    def broken(*_):
        raise ValueError("too tired\nto go on")

    monkeypatch.setitem(fill.METHODS, "knn", fill.Method(broken))
    ran = compare(mirctl, table, "--methods", "mean,knn", "--seeds", "2")
    assert ran.code == 0, ran.err
    assert "mcar-0.3 seed 0 knn: failed: ValueError: too tired" in ran.err
    assert "knn failed 2 times: ValueError: too tired" in ran.out
    ran = compare(mirctl, table, "--methods", "mean,knn", "--seeds", "1", "--json")
    found = json.loads(ran.out)
    assert found["results"][1]["error"] == "ValueError: too tired"
    assert not any(key.startswith("knn") for key in found["metrics"])
    monkeypatch.setitem(fill.METHODS, "knn", fill.Method(lambda t, v, *_: fill.Filling(v)))
    ran = compare(mirctl, table, "--methods", "mean,knn", "--seeds", "1")
    assert "cells empty" in ran.out
    ran = compare(mirctl, table, "--methods", "knn", "--seeds", "1", "--require", "knn.wd<1")
    assert ran.code == 1
    assert "no method came through" in ran.err


def test_a_missing_package_is_named_before_any_work(mirctl, table, monkeypatch):
    real = importlib.util.find_spec
    gone = ("sklearn", "miceforest", "matplotlib")
    monkeypatch.setattr(
        "mirctl_impute.rivals.needs.find_spec", lambda n: None if n in gone else real(n)
    )
    monkeypatch.setattr(
        "mirctl_impute.criteria.judging.find_spec", lambda n: None if n in gone else real(n)
    )
    for options, told in (
        (["--methods", "mean,knn"], "pip install 'mirctl[impute]'"),
        (["--task", "generate", "--methods", "copy"], "pip install 'mirctl[impute]'"),
        (["--methods", "miceforest"], "pip install miceforest lightgbm==4.5.0"),
        (["--methods", "mean", "--plot", "x.svg"], "--plot needs matplotlib"),
    ):
        ran = compare(mirctl, table, *options)
        assert (ran.code, told in ran.err) == (5, True), ran.err
    ran = compare(mirctl, table, *FAST, "--methods", "mtabgen,mean", "--seeds", "1")
    assert ran.code == 0, ran.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--methods", "mtabgn"], "did you mean 'mtabgen'?"),
        (["--mechanism", "mcr"], "did you mean 'mcar'?"),
        (["--mechanism", ""], "--mechanism '' names none: there are mcar, mar, mnar"),
        (["--methods", ","], "names none: there are mtabgen"),
        (["--levels", ""], "a share between 0 and 1"),
        (["--levels", "0.3,1"], "--levels '1': a share between 0 and 1"),
        (["--levels", "x"], "a share between 0 and 1"),
        (["--target", "size"], "--target is for --task generate"),
        (["--share", "0.5"], "--share is for --task generate"),
        (["--task", "generate", "--levels", "0.3"], "--levels is for --task fill"),
        (["train.epoch=3"], "did you mean 'epochs'?"),
        (["--require", "mean.nrms<1", "--methods", "mean"], "did you mean 'mean.nrmse'?"),
        (["--plot", "x.pdf"], "write a .svg or .png"),
        (["--device", "gpu"], "use auto, cpu, cuda"),
    ],
)
def test_wrong_usage_is_refused_before_any_work(mirctl, table, options, told):
    ran = compare(mirctl, table, *options)
    assert (ran.code, told in ran.err, ran.out) == (2, True, ""), ran.err
    assert "seed 0" not in ran.err


@pytest.mark.parametrize(
    ("text", "options", "code", "told"),
    [
        ("a,b\n1,x\n2,y\n5,x\n", [], 3, "has 3 rows"),
        ("a,b\n" + "7,x\n" * 30, [], 3, "no column that can be learned"),
        ("a\n" + "".join(f"{n * 7 % 31}\n" for n in range(30)), ["--mechanism", "mar"], 2,
         "only one can be learned: choose mcar or mnar"),
        ("a,b\n" + "".join(f"{n * 7 % 31},{n % 2}\n" for n in range(30)),
         ["--levels", "0.0001"], 1, "hides no cell"),
        ("a,b\n1,x\n2\n", [], 3, "row 2"),
    ],
)  # fmt: skip
def test_tables_that_say_nothing_are_refused(mirctl, tmp_path, text, options, code, told):
    path = tmp_path / "t.csv"
    path.write_text(text)
    ran = compare(mirctl, path, "--methods", "mean", *options)
    assert (ran.code, told in ran.err) == (code, True), ran.err


def test_tables_of_other_formats_and_without_a_header(mirctl, table, tmp_path):
    text = table.read_text()
    bare = tmp_path / "bare.csv"
    bare.write_text(text.partition("\n")[2])
    parquet = tmp_path / "t.parquet"
    assert mirctl("impute", "mask", table, "--level", "0", "--out", parquet).code == 0
    names = text.partition("\n")[0]
    reached = []
    for path, options in ((table, []), (bare, ["--names", names]), (parquet, [])):
        ran = compare(mirctl, path, *options, "--methods", "mean,mice", "--seeds", "1", "--json")
        assert ran.code == 0, ran.err
        reached.append([r["values"] for r in json.loads(ran.out)["results"]])
    assert reached[0] == reached[1]
    assert reached[0] == reached[2]


def test_columns_that_lose_all_their_cells_are_left_out(mirctl, tmp_path):
    """At 90 % some column of a short table is empty: it is not measured, the others are."""
    path = tmp_path / "t.csv"
    lines = [f"{n * 7 % 31},{n % 5},{'yes' if n == 3 else ''}" for n in range(40)]
    path.write_text("\n".join(["a,b,rare", *lines]))
    ran = compare(mirctl, path, "--methods", "mean,mice,knn", "--levels", "0.9", "--seeds", "4")
    assert ran.code == 0, ran.err
    assert "failed" not in ran.err


def test_makers_of_rows_beside_each_other(mirctl, tmp_path, temporary):
    path = tmp_path / "t.csv"
    path.write_text(csv_text(rows(250), holes(250, 0.05)))
    ran = compare(
        mirctl, path, *FAST, "--task", "generate", "--methods",
        "mtabgen,tabddpm,smote,shuffle,copy",
        "--target", "heavy", "--seeds", "1", "--require", "smote.column_wd<0.5", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    value = {key: metric["value"] for key, metric in found["metrics"].items()}
    assert value["copy.copies"] == 1
    assert value["shuffle.correlation"] > 3 * value["smote.correlation"]
    assert value["smote.ml_efficiency"] > 0.9 > value["shuffle.ml_efficiency"]
    assert value["real.ml_efficiency"] == 1
    assert {"mtabgen.mia", "tabddpm.mia"} <= set(value)
    by_method = {r["method"]: r for r in found["results"]}
    assert any("copy" in text for text in by_method["copy"]["details"]["warnings"])
    assert left(temporary) == []


@pytest.mark.parametrize(("share", "made"), [((), 200), (("--share", "0.4"), 100)])
def test_makers_learn_a_share_and_make_as_many_rows(mirctl, tmp_path, share, made):
    path = tmp_path / "t.csv"
    path.write_text(csv_text(rows(250)))
    options = ("--task", "generate", "--methods", "copy", "--seeds", "1", "--json", *share)
    (result,) = json.loads(compare(mirctl, path, *options).out)["results"]
    assert result["details"]["metrics"]["copies"]["n"] == made


def test_the_table_of_makers_for_people(mirctl, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(csv_text(rows(250)))
    options = ("--task", "generate", "--methods", "shuffle,copy", "--seeds", "1")
    ran = compare(mirctl, path, *options)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].split()[:3] == ["method", "ml_efficiency", "column_wd"]
    assert [line.split()[0] for line in lines[1:4]] == ["shuffle", "copy", "real"]
    assert "copy: " in ran.out
    assert "--target is 'made', the last column" in ran.err


@pytest.mark.parametrize(
    ("count", "target", "code", "told"),
    [
        (60, "heavy", 3, "cannot be split"),
        (200, "heavi", 2, "did you mean 'heavy'?"),
        (200, "note", 2, "'note' is of kind text, which is not modelled"),
        (200, "colour", 3, "colour"),
    ],
)
def test_tables_that_cannot_be_judged_are_refused(mirctl, tmp_path, count, target, code, told):
    data = rows(count)
    if target == "colour":
        data["colour"] = ["red"] * (count - 1) + ["blue"]
    path = tmp_path / "t.csv"
    path.write_text(csv_text(data))
    options = ("--task", "generate", "--methods", "copy", "--seeds", "1", "--target", target)
    ran = compare(mirctl, path, *options)
    assert (ran.code, told in ran.err) == (code, True), ran.err
    assert "1/1" not in ran.err


def test_ablations_are_the_model_with_another_setting(mirctl, table):
    options = ("--methods", "mtabgen", "--ablate", "--seeds", "1", "--draws", "1")
    ran = compare(mirctl, table, *FAST, *options, "--json")
    assert ran.code == 0, ran.err
    results = json.loads(ran.out)["results"]
    names = [result["method"] for result in results]
    assert names == ["mtabgen", *ours.ABLATIONS]
    assert len({str(result["values"]) for result in results}) == 4
    ran = compare(mirctl, table, *FAST, "--methods", "mean,mtabgen-masking", "--seeds", "1")
    assert "mtabgen-masking: mtabgen with train.hidden=0.5" in ran.out


def test_an_interrupted_comparison_leaves_nothing(table, temporary):
    command = [sys.executable, "-m", "mirctl", "impute", "compare", str(table)]
    settings = [*SMALL, "train.epochs=500", "--methods", "mean,mtabgen"]
    with subprocess.Popen(
        [*command, *settings], stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if list(Path(temporary).glob("*/*.partial")):
                break
            time.sleep(0.05)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()
    assert process.returncode == 130, told
    assert "none is kept" in told
    assert left(temporary) == []


def test_results_are_kept_and_gone_on_with(mirctl, table, tmp_path, monkeypatch):
    options = ("--levels", "0.3", "--seeds", "2", "--json")
    whole = compare(mirctl, table, "--methods", "mean,knn,mice", *options)
    out = tmp_path / "results.jsonl"
    calls = []

    def stopped(*arguments):
        calls.append(1)
        raise KeyboardInterrupt if len(calls) == 2 else ValueError("not yet")

    with monkeypatch.context() as patch:
        patch.setitem(fill.METHODS, "knn", fill.Method(stopped))
        ran = compare(mirctl, table, "--methods", "mean,knn,mice", *options, "--out", out)
    assert ran.code == 130
    assert f"stopped after 4 results; they are in {out}" in ran.err
    assert len(out.read_text().splitlines()) == 1 + 4
    ran = compare(mirctl, table, "--methods", "mean,knn,mice", *options, "--out", out)
    assert (ran.code, "--resume goes on with it" in ran.err) == (2, True), ran.err
    ran = compare(mirctl, table, "--methods", "mean,knn,mice", *options, "--out", out, "--resume")
    assert ran.code == 0, ran.err
    assert "mean" not in ran.err
    assert "2/6 mcar-0.3 seed 0 knn" in ran.err
    results = [
        [(r["case"], r["seed"], r["method"], r["values"]) for r in json.loads(one.out)["results"]]
        for one in (whole, ran)
    ]
    assert results[0] == results[1]
    told = compare(
        mirctl, table, "--methods", "mean", *options, "--out", out, "--resume", "--draws", 7
    )
    assert (told.code, "draws changed since it was begun" in told.err) == (2, True)
    out.write_text("x")
    told = compare(mirctl, table, "--methods", "mean", *options, "--out", out, "--resume")
    assert (told.code, "is no file of results" in told.err) == (3, True)
    assert compare(mirctl, table, "--resume").code == 2
