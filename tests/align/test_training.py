"""Ways to train that change what it costs, and not what is learned."""

import json
import shutil

import numpy as np
import pytest

from align.model.batches import INJECTIONS
from align.runs import history, line, write


@pytest.mark.parametrize("inject", INJECTIONS)
@pytest.mark.parametrize("base", ["bert", "llama"])
def test_it_trains_and_measures_in_bf16(mirctl, request, tmp_path, base, inject):
    pairs = write(tmp_path / "pairs.jsonl", 30)
    where, out = request.getfixturevalue(base), tmp_path / "model"
    changes = [f"gaze.inject={inject}", "train.epochs=1"]
    ran = mirctl(*line(pairs, where, out, *changes), "--precision", "bf16")
    assert ran.code == 0, ran.err
    assert "bf16" in ran.err
    assert np.isfinite([entry["loss"] for entry in history(out)]).all()
    ran = mirctl("align", "eval", out, pairs, "--precision", "bf16", "--json")
    assert ran.code == 0, ran.err


def test_bf16_measures_the_same_in_training_and_after_it_also_as_a_job(mirctl, tmp_path, llama):
    pairs, out = write(tmp_path / "pairs.jsonl", 30), tmp_path / "model"
    test, table = write(tmp_path / "test.jsonl", 20, seed=5), tmp_path / "metrics.csv"
    ran = mirctl(*line(pairs, llama, out, f"data.test={test}"), "--precision", "bf16", "--json")
    recipe = tmp_path / "eval.yaml"
    recipe.write_text(f"uses: align/eval\nmodel: {out}\npairs: {test}\nprecision: bf16\n")
    once = mirctl("align", "eval", out, test, "--precision", "bf16", "--json")
    job = mirctl("run", recipe, "--out", table, "--json")
    told = [json.loads(one.out)["metrics"]["margin"]["value"] for one in (ran, once, job)]
    assert told[0] == told[1] == told[2]
    plain = mirctl("align", "eval", out, test, "--precision", "fp32", "--json")
    assert json.loads(plain.out)["metrics"]["margin"]["value"] != told[0]


def test_eval_gives_the_numbers_of_training_also_for_a_control(mirctl, tmp_path, llama):
    pairs, out = write(tmp_path / "pairs.jsonl", 30), tmp_path / "model"
    test = write(tmp_path / "test.jsonl", 20, seed=5)
    changes = [f"data.test={test}", "gaze.inject=add", "gaze.shuffle=true", "seed=3"]
    ran = mirctl(*line(pairs, llama, out, *changes), "--json")
    assert ran.code == 0, ran.err
    again = mirctl("align", "eval", out, test, "--json")
    wanted, found = (json.loads(one.out)["metrics"]["margin"]["value"] for one in (ran, again))
    assert found == wanted


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_compiled_it_learns_the_same(mirctl, tmp_path, llama):
    pairs, told = write(tmp_path / "pairs.jsonl", 37), []
    for compiled in ("false", "true"):
        changes = ["gaze.inject=concat", f"train.compile={compiled}", "train.lr=1e-3"]
        out = tmp_path / compiled
        ran = mirctl(*line(pairs, llama, out, *changes, "gaze.dropout=[0,0]"))
        assert ran.code == 0, ran.err
        told.append([entry["loss"] for entry in history(out)])
    assert told[1] == pytest.approx(told[0], abs=1e-5)
