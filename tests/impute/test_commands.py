"""Fitting from the command line: what it learns, keeps, refuses and resumes."""

import csv
import io
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from impute.conftest import KINDS, SMALL, csv_text, holes, rows
from mirctl_impute import saving


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(csv_text(rows(200), holes(200, 0.2)))
    return path


FAST = (*SMALL, "train.epoch_rows=512", "train.epochs=1")


def test_the_pipeline_of_the_readme(mirctl, tmp_path, monkeypatch):
    whole = tmp_path / "whole.csv"
    whole.write_text(csv_text(rows(300)))
    model = tmp_path / "model"
    ran = mirctl("impute", "fit", whole, "--out", model, *FAST, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["metrics"]["nrmse"]["n"] > 30
    holed = mirctl("impute", "mask", whole, "--level", "0.3", "--keep", "note").out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(holed.encode())))
    full = list(csv.DictReader(io.StringIO(mirctl("impute", "fill", model, "-").out)))
    assert all(all(row.values()) for row in full)


def test_what_is_not_there_is_told_as_it_was_given(mirctl, table, tmp_path):
    for given in ("no.csv",), (table, "--schema", "no.yaml"):
        ran = mirctl("impute", "fit", *given, "--out", tmp_path / "model")
        assert (ran.code, ran.err) == (3, f"error: {given[-1]}: no such file\n")


def test_the_artifact_is_whole_and_says_what_it_is(mirctl, learned):
    assert mirctl("artifact", "verify", learned).code == 0
    card = (learned / "README.md").read_text()
    assert "| colour | category |" in card
    shown = mirctl("artifact", "inspect", learned)
    assert "impute/table" in shown.out
    tree = json.loads((learned / "extra/table.json").read_text())
    assert tree["kinds"] == KINDS
    notes = rows(600)["note"]
    held = "".join(p.read_text() for p in learned.rglob("*") if p.suffix in (".json", ".md"))
    assert not any(note in held for note in notes)


def test_a_damaged_artifact_is_refused(mirctl, learned, tmp_path, holed):
    import shutil

    for name, content in (("extra/table.json", "[]"), ("extra/network.json", '{"width": 9}')):
        copy = tmp_path / name.replace("/", "-")
        shutil.copytree(learned, copy)
        manifest = json.loads((copy / "manifest.json").read_text())
        (copy / name).write_text(content)
        manifest["files"][name]["size"] = len(content)
        (copy / "manifest.json").write_text(json.dumps(manifest))
        ran = mirctl("impute", "fill", copy, holed)
        assert ran.code == 4, ran.err


