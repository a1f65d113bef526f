"""What was tried for the recipe adapt/ml-100k, on validation alone; the tests are not looked at.

Each row of plugins/mirctl_adapt/TUNING.md that is a setting of a recipe can be run again by this.
`--only epochs=30` runs the rows whose setting holds that text.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from measure import fetch_models, mirctl, movielens, recipe_on

METHODS = {
    "side network": ("train.lr=8e-3",),
    "side network + ids": ("model.ids=true", "train.lr=8e-3"),
    "frozen text": ("model.method=frozen", "model.image=null", "train.lr=1.6e-2"),
    "ids": ("model.method=id", "train.lr=1.6e-2"),
}
LONG = "train.epochs=30"
EVERY = (
    (), (LONG,), (LONG, "model.dropout=0.1"), (LONG, "model.dropout=0.3"),
    (LONG, "train.weight_decay=0.1"), ("train.weight_decay=0.5",), ("train.batch_size=64",),
    ("train.ema=0.98",), ("train.optimizer=muon", "train.lr=2e-3"), ("model.user_layers=3",),
    ("model.dim=128",), ("model.history=200",),
)  # fmt: skip
SIDE = (
    ("model.bottleneck=256",), ("model.layers=all",), ("model.layers=last",),
    ("model.inter=false",), ("model.image=null",),
)  # fmt: skip


def valid(changes: tuple[str, ...], seed: int, work: Path) -> float:
    """NDCG@10 on validation of one run."""
    out = work / "model"
    shutil.rmtree(out, ignore_errors=True)
    line = [*recipe_on(movielens()), "train.epochs=15", *changes, f"seed={seed}"]
    mirctl("adapt", "run", *line, "--out", out, "--quiet", "--json")
    return json.loads((out / "metrics.json").read_text())["valid/ndcg@10"]["value"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="settings that hold this text")
    parser.add_argument("--seeds", default="100,101")
    asked = parser.parse_args()
    movielens()
    fetch_models()
    seeds = [int(seed) for seed in asked.seeds.split(",")]
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        for method, own in METHODS.items():
            for setting in (*EVERY, *(SIDE if method == "side network" else ())):
                told = " ".join(setting) or "15 epochs"
                if asked.only in told:
                    found = [valid((*own, *setting), seed, Path(name)) for seed in seeds]
                    each = ", ".join(f"{value:.4f}" for value in found)
                    print(f"{method}, {told}: {np.mean(found):.4f} ({each})", flush=True)


if __name__ == "__main__":
    main()
