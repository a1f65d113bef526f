"""The examples of docs/examples, run by bash as Slurm would."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from impute.conftest import csv_text, holes, rows

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
STUBS = {
    "mirctl": f'exec {shlex.quote(sys.executable)} -m mirctl "$@"',
    "torchrun": f'exec {shlex.quote(sys.executable)} -m torch.distributed.run "$@"',
    "srun": 'exec "$@"',
    "scontrol": "echo localhost",
}
pytestmark = pytest.mark.slow


@pytest.fixture
def bash(tmp_path, monkeypatch):
    """Runs an example with Slurm's variables, where Slurm's commands do what they would here."""
    (tmp_path / "bin").mkdir()
    for name, line in STUBS.items():
        stub = tmp_path / "bin" / name
        stub.write_text(f"#!/bin/bash\n{line}\n")
        stub.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(csv_text(rows(1500), holes(1500)))

    def run(name, *arguments, **variables):
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            ["bash", str(EXAMPLES / name), *arguments],
            env=os.environ | {"PATH": path} | variables,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def test_an_array_fills_a_table(mirctl, bash):
    small = ["model.width=8", "model.heads=1", "train.epochs=1", "train.epoch_rows=1"]
    assert mirctl("impute", "fit", "t.csv", *small, "--out", "model").code == 0
    assert mirctl("impute", "fill", "model", "t.csv", "--out", "whole.csv").code == 0
    for task in "123":
        told = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_COUNT": "3"}
        for _ in range(2):
            ran = bash("array.sbatch", "model", "t.csv", "full.csv", **told)
            assert ran.returncode == 0, ran.stderr
    parts = sorted(Path().glob("full-*-of-3.csv"))
    assert len(parts) == 3
    assert mirctl("artifact", "merge", *parts, "--out", "full.csv").code == 0
    assert Path("full.csv").read_bytes() == Path("whole.csv").read_bytes()
    parts[0].unlink()
    assert bash("array.sbatch", "nothing", "t.csv", "full.csv", **told).returncode == 0
    told["SLURM_ARRAY_TASK_ID"] = "1"
    assert bash("array.sbatch", "nothing", "t.csv", "full.csv", **told).returncode == 4


def test_one_run_on_several_machines(bash):
    Path("fit.yaml").write_text(
        "uses: impute/fit\ndata: {table: t.csv}\ndevice: cpu\n"
        "model: {width: 8, heads: 1}\ntrain: {epochs: 1, epoch_rows: 64}\n"
    )
    told = {"SLURM_NNODES": "1", "SLURM_GPUS_ON_NODE": "2", "SLURM_JOB_NODELIST": "a[1-2]"}
    ran = bash("train.sbatch", "fit.yaml", "model", "train.epochs=2", SLURM_JOB_ID="7", **told)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(Path("model/efficiency.json").read_text())["processes"] == 2
    assert len(json.loads(Path("model/extra/history.json").read_text())) == 2
