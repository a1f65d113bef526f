"""Outcomes -> means over seeds with their intervals, as a table for people and as metrics."""

import math
from collections.abc import Callable, Sequence
from statistics import mean
from typing import Any

from mirctl.metrics.seeds import interval
from mirctl_impute.comparing import holes, split
from mirctl_impute.comparing.case import Outcome
from mirctl_impute.comparing.plan import FILL, Plan

CPU, REAL = "cpu_seconds", "real"
NAMES = {"fill": (*holes.POINT, *holes.SPREAD), "generate": split.SHOWN}
"""What is measured, by task, and shown in this order."""
WORSE: dict[str, Callable[[float], float]] = {
    "nrmse": lambda v: v,
    "accuracy": lambda v: -v,
    "wd": lambda v: v,
    "js": lambda v: v,
    "coverage": lambda v: abs(v - 0.9),
    "ml_efficiency": lambda v: -v,
    "column_wd": lambda v: v,
    "column_js": lambda v: v,
    "correlation": lambda v: v,
    "detection": lambda v: abs(v - 0.5),
}
"""The smaller the better. What is said of privacy is a condition, and nobody wins it."""

Metrics = dict[str, dict[str, Any]]


def metrics(plan: Plan, outcomes: Sequence[Outcome]) -> Metrics:
    """`METHOD.METRIC` over all cases and `METHOD.METRIC@CASE`, each a mean over seeds.

    A method that failed anywhere has none over all cases: it would be of the easier ones."""
    found: Metrics = {}
    labels = list(dict.fromkeys(outcome.case for outcome in outcomes))
    outcomes = [*outcomes, *_real(outcomes)]
    for method in dict.fromkeys(outcome.method for outcome in outcomes):
        ours = [outcome for outcome in outcomes if outcome.method == method]
        for name in (*NAMES[plan.task], CPU):
            if not any(outcome.error for outcome in ours):
                found |= _entry(f"{method}.{name}", name, ours)
            for label in filter(None, labels):
                some = [o for o in ours if o.case == label and not o.error]
                found |= _entry(f"{method}.{name}@{label}", name, some)
    return found


def _real(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Real rows against real rows, a seed each, as the criteria tell beside every method."""
    by_seed: dict[int, Outcome] = {}
    for outcome in outcomes:
        if beside := outcome.details.get("metrics"):
            values = {
                name: float(metric["real"])
                for name, metric in beside.items()
                if metric.get("real") is not None
            }
            by_seed.setdefault(outcome.seed, Outcome(outcome.case, outcome.seed, REAL, 0.0, values))
    return list(by_seed.values())


def keys(plan: Plan) -> list[str]:
    """All that `metrics` may hold, for `--require`."""
    names = [f"{m}.{name}" for m in plan.methods for name in (*NAMES[plan.task], CPU)]
    if plan.task != FILL:
        return names
    labels = [holes.label(m, level) for m in plan.mechanisms for level in plan.levels]
    return [*names, *(f"{name}@{label}" for name in names for label in labels)]


def _entry(key: str, name: str, outcomes: Sequence[Outcome]) -> Metrics:
    """The mean over seeds of each seed's mean over cases."""
    by_seed: dict[int, list[float]] = {}
    for outcome in outcomes:
        value = outcome.cpu_seconds if name == CPU else outcome.values.get(name, math.nan)
        by_seed.setdefault(outcome.seed, []).append(value)
    values = [mean(cells) for cells in by_seed.values()]
    if not values or any(map(math.isnan, values)):
        return {}
    entry: dict[str, Any] = {"value": mean(values), "n": len(values), "of": "seeds"}
    half = interval(values)
    if half is not None:
        entry |= {"low": entry["value"] - half, "high": entry["value"] + half}
    return {key: entry}
