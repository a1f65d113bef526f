"""Runs the steps of a plan, each when what it needs is done; and the simplest place: here."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, Literal, Protocol

from mirctl import console, files, jobs, stopping
from mirctl.errors import DataError, Interrupted, MirctlError
from mirctl.steps.plan import Plan, Planned
from mirctl.steps.record import LOGS, stamps


@dataclass(frozen=True)
class Failure:
    """Why a step failed, as its own command would have told it."""

    code: int
    message: str
    where: str | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


@dataclass
class Outcome:
    """How a step ended."""

    state: Literal["done", "up to date", "failed", "left out"]
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: float = 0.0
    failure: Failure | None = None


class Place(Protocol):
    """Where steps run."""

    room: int
    """How many more can be started."""

    def start(self, planned: Planned, options: jobs.Options) -> None: ...

    def finished(self) -> list[tuple[str, Outcome]]:
        """Wait until at least one ends."""

    def stop(self) -> None:
        """End all that run, with checkpoints."""


def run(
    plan: Plan,
    place: Place,
    options: Callable[[Planned], jobs.Options],
    *,
    keep_going: bool,
) -> dict[str, Outcome]:
    """Every step's outcome; a step begins when all that it needs is done."""
    outcomes = {name: _before(planned) for name, planned in plan.steps.items()}
    todo = {planned.step.name: planned for planned in plan.todo}
    sorter = TopologicalSorter({name: p.needs & todo.keys() for name, p in todo.items()})
    sorter.prepare()
    order = {name: number for number, name in enumerate(todo)}
    ready: list[tuple[int, str]] = []
    running, stopping = 0, False
    try:
        while sorter.is_active():
            for name in sorter.get_ready():
                heappush(ready, (order[name], name))
            while ready and place.room and not stopping:
                _, name = heappop(ready)
                _start(plan, place, todo[name], options)
                running += 1
            if not running:
                break
            for name, outcome in place.finished():
                running -= 1
                outcomes[name] = outcome
                _note(plan, plan.steps[name], outcome)
                if outcome.state == "done":
                    sorter.done(name)
                else:
                    stopping = not keep_going
    except KeyboardInterrupt:
        place.stop()
        raise
    finally:
        plan.records.write()
    return outcomes


def _before(planned: Planned) -> Outcome:
    """What is known of a step before anything runs."""
    if planned.why:
        return Outcome("left out")
    return Outcome("up to date", planned.record.metrics, planned.record.seconds)


def _start(
    plan: Plan, place: Place, planned: Planned, options: Callable[[Planned], jobs.Options]
) -> None:
    """Begin a step: it is made from what is there now, however long ago it was planned."""
    record = planned.record
    record.inputs = plan.look.contents(record.watched)
    record.state, record.files = "open", {}
    record.needs = {k: plan.steps[n].record.digest for k, n in planned.step.needs.items()}
    told = options(planned)
    plan.records.steps[planned.step.name] = record
    console.say(f"step {planned.step.name}: {planned.job.name} ({planned.why})")
    place.start(planned, told)


def _note(plan: Plan, planned: Planned, outcome: Outcome) -> None:
    """Write down how a step ended."""
    name, record = planned.step.name, planned.record
    if outcome.state == "done":
        record.files = stamps(planned.out, {})
        record.metrics = outcome.metrics
        record.seconds = outcome.seconds
        console.say(f"step {name}: done in {console.duration(outcome.seconds)}")
    else:
        console.error(f"step {name}: {outcome.failure}")
    record.state = "done" if outcome.state == "done" else "failed"
    if record.state == "done" and _changed(plan, planned):
        record.state = "open"
        console.warn(f"step {name}: its input changed while it ran: the next run does it again")
    plan.records.write_at_leisure()


def _changed(plan: Plan, planned: Planned) -> bool:
    """Has anything that the step read changed since it began?"""
    try:
        return plan.look.contents(planned.record.watched) != planned.record.inputs
    except DataError:  # it is gone
        return True


def log_of(plan: Plan, name: str) -> Path:
    """Where a step's own words go, if not to people."""
    return plan.records.folder / LOGS / f"{name}.log"


class Here:
    """In this process, one after the other."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.room = plan, 1
        self._ended: list[tuple[str, Outcome]] = []

    def start(self, planned: Planned, options: jobs.Options) -> None:
        self.room = 0
        name, begin = planned.step.name, time.monotonic()
        try:
            result = jobs.do(planned.job, self.plan.config(name), options)
        except Interrupted as error:
            raise Interrupted(f"step {name}: {error.message}", where=error.where) from error
        except MirctlError as error:
            failure = Failure(error.code, error.message, error.where)
            self._ended.append((name, Outcome("failed", failure=failure)))
        except Exception as error:  # a bug in one step is no reason to lose the others
            if stopping.interrupted(error):
                raise KeyboardInterrupt from error
            log = log_of(self.plan, name)
            files.write_text(log, traceback.format_exc())
            failure = Failure(1, f"{type(error).__name__}: {error} (see {log})")
            self._ended.append((name, Outcome("failed", failure=failure)))
        else:
            from mirctl.artifact.manifest import plain

            seconds = time.monotonic() - begin
            self._ended.append((name, Outcome("done", plain(result.metrics), seconds)))

    def finished(self) -> list[tuple[str, Outcome]]:
        ended, self._ended, self.room = self._ended, [], 1
        return ended

    def stop(self) -> None:
        """The step that ran was interrupted itself."""
