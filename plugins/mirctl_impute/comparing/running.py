"""Every method in every case: one fails, and the rest goes on."""

import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mirctl import console, stopping
from mirctl.errors import Interrupted, MirctlError, RunError, UsageError
from mirctl_impute.comparing import holes, real, split
from mirctl_impute.comparing.case import Case, Outcome, Planned, cpu_seconds
from mirctl_impute.comparing.kept import Kept
from mirctl_impute.comparing.plan import FILL, Plan, known_methods
from mirctl_impute.criteria.ml_efficiency import target_place
from mirctl_impute.rivals.needs import load


def run(plan: Plan, kept: Kept) -> list[Outcome]:
    """All outcomes, those that are kept as they are; a RunError where every method failed."""
    known = known_methods(plan.task)
    for method in plan.methods:
        load(known[method])
    outcomes: list[Outcome] = []
    try:
        with tempfile.TemporaryDirectory(prefix="mirctl-") as folder:
            watch = Watch(plan)
            for planned in _cases(plan, Path(folder)):
                for outcome in _all(planned, plan, kept, watch):
                    outcomes.append(outcome)
    except (Interrupted, KeyboardInterrupt) as error:
        end = "none is kept"
        if kept.path is not None:
            end = f"they are in {kept.path}: the same command with --resume goes on"
        raise Interrupted(f"stopped after {len(outcomes)} results; {end}") from error
    if all(outcome.error for outcome in outcomes):
        raise RunError(f"no method came through; the last one: {outcomes[-1].error}")
    return outcomes


def _all(planned: Planned, plan: Plan, kept: Kept, watch: "Watch") -> Iterator[Outcome]:
    """Each method in one case; the case is made once a method wants it."""
    case: Case | None = None
    for method in plan.methods:
        outcome = kept.get(planned.label, planned.seed, method)
        if outcome is None:
            with ignored_warnings():
                outcome, case = _one(planned, case, method)
            kept.add(outcome)
            watch.tell(outcome)
        else:
            watch.skip()
        yield outcome


def _cases(plan: Plan, work: Path) -> Iterator[Planned]:
    table = real.read(
        plan.table, plan.learning.names, plan.learning.missing, plan.schema_file, work
    )
    if plan.task == FILL:
        if "mar" in plan.mechanisms and len(table.table.columns) < 2:
            raise UsageError(
                "--mechanism mar hides cells by other columns, and only one can be learned: choose "
                "mcar or mnar"
            )
        return holes.cases(
            table, plan.mechanisms, plan.levels, plan.seeds, plan.draws, plan.learning, work
        )
    target = target_place(table.table, plan.target)
    if plan.target is None:
        console.say(f"--target is {table.table.columns[target].name!r}, the last column")
    return split.cases(table, target, plan.share, plan.seeds, plan.learning, work)


def _one(planned: Planned, case: Case | None, method: str) -> tuple[Outcome, Case | None]:
    """What a method reaches, and the case, made where it was not."""
    key = planned.label, planned.seed, method
    before = cpu_seconds()
    try:
        case = case or planned.make()
        before = cpu_seconds()
        made = case.run(method)
        spent = cpu_seconds() - before
        return Outcome(*key, spent, *case.measure(made)), case
    except Interrupted:
        raise
    except Exception as error:  # of a library anything may come, and the others still count
        if stopping.interrupted(error):
            raise KeyboardInterrupt from error
        told = str(error) if isinstance(error, MirctlError) else f"{type(error).__name__}: {error}"
        lines = told.strip().splitlines() or [type(error).__name__]
        return Outcome(*key, cpu_seconds() - before, error=lines[0][:200]), case


@contextmanager
def ignored_warnings() -> Iterator[None]:
    """Libraries warn of few rows a class, of iterations that stop: nothing to act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Watch:
    """Says what was reached, and how long the rest may take."""

    def __init__(self, plan: Plan) -> None:
        situations = len(plan.mechanisms) * len(plan.levels) if plan.task == FILL else 1
        self.total = plan.seeds * len(plan.methods) * situations
        self.shown = holes.POINT if plan.task == FILL else split.SHOWN[:2]
        self.done = self.made = 0
        self.start = time.monotonic()

    def skip(self) -> None:
        """A result was there before."""
        self.done += 1

    def tell(self, outcome: Outcome) -> None:
        """A line for a new result."""
        self.done += 1
        self.made += 1
        each = (time.monotonic() - self.start) / self.made
        left = console.duration(each * (self.total - self.done))
        parts = (f"{self.done}/{self.total}", outcome.case, f"seed {outcome.seed}", outcome.method)
        where = " ".join(filter(None, parts))
        if outcome.error:
            console.warn(f"{where}: failed: {outcome.error}")
            return
        found = [f"{n} {outcome.values[n]:.3f}" for n in self.shown if n in outcome.values]
        spent = f"{outcome.cpu_seconds:.1f} CPU s"
        console.say(f"{where}: {', '.join([*found, spent])}; about {left} left")
