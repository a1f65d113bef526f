"""Runs the steps of a plan: one after the other here, or several at once in other processes."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Literal, Protocol

from mirctl import console, jobs, recipe
from mirctl.errors import Interrupted, MirctlError, RunError
from mirctl.steps.plan import Plan, Planned
from mirctl.steps.record import stamps

POLL = 0.05
"""Seconds between looks at who is done."""


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
    outcomes = {
        name: Outcome("left out")
        if planned.why
        else Outcome("up to date", planned.record.metrics, planned.record.seconds)
        for name, planned in plan.steps.items()
    }
    todo = {planned.step.name: planned for planned in plan.todo}
    sorter = TopologicalSorter({name: p.needs & todo.keys() for name, p in todo.items()})
    sorter.prepare()
    order = {name: number for number, name in enumerate(todo)}
    ready: list[str] = []
    running, stopping = 0, False
    try:
        while sorter.is_active():
            ready = sorted([*ready, *sorter.get_ready()], key=order.__getitem__)
            while ready and place.room and not stopping:
                running += _start(plan, place, todo[ready.pop(0)], options)
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


def _start(
    plan: Plan, place: Place, planned: Planned, options: Callable[[Planned], jobs.Options]
) -> int:
    """Begin a step."""
    record = planned.record
    record.state, record.files = "open", {}
    record.needs = {k: plan.steps[n].record.digest for k, n in planned.step.needs.items()}
    told = options(planned)
    plan.records.steps[planned.step.name] = record
    console.say(f"step {planned.step.name}: {planned.job.name} ({planned.why})")
    place.start(planned, told)
    return 1


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
    plan.records.write_at_leisure()


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
        except Exception as error:
            failure = Failure(1, f"{type(error).__name__}: {error}")
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


@dataclass
class _Child:
    name: str
    process: subprocess.Popen[bytes]
    out: Any
    log: Path
    begin: float


class Workers:
    """In several processes at once: each step is a `mirctl run` whose stderr goes to a log."""

    def __init__(self, plan: Plan, count: int, logs: Path, recipes: Path) -> None:
        self.plan, self.room, self.logs, self.recipes = plan, count, logs, recipes
        threads = max(1, (os.cpu_count() or 1) // count)
        self.environment = {"OMP_NUM_THREADS": str(threads), **os.environ}
        self._children: list[_Child] = []

    def start(self, planned: Planned, options: jobs.Options) -> None:
        name = planned.step.name
        told = self.recipes / f"{len(list(self.recipes.iterdir()))}.yaml"
        told.write_text(recipe.dump(self.plan.config(name)), encoding="utf-8")
        log = self.logs / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        modes = [f"--{mode}" for mode in ("resume", "force") if getattr(options, mode)]
        command = [sys.executable, "-m", "mirctl", "run", told, "--out", options.out, *modes]
        out = tempfile.TemporaryFile()  # noqa: SIM115 (closed when it is read)
        with log.open("wb") as err:
            process = subprocess.Popen(
                [*map(str, command), "--json"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self.environment,
                start_new_session=True,  # Ctrl-C comes to us, and we tell them, once
                preexec_fn=_die_with_parent(),
            )
        self._children.append(_Child(name, process, out, log, time.monotonic()))
        self.room -= 1

    def finished(self) -> list[tuple[str, Outcome]]:
        while not (ended := [c for c in self._children if c.process.poll() is not None]):
            time.sleep(POLL)
        for child in ended:
            self._children.remove(child)
            self.room += 1
        return [(child.name, _outcome(child)) for child in ended]

    def stop(self) -> None:
        for child in self._children:
            child.process.send_signal(signal.SIGTERM)
        try:
            for child in self._children:
                child.process.wait()
        except KeyboardInterrupt:
            for child in self._children:
                child.process.kill()
            raise


def _outcome(child: _Child) -> Outcome:
    """What a process said in its one document, or how it died."""
    child.out.seek(0)
    try:
        said = json.loads(child.out.read())
    except ValueError:
        said = {}
    finally:
        child.out.close()
    code = child.process.returncode
    if code == 0:
        return Outcome("done", said.get("metrics", {}), time.monotonic() - child.begin)
    died = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    error = said.get("error") or {"message": f"{died}: see {child.log}"}
    code = code if code > 0 else RunError.code
    return Outcome("failed", failure=Failure(code, error["message"], error.get("where")))


def _die_with_parent() -> Callable[[], None] | None:
    """Where the system can (Linux), have a child told to stop when this process dies."""
    try:
        prctl = ctypes.CDLL(None).prctl
    except (AttributeError, OSError):
        return None
    set_signal = 1
    return lambda: prctl(set_signal, signal.SIGTERM)
