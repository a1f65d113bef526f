"""What a pipeline made: one document or a table, and what it ends with."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from mirctl import console
from mirctl.jobs import Requirement
from mirctl.steps import cells, gate
from mirctl.steps.plan import Plan, Planned
from mirctl.steps.running import Failure, Outcome


def show(
    plan: Plan,
    outcomes: Mapping[str, Outcome],
    table: list[cells.Row],
    require: Sequence[Requirement],
    *,
    json: bool,
    forgiving: bool,
) -> None:
    """Results as one document or a table, then what failed decides."""
    failed = [(n, o.failure) for n, o in outcomes.items() if o.failure is not None]
    missed = gate.missed(plan, outcomes, require)
    error = _error(failed, missed, forgiving=forgiving)
    means = cells.over_seeds(table)
    if json:
        steps = {name: _facts(plan.steps[name], outcome) for name, outcome in outcomes.items()}
        document: dict[str, Any] = {"out": str(plan.records.folder), "steps": steps}
        if table:
            document["cells"] = [row.as_json() for row in table]
        if means:
            document["over_seeds"] = [row.as_json() for row in means]
        console.document({**document, **({"error": vars(error)} if error else {})})
    else:
        told = cells.shown(means or table, console.width()) if table else _table(plan, outcomes)
        console.emit(told)
    for why in missed:
        console.error(why)
    if error:
        raise typer.Exit(error.code)


def _error(
    failed: Sequence[tuple[str, Failure]], missed: Sequence[str], *, forgiving: bool
) -> Failure | None:
    """What the whole ends with: a failed step's own code, or 1 where others went on."""
    if not failed and not missed:
        return None
    told = "; ".join([*(f"step {name}: {why}" for name, why in failed), *missed])
    code = failed[0][1].code if failed and not forgiving else 1
    return Failure(code, told)


def _facts(planned: Planned, outcome: Outcome) -> dict[str, Any]:
    failure = {"error": vars(outcome.failure)} if outcome.failure else {}
    return {
        "job": planned.job.name,
        "state": outcome.state,
        "out": planned.record.out,
        "seconds": outcome.seconds,
        "metrics": outcome.metrics,
        **failure,
    }


def _table(plan: Plan, outcomes: Mapping[str, Outcome]) -> str:
    lines = []
    for name, outcome in outcomes.items():
        shown = [
            f"{k} {m['value']:.4f}"
            for k, m in outcome.metrics.items()
            if "/" not in k and m["value"] is not None
        ]
        seconds = f"{outcome.seconds:.1f}" if outcome.seconds else ""
        result = plan.steps[name].record.out
        lines.append([name, outcome.state, result, seconds, ", ".join(shown)])
    head = ["step", "state", "result", "seconds", "metrics"]
    return console.table(head, lines, left=(0, 1, 2, 4))