def test_one_seed_gives_the_same_bytes(mirctl, table, tmp_path):
    for name in ("a", "b"):
        assert mirctl("impute", "fit", table, "--out", tmp_path / name, *FAST).code == 0
    for file in ("model.safetensors", "metrics.json", "extra/table.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_killed_fit_resumes_to_the_same_bytes(mirctl, table, tmp_path):
    settings = [*FAST, "train.epochs=30", "train.checkpoint_every=0"]
    whole, out = tmp_path / "whole", tmp_path / "stopped"
    assert mirctl("impute", "fit", table, "--out", whole, *settings).code == 0
    command = [sys.executable, "-m", "mirctl", "impute", "fit", str(table), *settings]
    with subprocess.Popen([*command, "--out", str(out)], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if (tmp_path / "stopped.partial" / "checkpoint.pt").is_file():
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    ran = mirctl("impute", "fit", table, "--out", out, *settings, "--resume")
    assert ran.code == 0, ran.err
    assert "going on from epoch" in ran.err
    for file in ("model.safetensors", "metrics.json", "extra/history.json"):
        assert (whole / file).read_bytes() == (out / file).read_bytes()


def test_fit_and_fill_in_one_go(mirctl, table, tmp_path):
    ran = mirctl("impute", "fill", table, "--fit", *FAST, "--point")
    assert ran.code == 0, ran.err
    full = list(csv.DictReader(io.StringIO(ran.out)))
    assert len(full) == 200
    assert all(row["weight"] and row["colour"] for row in full)


def test_a_table_without_a_header(mirctl, tmp_path):
    text = csv_text(rows(60)).partition("\n")[2]
    table, model = tmp_path / "t.csv", tmp_path / "model"
    table.write_text(text)
    names = ",".join(KINDS)
    assert mirctl("impute", "fit", table, "--names", names, "--out", model, *FAST).code == 0
    assert mirctl("impute", "fill", model, table).out == text
    made = mirctl("impute", "sample", model, "-n", "5").out
    assert len(made.splitlines()) == 5
    table.write_text(made)
    assert mirctl("impute", "fill", model, table).out == made
    for name in ("rows.tsv", "rows.jsonl", "rows.parquet"):
        whole, full = tmp_path / name, tmp_path / f"full-{name}"
        assert mirctl("impute", "sample", model, "-n", "5", "--out", whole).code == 0
        ran = mirctl("impute", "fill", model, whole, "--out", full)
        assert "filled 0 cells of 5 rows" in ran.err
    assert mirctl("impute", "fill", model, table, "--out", tmp_path / "full.tsv").code == 0
    assert len((tmp_path / "full.tsv").read_text().splitlines()) == 5
    table.write_text(text)
    shown = mirctl("impute", "schema", table, "--names", names, "--json")
    assert json.loads(shown.out)["columns"]["colour"] == "category"


def test_a_recipe_a_schema_and_missing_texts(mirctl, tmp_path):
    data = rows(80)
    data["weight"][3] = "-999"
    (tmp_path / "t.csv").write_text(csv_text(data))
    (tmp_path / "kinds.yaml").write_text("columns: {size: category}")
    (tmp_path / "own.yaml").write_text(
        "uses: impute/fit\ndata: {table: t.csv}\ntrain: {epochs: 1, epoch_rows: 512}\n"
        "model: {width: 8, heads: 1, encoder_layers: 1, decoder_layers: 1}\n"
    )
    model = tmp_path / "model"
    ran = mirctl(
        "impute", "fit", tmp_path / "t.csv", tmp_path / "own.yaml", "--schema",
        tmp_path / "kinds.yaml", "--missing", "-999", "--out", model,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    imputer = saving.load(model, "cpu")
    assert imputer.table.kinds["size"] == "category"
    weight = next(c for c in imputer.table.columns if c.name == "weight")
    assert weight.scale.knots[0] > -100
    again = mirctl("run", model / "recipe.yaml", "--out", tmp_path / "again")
    assert again.code == 0, again.err


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("a,b\n", 3, "no rows"),
        ("a,a\n1,2\n", 3, "more than one column 'a'"),
        ("a,b\n1,2\n3\n", 3, "row 2"),
        ("note\nit was me\nit was you\n" + "\n".join(f"it was {i}" for i in range(40)), 3,
         "no column that can be learned"),
        ("a,b\n" + "7,x\n" * 30, 3, "no column that can be learned"),
    ],
)  # fmt: skip
def test_bad_tables_are_refused_and_leave_nothing(mirctl, tmp_path, text, code, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    out = tmp_path / "model"
    ran = mirctl("impute", "fit", path, "--out", out, *FAST)
    assert (ran.code, out.exists()) == (code, False), ran.err
    assert message in ran.err
    assert not (tmp_path / "model.partial").exists()
    assert mirctl("impute", "fit", path, "--out", out, "--dry-run").code == code


@pytest.mark.parametrize(
    "text",
    [
        "a\n1\n2\n5\n",
        "a,b\n1,x\n",
        "a,b\n,x\n,y\n,x\n,z\n",
        "a,b\n" + "9007199254740993,x\n9007199254740999,y\n9007199254740997,x\n" * 10,
    ],
)
def test_odd_tables_are_learned(mirctl, tmp_path, text):
    path, model = tmp_path / "odd.csv", tmp_path / "model"
    path.write_text(text)
    ran = mirctl("impute", "fit", path, "--out", model, *FAST)
    assert ran.code == 0, ran.err
    assert mirctl("impute", "sample", model, "-n", "5").code == 0
    assert mirctl("impute", "fill", model, path).code == 0


def test_it_learns(mirctl, tmp_path):
    """Better than the mean and the mode where columns tell of each other, over three seeds."""
    for seed in range(3):
        table, model = tmp_path / f"{seed}.csv", tmp_path / f"model{seed}"
        table.write_text(csv_text(rows(500, seed), holes(500, 0.2, seed)))
        settings = [*SMALL, "train.epochs=12", "--seed", seed]
        ran = mirctl("impute", "fit", table, "--out", model, *settings, "--json")
        metrics = json.loads(ran.out)["metrics"]
        assert metrics["nrmse"]["high"] < 0.7
        assert metrics["accuracy"]["low"] > 0.6


def test_intervals_of_draws_cover(mirctl, learned, tmp_path):
    data, mask = rows(300, seed=11), holes(300, 0.3, 12)
    path = tmp_path / "t.csv"
    path.write_text(csv_text(data, mask))
    ran = mirctl("impute", "fill", learned, path, "-m", "20")
    drawn = np.array([float(r["weight"]) for r in csv.DictReader(io.StringIO(ran.out))])
    low, high = np.quantile(drawn.reshape(20, 300), [0.05, 0.95], axis=0)
    truth = np.array([float(w) for w in data["weight"]])
    hidden = mask[:, 1]
    covered = ((truth >= low) & (truth <= high))[hidden].mean()
    assert 0.75 < covered <= 1


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("fill {model} - <&-", "stdin: is empty"),
        ("fill {model} - 0>x", "stdin: cannot be read: Bad file descriptor"),
        ("mask - --level 0.5 <&-", "stdin: is empty"),
    ],
)
def test_a_closed_stdin_is_no_table(learned, tmp_path, command, message):
    command = f"{sys.executable} -m mirctl impute {command.format(model=learned)}"
    ran = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert (ran.returncode, message in ran.stderr) == (3, True), ran.stderr


