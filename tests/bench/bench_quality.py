"""How well each method ranks MovieLens with real posters: seeds, intervals, paired differences.

A seed decides the first weights, the batches, and the order of equal time stamps, so each seed is
another draw of half of the test targets. Learning rates were chosen on validation by `--tune`, at
seeds that are not measured. Intervals are bootstraps over users of the mean over seeds.
"""

import argparse
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import fetch_models, goal, mirctl, movielens, recipe_on

from mirctl import console
from mirctl.data.catalogue import load_catalogue
from mirctl.metrics import ranking
from mirctl_adapt import evaluation, recommender
from mirctl_adapt.pipeline import split_of

RATES = (2e-3, 4e-3, 8e-3, 16e-3)
TUNING_SEEDS = (100, 101)
COLD = 5


@dataclass(frozen=True)
class Method:
    """Changes to the recipe adapt/ml-100k, and the learning rate that --tune found best."""

    changes: tuple[str, ...]
    rate: float | None = None


METHODS = {
    "side network": Method((), 8e-3),
    "side network + ids": Method(("model.ids=true",), 8e-3),
    "frozen heads, text + image": Method(("model.method=frozen",), 16e-3),
    "frozen heads, text": Method(("model.method=frozen", "model.image=null"), 16e-3),
    "ids (SASRec)": Method(("model.method=id",), 16e-3),
    "Markov chain": Method(("model.method=markov",)),
    "popularity": Method(("model.method=pop",)),
}


def trained(method: Method, rate: float | None, seed: int, work: Path) -> Path:
    """Run the recipe and give the artifact's folder."""
    out = work / "model"
    shutil.rmtree(out, ignore_errors=True)
    rates = [f"train.lr={rate}"] if rate else []
    changes = [*recipe_on(movielens()), *method.changes, *rates, f"seed={seed}"]
    mirctl("adapt", "run", *changes, "--out", out, "--quiet", "--json")
    return out


def tune(work: Path) -> None:
    """Validation NDCG@10 of each rate; the tests are not looked at."""
    for name, method in METHODS.items():
        if method.rate is None:
            continue
        for rate in RATES:
            reached = []
            for seed in TUNING_SEEDS:
                metrics = (trained(method, rate, seed, work) / "metrics.json").read_text()
                reached.append(json.loads(metrics)["valid/ndcg@10"]["value"])
            chosen = "  <- in use" if rate == method.rate else ""
            told = ", ".join(f"{value:.4f}" for value in reached)
            print(f"{name}, rate {rate:g}: {np.mean(reached):.4f} ({told}){chosen}", flush=True)


def measure(name: str, seed: int, work: Path) -> dict[str, np.ndarray]:
    """(users,) test measures of one run, NaN under `cold` where the target is not cold."""
    saved = recommender.load(trained(METHODS[name], METHODS[name].rate, seed, work))
    split = split_of(load_catalogue(saved.config.data, seed=seed), saved.config)
    ranks = evaluation.rank_all(saved.scorer, split, "test", "mask")
    cold = split.train_counts()[split.targets("test")] <= COLD
    found = ranking.per_user(ranks)
    return {
        "ndcg@10": found["ndcg@10"],
        "hr@10": found["hr@10"],
        "cold hr@20": np.where(cold, found["hr@20"], np.nan),
    }


def interval(values: np.ndarray) -> str:
    """Mean and 95 % bootstrap interval of (users,)."""
    low, high = ranking.bootstrap(values[:, None], seed=0)
    return f"{values.mean():.4f} [{low[0]:.4f}, {high[0]:.4f}]"


def compare(found: dict[str, dict[str, np.ndarray]], ours: str, other: str, least: float) -> None:
    """Ratio of two methods' NDCG@10, and the paired difference over the same users."""
    a, b = (found[name]["ndcg@10"].mean(0) for name in (ours, other))
    print(f"{ours} against {other}: NDCG@10 difference {interval(a - b)}")
    goal("ratio", a.mean() / b.mean(), ">=", least, " x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tune", action="store_true", help="print validation by learning rate")
    parser.add_argument("--seeds", type=int, default=5)
    chosen = parser.parse_args()
    movielens()
    fetch_models()
    console.configure(quiet=True)
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        if chosen.tune:
            tune(Path(name))
            return
        found = {}
        print(f"15 epochs, seeds 0 to {chosen.seeds - 1}; NDCG@10 and HR@10 of 943 users [95 %]")
        for method in METHODS:
            runs = [measure(method, seed, Path(name)) for seed in range(chosen.seeds)]
            found[method] = {key: np.stack([run[key] for run in runs]) for key in runs[0]}
            ndcg, hits = found[method]["ndcg@10"], found[method]["hr@10"]
            cold = found[method]["cold hr@20"]
            spread = ndcg.mean(1).std(ddof=1)
            print(f"  {method}: {interval(ndcg.mean(0))}, sd over seeds {spread:.4f}", end="")
            print(f"; {interval(hits.mean(0))}", end="")
            print(f"; HR@20 of {np.isfinite(cold).sum()} cold {np.nanmean(cold):.4f}", flush=True)
    compare(found, "side network", "frozen heads, text", 1.05)
    compare(found, "side network", "frozen heads, text + image", 1.0)
    compare(found, "side network + ids", "ids (SASRec)", 1.0)
    cold = {key: np.nanmean(found[key]["cold hr@20"]) for key in ("side network", "ids (SASRec)")}
    goal("cold HR@20, side network : ids", cold["side network"] / max(cold["ids (SASRec)"], 1e-9),
         ">=", 2.0, " x")  # fmt: skip


if __name__ == "__main__":
    main()
