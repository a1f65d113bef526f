"""What became of each method: quality with intervals, cost, and TPME over those that adapt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mirctl import artifact
from mirctl.artifact import Artifact
from mirctl.metrics import ranking
from mirctl.metrics.ranking import Ranks
from mirctl.steps.command import Made
from mirctl.steps.running import Failure
from mirctl_adapt import opening, saving
from mirctl_adapt.comparing import racing
from mirctl_adapt.comparing.contestants import Contestant
from mirctl_adapt.config import COUNTED

QUALITY = ("ndcg@10", "hr@10", "hr@20")
COLD = "cold/hr@20"
COST = {
    "step_seconds": "s",
    "step_cpu_seconds": "s",
    "epoch_seconds": "s",
    "epochs": "epochs reached",
    "trainable_parameters": "parameters",
    "memory_bytes": "bytes",
    "cpu_seconds": "s",
}
SHARES = {"epoch_seconds": 0.45, "trainable_parameters": 0.10, "memory_bytes": 0.45}
"""TPME's weights of time, parameters and memory (IISAN, Fu et al., SIGIR 2024)."""

Metrics = dict[str, dict[str, Any]]


@dataclass
class Standing:
    """One method over its seeds."""

    name: str
    values: dict[int, dict[str, np.ndarray]] = field(default_factory=dict)
    """Seed -> measure -> (users,); of COLD NaN where the target is not cold."""
    cost: dict[str, float] = field(default_factory=dict)
    """Means over seeds; what a method does not have is not there."""
    rate: float | None = None
    """The learning rate."""
    stopped: bool = False
    """Its time was over before it had trained to the end."""
    tpme: float | None = None
    failures: list[Failure] = field(default_factory=list)

    def over_seeds(self, measure: str, seeds: Sequence[int] | None = None) -> np.ndarray:
        """(users,) mean over seeds."""
        chosen = self.values if seeds is None else seeds
        return np.stack([self.values[seed][measure] for seed in chosen]).mean(0)


def standings(made: Made, contestants: Sequence[Contestant]) -> list[Standing]:
    """All methods, in order; TPME stands with those that adapt and ended."""
    found = [_standing(made, one) for one in contestants]
    adapt = [
        s for s, one in zip(found, contestants, strict=True)
        if one.adapts and all(name in s.cost for name in SHARES)
    ]  # fmt: skip
    for standing, value in zip(adapt, tpme([s.cost for s in adapt]), strict=True):
        standing.tpme = value
    return found


def _standing(made: Made, one: Contestant) -> Standing:
    standing = Standing(one.name)
    costs = []
    for seed, name in racing.runs_of(made.plan.pipeline, one).items():
        outcome = made.outcomes[name]
        if outcome.state not in ("done", "up to date"):
            standing.failures += [outcome.failure] if outcome.failure else []
            continue
        art = artifact.open_artifact(made.plan.steps[name].out, saving.KIND, saving.SCHEMA)
        standing.values[seed] = measures(art)
        spent = art.json("efficiency.json")
        if one.method not in COUNTED:
            standing.rate = opening.config(art).train.lr
        costs.append(_cost(spent))
        standing.stopped |= bool(spent.get("out_of_time"))
    for key in COST:
        values = [cost[key] for cost in costs if cost.get(key) is not None]
        if values:
            standing.cost[key] = float(np.mean(values))
    return standing


def measures(art: Artifact) -> dict[str, np.ndarray]:
    """Every measure of each evaluated user of a recommender."""
    users = art.metrics()["hr@10"]["n"]
    kinds = {"above": torch.int32, "ties": torch.int32, "cold": torch.bool}
    found = art.expected_tensors(saving.RANKS, {name: (k, (users,)) for name, k in kinds.items()})
    items = opening.items(art).num_rows
    ranks = Ranks(found["above"].long().numpy(), found["ties"].long().numpy(), items)
    each = ranking.per_user(ranks)
    cold = np.where(found["cold"].numpy(), each["hr@20"], np.nan)
    return {**{name: each[name] for name in QUALITY}, COLD: cold}


def _cost(spent: Mapping[str, Any]) -> dict[str, Any]:
    """Of one run. Memory is what its device ran out of first: that of CUDA, else of the machine."""
    memory = spent.get("peak_cuda_bytes") or spent.get("peak_anonymous_bytes")
    return {**{key: spent.get(key) for key in COST}, "memory_bytes": memory}


def tpme(costs: Sequence[Mapping[str, float]]) -> list[float]:
    """.45 time + .10 parameters + .45 memory, each from 0 (the least of these) to 1 (the most)."""
    total = np.zeros(len(costs))
    for key, share in SHARES.items():
        values = np.array([cost[key] for cost in costs])
        spread = np.ptp(values) if len(values) else 0.0
        if spread:
            total += share * (values - values.min()) / spread
    return total.tolist()


def metrics(found: Sequence[Standing], against: str) -> Metrics:
    """`METHOD.MEASURE`, for a document and `--require`; `METHOD.MEASURE-AGAINST` is paired."""
    told: Metrics = {}
    reference = next(s for s in found if s.name == against)
    for standing in found:
        if standing.values:
            told |= _quality(standing)
            if standing is not reference and reference.values:
                told |= _difference(standing, reference)
        for key, value in standing.cost.items():
            told[f"{standing.name}.{key}"] = {"value": value, "unit": COST[key]}
        if standing.rate is not None:
            told[f"{standing.name}.lr"] = {"value": standing.rate, "unit": "learning rate"}
        if standing.tpme is not None:
            told[f"{standing.name}.tpme"] = {"value": standing.tpme, "unit": "0..1, less is better"}
    return told


def names(contestants: Sequence[Contestant], against: str) -> list[str]:
    """All that `metrics` may hold."""
    paired = [f"{name}-{against}" for name in QUALITY]
    keys = (*QUALITY, COLD, *paired, *COST, "lr", "tpme")
    return [f"{one.name}.{key}" for one in contestants for key in keys]


def _quality(standing: Standing) -> Metrics:
    seeds = len(standing.values)
    told = {}
    each = {name: standing.over_seeds(name) for name in QUALITY}
    for name, entry in ranking.summarize(each, seed=0).items():
        told[f"{standing.name}.{name}"] = {**entry, "seeds": seeds}
    cold = np.concatenate([values[COLD] for values in standing.values.values()])
    count = int(np.isfinite(cold).sum())
    value = float(np.nanmean(cold)) if count else None
    told[f"{standing.name}.{COLD}"] = {"value": value, "n": count, "seeds": seeds}
    return told


def _difference(standing: Standing, reference: Standing) -> Metrics:
    """Over the same users and the seeds that both have."""
    seeds = [seed for seed in standing.values if seed in reference.values]
    if not seeds:
        return {}
    each = {
        f"{name}-{reference.name}": standing.over_seeds(name, seeds)
        - reference.over_seeds(name, seeds)
        for name in QUALITY
    }
    found = ranking.summarize(each, seed=0)
    return {f"{standing.name}.{k}": {**entry, "seeds": len(seeds)} for k, entry in found.items()}
