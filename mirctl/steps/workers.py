"""Steps in processes of their own, several at once: each is a `mirctl run` that writes a log."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirctl import jobs, recipe
from mirctl.errors import RunError
from mirctl.steps.plan import Plan, Planned
from mirctl.steps.running import Failure, Outcome, log_of
from mirctl.stopping import die_with_parent

POLL = 0.05
"""Seconds between looks at who is done."""


@dataclass
class _Child:
    name: str
    process: subprocess.Popen[bytes]
    out: Any
    log: Path
    begin: float


class Workers:
    """Several processes, which share the machine's threads."""

    def __init__(self, plan: Plan, count: int, recipes: Path) -> None:
        self.plan, self.room, self.recipes = plan, count, recipes
        threads = max(1, (os.cpu_count() or 1) // count)
        self.environment = {"OMP_NUM_THREADS": str(threads), **os.environ}
        self._children: list[_Child] = []

    def start(self, planned: Planned, options: jobs.Options) -> None:
        name = planned.step.name
        told = self.recipes / f"{len(list(self.recipes.iterdir()))}.yaml"
        told.write_text(recipe.dump(self.plan.config(name)), encoding="utf-8")
        log = log_of(self.plan, name)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)  # what stood there may be a pipe, which nobody reads
        modes = [f"--{mode}" for mode in ("resume", "force") if getattr(options, mode)]
        # -P: a mirctl.py in the current folder is somebody else's.
        command = [sys.executable, "-P", "-m", "mirctl", "run", told, "--out", options.out, *modes]
        out = tempfile.TemporaryFile()  # noqa: SIM115 (closed when it is read)
        with log.open("wb") as err:
            process = subprocess.Popen(
                [*map(str, command), "--json"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self.environment,
                start_new_session=True,  # Ctrl-C comes to us, and we tell them, once
                preexec_fn=die_with_parent(signal.SIGTERM),
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
