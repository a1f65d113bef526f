"""Two processes on two cards: what one card learns."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mirctl.testing.catalogue import write_catalogue

DEVICE = os.environ.get("MIRCTL_TEST_DEVICE", "cuda")
"""`cpu` runs these tests where no CUDA device is, to see that they run."""
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.slow,
    pytest.mark.skipif(
        DEVICE == "cuda" and torch.cuda.device_count() < 2, reason="no two CUDA devices here"
    ),
]
TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "mirctl")
RECIPE = (
    "uses: adapt/run\n"
    "data: {interactions: interactions.csv, items: items.csv}\n"
    "model: {method: id, dim: 128, history: 12, dropout: 0.0}\n"
    "train: {epochs: 2, batch_size: 16, loss: batch}\n"
    f"device: {DEVICE}\n"
)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_two_cards_learn_what_one_does(tmp_path, monkeypatch, precision):
    monkeypatch.chdir(tmp_path)
    write_catalogue(tmp_path)
    Path("recipe.yaml").write_text(RECIPE)
    found = {}
    for name, launcher in (("one", ["mirctl"]), ("ddp", TORCHRUN), ("fsdp", TORCHRUN)):
        options = [f"train.parallel={name}"] if name == "fsdp" else []
        options += ["--precision", precision, "--out", name]
        line = [sys.executable, "-m", *launcher, "run", "recipe.yaml", *options]
        ran = subprocess.run(line, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stderr
        history = json.loads(Path(name, "extra/history.json").read_text())
        found[name] = [entry["loss"] for entry in history]
    tolerance = 1e-4 if precision == "fp32" else 2e-2
    assert found["ddp"] == pytest.approx(found["one"], rel=tolerance)
    assert found["fsdp"] == pytest.approx(found["one"], rel=tolerance)
