"""Which poster belongs to a title and its genres: MovieLens, every seed with a split of its own.

Beside the recipe: chance; a ridge regression from the states of the text encoder to those of the
picture encoder; canonical correlations of both. What these are told is chosen on validation, and
so is the recipe's epoch. All rank every poster, by cosine.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from measure import compare, fetch_models, goal, mirctl, movielens
from torch.nn import functional as F

from mirctl import console, recipe
from mirctl.efficiency import Meter
from mirctl.encode.towers import CatalogueInputs
from mirctl_fuse import inputs
from mirctl_fuse.retrieval import evaluation, pairs, pipeline
from mirctl_fuse.retrieval.config import PairConfig
from mirctl_fuse.retrieval.evaluation import Embedded, Values
from mirctl_fuse.retrieval.pairs import Pairs

CPU = torch.device("cpu")
MEASURES = ("recall@10", "reverse/recall@10", "mrr")
RIDGES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
SHRINKS, DIMS = (0.03, 0.1, 0.3, 1.0, 3.0), (32, 64, 128)
CHANCE = 10 / 1396
"""Of 1,396 posters."""


def told(seed: int) -> list[str]:
    """The recipe on the data that is here."""
    folder = movielens()
    return ["fuse/ml-100k-retrieval", f"data.items={folder / 'items.csv'}",
            f"data.images={folder / 'posters'}", f"seed={seed}"]  # fmt: skip


def states(read: CatalogueInputs, *, last: bool) -> np.ndarray:
    """(things, width) of all modalities, or of their last layers."""
    parts = []
    for tower in read.towers.values():
        whole = tower.gather(torch.arange(read.n_items), CPU).states.double().numpy()
        parts.append(whole[:, -tower.widths[-1] :] if last else whole)
    return np.concatenate(parts, axis=1)


def standardised(values: np.ndarray, train: np.ndarray) -> np.ndarray:
    """By what is trained on; rows of about length one."""
    mean, spread = values[train].mean(0), values[train].std(0) + 1e-6
    return (values - mean) / spread / np.sqrt(values.shape[1])


def ridge(x: np.ndarray, y: np.ndarray, train: np.ndarray, weight: float) -> np.ndarray:
    """What y would be by x, (things, width of y)."""
    products = x[train] @ x[train].T
    solved = np.linalg.solve(products + weight * len(train) * np.eye(len(train)), y[train])
    return x @ x[train].T @ solved


def correlated(
    x: np.ndarray, y: np.ndarray, train: np.ndarray, shrink: float
) -> tuple[np.ndarray, np.ndarray]:
    """Canonical variables of both, each as long as it correlates, the best ones first."""
    both = [_whitening(own[train], shrink) for own in (x, y)]
    between = x[train].T @ y[train] / len(train)
    left, strength, right = np.linalg.svd(both[0] @ between @ both[1], full_matrices=False)
    return x @ both[0] @ left * strength, y @ both[1] @ right.T * strength


def _whitening(values: np.ndarray, shrink: float) -> np.ndarray:
    covariance = values.T @ values / len(values)
    covariance += shrink * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    size, axes = np.linalg.eigh(covariance)
    return axes / np.sqrt(size) @ axes.T


def measured(queries: np.ndarray, items: np.ndarray, known: list[np.ndarray], all_pairs: Pairs) \
        -> dict[str, Values]:  # fmt: skip
    """Validation and test of two sides in one space."""
    both = (F.normalize(torch.from_numpy(own).float(), dim=1) for own in (queries, items))
    made = Embedded(*both, *known)
    return {part: evaluation.values(made, all_pairs, part) for part in ("valid", "test")}


def peers(seed: int) -> dict[str, dict[str, Values]]:
    """The best of each by MRR on validation."""
    name, *changes = told(seed)
    config = recipe.resolve(PairConfig, recipe.read(name, changes))
    whole = pairs.load(config)
    read = {side: inputs.inputs_for(config.side(side), raw, CPU, torch.float32, Meter(CPU))
            for side, raw in pipeline.raw(config, whole).items()}  # fmt: skip
    known = [evaluation.known(own) for own in read.values()]
    usable = whole.between(*known)
    train = usable.of("train").query
    found: dict[str, list[dict[str, Values]]] = {"ridge": [], "correlations": []}
    for last in (True, False):
        x, y = (standardised(states(own, last=last), train) for own in read.values())
        found["ridge"] += [measured(ridge(x, y, train, w), y, known, usable) for w in RIDGES]
        if last:  # of all layers there are more numbers than pairs to tell how they correlate
            for shrink in SHRINKS:
                ours = correlated(x, y, train, shrink)
                found["correlations"] += [
                    measured(ours[0][:, :d], ours[1][:, :d], known, usable) for d in DIMS
                ]
    return {name: max(each, key=lambda one: one["valid"]["mrr"].mean())
            for name, each in found.items()}  # fmt: skip


def recipe_of_ours(seed: int, work: Path) -> dict[str, float]:
    """The metrics of one run."""
    out = work / f"model-{seed}"
    ran = mirctl("fuse", "train", *told(seed), "--out", out, "--quiet", "--json")
    metrics = json.loads((out / "metrics.json").read_text()) if ran.code == 0 else {}
    return {name: metrics[name]["value"] for name in MEASURES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", default="1,2,3,4,5")
    seeds = [int(seed) for seed in parser.parse_args().seeds.split(",")]
    movielens()
    fetch_models()
    console.configure(quiet=True)
    rows: dict[str, list[list[float]]] = {"ours": [], "ridge": [], "correlations": []}
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as work:
        for seed in seeds:
            for name, own in peers(seed).items():
                rows[name].append([float(own["test"][key].mean()) for key in MEASURES])
            ours = recipe_of_ours(seed, Path(work))
            rows["ours"].append([ours[key] for key in MEASURES])
            each = ", ".join(f"{name} {own[-1][0]:.4f}" for name, own in rows.items())
            print(f"seed {seed}: {each}", flush=True)
    print(f"mean over {len(seeds)} seeds: {', '.join(MEASURES)}")
    means = {name: np.mean(each, axis=0) for name, each in rows.items()}
    for name, own in means.items():
        print(f"  {name}: {', '.join(f'{value:.4f}' for value in own)}")
    best = max(means["ridge"][0], means["correlations"][0])
    compare(means["ours"][0], best, "recall@10")
    goal("recall@10 beside the better peer", means["ours"][0] / best, ">=", 1.0, "x")
    print(f"  chance: {CHANCE:.4f} recall@10")


if __name__ == "__main__":
    main()
