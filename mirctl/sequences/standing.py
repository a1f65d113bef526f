"""What became of a recommender over its seeds: quality with intervals, cost, and beside another."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mirctl import costs
from mirctl.artifact import Artifact
from mirctl.costs import Cost
from mirctl.metrics import ranking
from mirctl.metrics.ranking import Ranks
from mirctl.sequences.evaluation import RANKS
from mirctl.sequences.tables import read_items
from mirctl.steps.command import Made
from mirctl.steps.running import Failure

QUALITY = ("ndcg@10", "hr@10", "hr@20")
COLD = "cold/hr@20"
Metrics = dict[str, dict[str, Any]]


@dataclass
class Standing:
    """One method over its seeds."""

    name: str
    adapts: bool = False
    """Is TPME over it?"""
    values: dict[int, dict[str, np.ndarray]] = field(default_factory=dict)
    """Seed -> measure -> (users,); of COLD NaN where the target is not cold."""
    cost: Cost = field(default_factory=Cost)
    """Means over seeds."""
    rate: float | None = None
    """The learning rate."""
    tpme: float | None = None
    failures: list[Failure] = field(default_factory=list)

    @property
    def stopped(self) -> bool:
        """Was its time over before it had trained to the end?"""
        return self.cost.stopped

    def over_seeds(self, measure: str, seeds: Sequence[int] | None = None) -> np.ndarray:
        """(users,) mean over seeds."""
        chosen = self.values if seeds is None else seeds
        return np.stack([self.values[seed][measure] for seed in chosen]).mean(0)

    def read(self, made: Made, runs: Mapping[int, str], open_: Callable[[Path], Artifact]) -> None:
        """Take in what was made of its runs, seed -> step; `open_` reads an artifact's folder."""
        spent = []
        for seed, name in runs.items():
            outcome = made.outcomes[name]
            if outcome.state not in ("done", "up to date"):
                self.failures += [outcome.failure] if outcome.failure else []
                continue
            art = open_(made.plan.steps[name].out)
            self.values[seed] = measures(art)
            spent.append(costs.cost(art))
        self.cost = costs.over(spent)


def measures(art: Artifact) -> dict[str, np.ndarray]:
    """Every measure of each evaluated user of a recommender."""
    users = art.metrics()["hr@10"]["n"]
    kinds = {"above": torch.int32, "ties": torch.int32, "cold": torch.bool}
    found = art.expected_tensors(RANKS, {name: (k, (users,)) for name, k in kinds.items()})
    items = read_items(art).num_rows
    ranks = Ranks(found["above"].long().numpy(), found["ties"].long().numpy(), items)
    each = ranking.per_user(ranks)
    cold = np.where(found["cold"].numpy(), each["hr@20"], np.nan)
    return {**{name: each[name] for name in QUALITY}, COLD: cold}


def give_tpme(found: Iterable[Standing]) -> None:
    """TPME of those that adapt and ended."""
    told = list(found)
    for name, value in costs.tpme(adapting(told)).items():
        next(s for s in told if s.name == name).tpme = value


def adapting(found: Iterable[Standing]) -> dict[str, Cost]:
    """What those spent that TPME is about."""
    return {s.name: s.cost for s in found if s.adapts and s.values}


def metrics(found: Iterable[Standing], against: Callable[[str], tuple[str, str] | None]) -> Metrics:
    """`NAME.MEASURE`, for a document and `--require`; `NAME.MEASURE-LABEL` is paired with what
    `against` gives for a name: a label, and who that is."""
    told: Metrics = {}
    by_name = {s.name: s for s in found}
    for s in by_name.values():
        if s.values:
            told |= _quality(s)
            if (pair := against(s.name)) and pair[1] in by_name:
                told |= _difference(s, by_name[pair[1]], pair[0])
        for key, unit in s.cost.units().items():
            told[f"{s.name}.{key}"] = {"value": s.cost.values[key], "unit": unit}
        if s.rate is not None:
            told[f"{s.name}.lr"] = {"value": s.rate, "unit": "learning rate"}
        if s.tpme is not None:
            told[f"{s.name}.tpme"] = {"value": s.tpme, "unit": "0..1, less is better"}
    return told


def names(of: Iterable[str], label: str) -> list[str]:
    """All that `metrics` may hold."""
    paired = [f"{name}-{label}" for name in QUALITY]
    keys = (*QUALITY, COLD, *paired, *costs.UNITS, "lr", "tpme")
    return [f"{one}.{key}" for one in of for key in keys]


def _quality(s: Standing) -> Metrics:
    seeds = len(s.values)
    told = {}
    each = {name: s.over_seeds(name) for name in QUALITY}
    for name, entry in ranking.summarize(each, seed=0).items():
        told[f"{s.name}.{name}"] = {**entry, "seeds": seeds}
    cold = np.concatenate([values[COLD] for values in s.values.values()])
    count = int(np.isfinite(cold).sum())
    value = float(np.nanmean(cold)) if count else None
    told[f"{s.name}.{COLD}"] = {"value": value, "n": count, "seeds": seeds}
    return told


def _difference(s: Standing, other: Standing, label: str) -> Metrics:
    """Over the same users and the seeds that both have."""
    seeds = [seed for seed in s.values if seed in other.values]
    if not seeds:
        return {}
    each = {
        f"{name}-{label}": s.over_seeds(name, seeds) - other.over_seeds(name, seeds)
        for name in QUALITY
    }
    found = ranking.summarize(each, seed=0)
    return {f"{s.name}.{k}": {**entry, "seeds": len(seeds)} for k, entry in found.items()}
