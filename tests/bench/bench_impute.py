"""Filling holes: mirctl impute against the mean, random forests and miceforest on five real tables.

Holes are made at random in 30 % of the cells of each table (adult: 5,000 rows); each method sees
the table with holes only. `--seeds 3 --sets adult,abalone` choose; the peers get environments of
their own in `--venvs`. Ratios under 1 mean that we are better in nrmse and wd, over 1 in accuracy.
"""

import argparse
import csv
import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from measure import Child, goal, mirctl, real_data, run_child

ADULT = (
    "age,workclass,fnlwgt,education,education_num,marital,occupation,relationship,race,sex,gain,"
    "loss,hours,country,income"
)
SETS = {
    "adult": ("adult-train.csv", ADULT.split(","), 5000),
    "abalone": ("abalone.csv", [], None),
    "german": ("german.csv", [], None),
    "horse": ("horse-colic.csv", [], None),
    "auto": ("auto_imports.csv", [], None),
}
PEERS = {
    "mean": ["scikit-learn", "pandas<3"],
    "missforest": ["scikit-learn", "pandas<3"],
    "miceforest": ["miceforest==6.0.5", "lightgbm==4.5.0", "scikit-learn", "pandas<3"],
}
DRAWS = 20
SCRIPT = Path(__file__).with_name("impute_peers.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--mechanism", default="mcar")
    parser.add_argument("--level", default="0.3")
    parser.add_argument("--venvs", type=Path, default=Path(tempfile.gettempdir()) / "mirctl-peers")
    parser.add_argument("--set", action="append", default=[], help="key=value for fit")
    asked = parser.parse_args()
    source = real_data("tabular")
    peers = [peer for peer in asked.peers.split(",") if peer]
    pythons = {peer: environment(asked.venvs, peer) for peer in peers}
    found = defaultdict(list)
    for name in asked.sets.split(","):
        for seed in range(asked.seeds):
            with tempfile.TemporaryDirectory() as folder:
                one(Path(folder), source, name, seed, pythons, asked, found)
    summary(found, asked.sets.split(","), ["mirctl point", "mirctl draw", *peers])


def environment(folder: Path, peer: str) -> Path:
    """A Python with the peer in it."""
    key = "miceforest" if peer == "miceforest" else "sklearn"
    python = folder / key / "bin" / "python"
    if not python.exists():
        for command in (
            [sys.executable, "-m", "venv", folder / key],
            [python, "-m", "pip", "install", "-q", *PEERS[peer]],
        ):
            child = run_child(command)
            if child.code:
                sys.exit(f"{peer} cannot be installed: {child.err[-500:]}")
    return python


def one(folder, source, name, seed, pythons, asked, found) -> None:
    """All methods on one table with one set of holes."""
    table(source, name, folder / "real.csv")
    impute("mask", "real.csv", "--level", asked.level, "--mechanism", asked.mechanism,
           "--seed", seed, "--as", "?", "--out", "holes.csv", cwd=folder)  # fmt: skip
    fit = impute("fit", "holes.csv", *asked.set, "--seed", seed, "--out", "model", cwd=folder)
    ways = {"mirctl point": ["--point"], "mirctl draw": ["-m", DRAWS]}
    for label, options in ways.items():
        fill = impute("fill", "model", "holes.csv", "--out", "full.csv", "--force", *options,
                      cwd=folder)  # fmt: skip
        times = f"fit {fit.cpu:.1f} + fill {fill.cpu:.1f}"
        note(found, folder, name, seed, label, times)
    for peer, python in pythons.items():
        draws = 5 if peer == "miceforest" else 1
        child = run_child([python, SCRIPT, peer, "holes.csv", "full.csv", draws], cwd=folder)
        if child.code:
            print(f"{name:8} {seed} {peer:12} failed: {child.err.strip().splitlines()[-1][:80]}")
            continue
        note(found, folder, name, seed, peer, f"{float(child.out.split()[-1]):.1f}")


def table(source: Path, name: str, target: Path, *, others: bool = False) -> None:
    """A UCI table as CSV with a header; of adult 5,000 rows, drawn once, or 5,000 `others`."""
    file, names, most = SETS[name]
    with (source / file).open() as lines:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines) if len(row) > 1]
    if most:
        chosen = np.random.default_rng(0).choice(len(rows), most, replace=False)
        if others:
            chosen = np.setdiff1d(np.arange(len(rows)), chosen)[:most]
        rows = [rows[i] for i in chosen]
    with target.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(names or [f"c{i}" for i in range(1, len(rows[0]) + 1)])
        writer.writerows(rows)


def impute(*arguments: object, cwd: Path) -> Child:
    return mirctl("impute", *arguments, "--quiet", cwd=cwd)


def note(found, folder: Path, name: str, seed: int, label: str, cpu: str) -> None:
    """Measure what lies in full.csv."""
    child = impute("evaluate", "real.csv", "full.csv", "--holes", "holes.csv",
                   "--criteria", "filled", "--json", cwd=folder)  # fmt: skip
    got = {key: metric["value"] for key, metric in json.loads(child.out)["metrics"].items()}
    found[name, label].append(got)
    shown = "  ".join(f"{key} {value:.3f}" for key, value in got.items())
    print(f"{name:8} {seed} {label:12} {shown}  CPU s {cpu}", flush=True)


def summary(found, sets: list[str], labels: list[str]) -> None:
    """Means over seeds and sets, and ours over the peers'."""
    print(f"\nmeans over {len(sets)} sets, each a mean over its seeds")
    means = {}
    for label in labels:
        by_set = [found[name, label] for name in sets if found[name, label]]
        if len(by_set) < len(sets):
            print(f"{label:12} lacks {len(sets) - len(by_set)} sets")
        keys = ("nrmse", "accuracy", "wd", "js", "coverage")
        means[label] = {
            key: float(np.mean([np.mean([run[key] for run in runs]) for runs in by_set]))
            for key in keys
            if by_set and all(key in run for runs in by_set for run in runs)
        }
        print(f"{label:12} " + "  ".join(f"{k} {v:.3f}" for k, v in means[label].items()))
    goals = (
        ("mirctl point", "missforest", "nrmse", "<=", 1.0),
        ("mirctl point", "missforest", "accuracy", ">=", 1.0),
        ("mirctl draw", "miceforest", "wd", "<=", 1.0),
        ("mirctl draw", "missforest", "wd", "<=", 0.65),
    )
    for ours, peer, key, sign, limit in goals:
        if key in means.get(ours, {}) and key in means.get(peer, {}):
            ratio = means[ours][key] / means[peer][key]
            goal(f"{key}, {ours} / {peer}", ratio, sign, limit)


if __name__ == "__main__":
    main()
