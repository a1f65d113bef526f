"""One model for any pattern of holes: fitted on one mask, against a fit for each mask.

A table's rows are halved. The models learn one half: one with 30 % of its cells hidden at random,
the others each with one of the masks below. Both fill the other half with each mask; its nrmse
by the one model over its nrmse by the mask's own is wanted.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from bench_impute import impute, table
from measure import goal, real_data

MASKS = ("mcar-0.1", "mcar-0.5", "mcar-0.7", "mar-0.3", "mnar-0.3")
BASE = "mcar-0.3"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default="abalone,german")
    parser.add_argument("--masks", default=",".join(MASKS))
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    source = real_data("tabular")
    ratios = []
    for name in asked.sets.split(","):
        for seed in range(asked.seeds):
            with tempfile.TemporaryDirectory() as folder:
                ratios += one(Path(folder), source, name, seed, asked.masks.split(","))
    goal("nrmse, one model / a model a mask, mean", float(np.mean(ratios)), "<=", 1.05)


def one(folder: Path, source: Path, name: str, seed: int, masks: list[str]) -> list[float]:
    """The ratios of one table and seed."""
    table(source, name, folder / "all.csv")
    head, *rows = (folder / "all.csv").read_text().splitlines(keepends=True)
    order = np.random.default_rng(seed).permutation(len(rows))
    for half, file in enumerate(("learn.csv", "fill.csv")):
        (folder / file).write_text("".join([head, *(rows[i] for i in order[half::2])]))
    for mask in (BASE, *masks):
        learned(folder, mask, seed)
    ratios = []
    for mask in masks:
        hide(folder, "fill.csv", mask, seed)
        ours, own = (measured(folder, model, mask) for model in (BASE, mask))
        print(f"{name:8} {seed} {mask:8} one model {ours:.3f}, its own {own:.3f}", flush=True)
        ratios.append(ours / own)
    return ratios


def hide(folder: Path, file: str, mask: str, seed: int) -> None:
    mechanism, level = mask.split("-")
    impute("mask", file, "--mechanism", mechanism, "--level", level, "--seed", seed, "--as", "?",
           "--out", f"{mask}-{file}", "--force", cwd=folder)  # fmt: skip


def learned(folder: Path, mask: str, seed: int) -> None:
    hide(folder, "learn.csv", mask, seed)
    impute("fit", f"{mask}-learn.csv", "--seed", seed, "--out", f"model-{mask}", cwd=folder)


def measured(folder: Path, model: str, mask: str) -> float:
    """nrmse of point estimates."""
    holes = f"{mask}-fill.csv"
    impute("fill", f"model-{model}", holes, "--point", "--out", "full.csv", "--force", cwd=folder)
    child = impute("evaluate", "fill.csv", "full.csv", "--holes", holes, "--criteria", "filled",
                   "--json", cwd=folder)  # fmt: skip
    return json.loads(child.out)["metrics"]["nrmse"]["value"]


if __name__ == "__main__":
    main()