def test_a_range_keeps_the_shares_inside_it_on_a_table_without_holes(mirctl, tmp_path):
    """x has two heaps, and y hangs on x: between 15 and 65 most of each heap is left."""
    rng = np.random.default_rng(0)
    x = np.where(rng.random(1500) < 0.5, rng.normal(20, 5, 1500), rng.normal(60, 5, 1500))
    lines = [f"{a:.1f},{a + b:.1f}" for a, b in zip(x, rng.normal(0, 3, 1500), strict=True)]
    table, model = tmp_path / "t.csv", tmp_path / "model"
    table.write_text("\n".join(["x,y", *lines]))
    settings = [*SMALL, "train.epochs=40", "train.held_out=0.002"]
    assert mirctl("impute", "fit", table, "--out", model, *settings).code == 0
    ran = mirctl("impute", "sample", model, "-n", "800", "--given", "x=15..65")
    made = list(csv.DictReader(io.StringIO(ran.out)))
    drawn = np.array([float(row["x"]) for row in made])
    inside = x[(x >= 15) & (x <= 65)]
    assert (drawn < 40).mean() == pytest.approx((inside < 40).mean(), abs=0.12)
    gap = drawn - np.array([float(row["y"]) for row in made])
    assert gap.std() < 12 < drawn.std()


def test_too_few_rows_are_learned_and_not_measured(mirctl, tmp_path):
    path, model = tmp_path / "few.csv", tmp_path / "model"
    path.write_text("a,b\n1,x\n2,y\n5,x\n7,z\n")
    ran = mirctl("impute", "fit", path, "--out", model, *FAST, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["metrics"] == {}
    assert "too short to hold cells out" in ran.err
