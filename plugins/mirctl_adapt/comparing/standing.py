"""What became of each method: quality with intervals, cost, and TPME over those that adapt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mirctl import artifact, costs
from mirctl.artifact import Artifact
from mirctl.costs import Cost
from mirctl.errors import MirctlError
from mirctl.metrics import ranking
from mirctl.metrics.ranking import Ranks
from mirctl.sequences.tables import read_items
from mirctl.steps.command import Made
from mirctl.steps.running import Failure
from mirctl_adapt import opening, saving
from mirctl_adapt.comparing import racing
from mirctl_adapt.comparing.contestants import Contestant, reference
from mirctl_adapt.config import COUNTED

QUALITY = ("ndcg@10", "hr@10", "hr@20")
COLD = "cold/hr@20"
Metrics = dict[str, dict[str, Any]]


@dataclass
class Standing:
    """One method over its seeds."""

    name: str
    adapts: bool = False
    values: dict[int, dict[str, np.ndarray]] = field(default_factory=dict)
    """Seed -> measure -> (users,); of COLD NaN where the target is not cold."""
    cost: Cost = field(default_factory=Cost)
    """Means over seeds."""
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


def standings(
    made: Made, contestants: Sequence[Contestant], refused: Mapping[str, MirctlError]
) -> list[Standing]:
    """All methods, in order; TPME stands with those that adapt and ended. `refused` by its step is
    what did not run, and why."""
    found = [
        _refused(one, refused[one.step]) if one.step in refused else _standing(made, one)
        for one in contestants
    ]
    values = costs.tpme(adapting(found))
    for standing in found:
        standing.tpme = values.get(standing.name)
    return found


def _refused(one: Contestant, error: MirctlError) -> Standing:
    failure = Failure(error.code, error.message, error.where)
    return Standing(one.name, one.adapts, failures=[failure])


def adapting(found: Sequence[Standing]) -> dict[str, Cost]:
    """What those spent that TPME is about."""
    return {s.name: s.cost for s in found if s.adapts and s.values}


def _standing(made: Made, one: Contestant) -> Standing:
    standing, spent = Standing(one.name, one.adapts), []
    for seed, name in racing.runs_of(made.plan.pipeline, one).items():
        outcome = made.outcomes[name]
        if outcome.state not in ("done", "up to date"):
            standing.failures += [outcome.failure] if outcome.failure else []
            continue
        art = artifact.open_artifact(made.plan.steps[name].out, saving.KIND, saving.SCHEMA)
        standing.values[seed] = measures(art)
        if one.method not in COUNTED:
            standing.rate = opening.config(art).train.lr
        spent.append(costs.cost(art))
    standing.cost = costs.over(spent)
    standing.stopped = standing.cost.stopped
    return standing


def measures(art: Artifact) -> dict[str, np.ndarray]:
    """Every measure of each evaluated user of a recommender."""
    users = art.metrics()["hr@10"]["n"]
    kinds = {"above": torch.int32, "ties": torch.int32, "cold": torch.bool}
    found = art.expected_tensors(saving.RANKS, {name: (k, (users,)) for name, k in kinds.items()})
    items = read_items(art).num_rows
    ranks = Ranks(found["above"].long().numpy(), found["ties"].long().numpy(), items)
    each = ranking.per_user(ranks)
    cold = np.where(found["cold"].numpy(), each["hr@20"], np.nan)
    return {**{name: each[name] for name in QUALITY}, COLD: cold}


def metrics(found: Sequence[Standing], against: str) -> Metrics:
    """`METHOD.MEASURE`, for a document and `--require`; `METHOD.MEASURE-AGAINST` is paired."""
    told: Metrics = {}
    by_name = {s.name: s for s in found}
    for standing in found:
        if standing.values:
            told |= _quality(standing)
            if other := reference(standing.name, against, by_name):
                told |= _difference(standing, by_name[other], against)
        for key, unit in standing.cost.units().items():
            told[f"{standing.name}.{key}"] = {"value": standing.cost.values[key], "unit": unit}
        if standing.rate is not None:
            told[f"{standing.name}.lr"] = {"value": standing.rate, "unit": "learning rate"}
        if standing.tpme is not None:
            told[f"{standing.name}.tpme"] = {"value": standing.tpme, "unit": "0..1, less is better"}
    return told


def names(contestants: Sequence[Contestant], against: str) -> list[str]:
    """All that `metrics` may hold."""
    paired = [f"{name}-{against}" for name in QUALITY]
    keys = (*QUALITY, COLD, *paired, *costs.UNITS, "lr", "tpme")
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


def _difference(standing: Standing, other: Standing, against: str) -> Metrics:
    """Over the same users and the seeds that both have."""
    seeds = [seed for seed in standing.values if seed in other.values]
    if not seeds:
        return {}
    each = {
        f"{name}-{against}": standing.over_seeds(name, seeds) - other.over_seeds(name, seeds)
        for name in QUALITY
    }
    found = ranking.summarize(each, seed=0)
    return {f"{standing.name}.{k}": {**entry, "seeds": len(seeds)} for k, entry in found.items()}
