"""Every method in every case: one fails, and the rest goes on."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mirctl import console
from mirctl.errors import Interrupted, MirctlError, RunError, UsageError
from mirctl_impute.comparing import holes, real, split
from mirctl_impute.comparing.case import Case, Outcome, cpu_seconds
from mirctl_impute.comparing.plan import FILL, Plan, known_methods
from mirctl_impute.rivals.needs import load


def run(plan: Plan) -> list[Outcome]:
    """All outcomes; a RunError where every method failed in every case."""
    outcomes: list[Outcome] = []
    known = known_methods(plan.task)
    for method in plan.methods:
        load(known[method])
    start = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="mirctl-") as folder:
            for case in _cases(plan, Path(folder)):
                for method in plan.methods:
                    outcomes.append(_one(case, method))
                    _tell(plan, outcomes, time.monotonic() - start)
    except (Interrupted, KeyboardInterrupt) as error:
        raise Interrupted(f"stopped after {len(outcomes)} results; none is kept") from error
    if all(outcome.error for outcome in outcomes):
        raise RunError(f"no method came through; the last one: {outcomes[-1].error}")
    return outcomes


def _cases(plan: Plan, work: Path) -> Iterator[Case]:
    table = real.read(
        plan.table, plan.learning.names, plan.learning.missing, plan.schema_file, work
    )
    if plan.task == FILL:
        if "mar" in plan.mechanisms and len(table.table.columns) < 2:
            raise UsageError("mar hides cells by other columns, and the table has one to learn")
        return holes.cases(
            table, plan.mechanisms, plan.levels, plan.seeds, plan.draws, plan.learning, work
        )
    target = split.target_column(table, plan.target)
    if plan.target is None:
        console.say(f"--target is {table.table.columns[target].name!r}, the last column")
    return split.cases(table, target, plan.seeds, plan.learning, work)


def _one(case: Case, method: str) -> Outcome:
    before = cpu_seconds()
    try:
        made = case.run(method)
        spent = cpu_seconds() - before
        values, details = case.measure(made)
    except Interrupted:
        raise
    except Exception as error:  # of a library anything may come, and the others still count
        told = str(error) if isinstance(error, MirctlError) else f"{type(error).__name__}: {error}"
        lines = told.strip().splitlines() or [type(error).__name__]
        return Outcome(case.label, case.seed, method, cpu_seconds() - before, error=lines[0][:200])
    return Outcome(case.label, case.seed, method, spent, values, details)


def _tell(plan: Plan, outcomes: list[Outcome], seconds: float) -> None:
    """A line for each outcome, with the time left."""
    last, done = outcomes[-1], len(outcomes)
    total = plan.seeds * len(plan.methods)
    shown = split.SHOWN[:2]
    if plan.task == FILL:
        total *= len(plan.mechanisms) * len(plan.levels)
        shown = holes.POINT
    left = console.duration(seconds / done * (total - done))
    where = f"{done}/{total} {last.case} seed {last.seed} {last.method}".replace("  ", " ")
    if last.error:
        console.warn(f"{where}: failed: {last.error}")
        return
    values = ", ".join(f"{name} {last.values[name]:.3f}" for name in shown if name in last.values)
    console.say(f"{where}: {values}, {last.cpu_seconds:.1f} CPU s; about {left} left")
