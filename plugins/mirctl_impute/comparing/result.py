"""A whole comparison: from a plan to what is shown of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mirctl.errors import UsageError, suggest
from mirctl.jobs import Requirement
from mirctl_impute.comparing import chart, running, summary
from mirctl_impute.comparing.case import Outcome
from mirctl_impute.comparing.kept import open_kept
from mirctl_impute.comparing.plan import FILL, Plan
from mirctl_impute.comparing.report import report


@dataclass(frozen=True)
class Comparison:
    """Means over seeds, the table for people, and what every method reached in every case."""

    metrics: summary.Metrics
    report: str
    facts: dict[str, Any]


def compare(
    plan: Plan, gate: Sequence[Requirement] = (), plot: Path | None = None,
    out: Path | None = None, *, resume: bool = False, force: bool = False,
) -> Comparison:  # fmt: skip
    """Run every method; what is required and cannot be measured is a UsageError before that.

    Results are kept in `out`, a line of JSON each, as they come.
    """
    known = summary.keys(plan)
    for item in gate:
        if item.metric not in known:
            hint = suggest(item.metric, known, f"known: {', '.join(known[:8])}, ...")
            raise UsageError(f"--require {item.text}: no metric {item.metric!r}{hint}")
    if plot is not None:
        chart.check(plan, plot, force=force)
    kept = open_kept(plan, out, resume=resume, force=force)
    outcomes = running.run(plan, kept)
    metrics = summary.metrics(plan, outcomes)
    if plot is not None:
        chart.draw(plan, metrics, plot)
    return Comparison(metrics, report(plan, outcomes, metrics), _facts(plan, outcomes))


def _facts(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What a document tells beside the metrics."""
    asked: dict[str, Any] = {"methods": list(plan.methods), "seeds": plan.seeds}
    if plan.task == FILL:
        asked |= {"mechanisms": list(plan.mechanisms), "levels": list(plan.levels)}
        asked |= {"draws": plan.draws}
    return {
        "task": plan.task,
        "table": plan.table,
        "settings": list(plan.learning.settings),
        **asked,
        "results": [asdict(outcome) for outcome in outcomes],
    }
