"""A plugin is checked in a process of its own: one that hangs or dies fails the check under way.

The checks after it are done in the next process. Nothing that a plugin started is left running.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

from mirctl.conformance.plugin import Plugin
from mirctl.conformance.running import import_path
from mirctl.stopping import die_with_parent

POLL = 0.1
"""Seconds between looks whether the process lives, while it says nothing."""
START = 60.0
"""Seconds that a process may take until it begins: the plugin has no part in it."""
MARK = "MIRCTL_CHECK"
"""The variable by which all that a check started is known: its folder."""
LAST_WORDS = 1.0
"""Seconds that copies of a dead process have to say that they are some."""


def examined(plugin: Plugin, checks: list[str], timeout: float) -> Iterator[tuple[str, str | None]]:
    """(check, problem) of each problem, and (check, None) when a check is through.

    `timeout`: seconds that each thing may take that a check calls. Where the process of `loads`
    hangs or dies the others are left out: they load the plugin, too.
    """
    waiting = list(checks)
    while waiting:
        call, late = "", f"took longer than {timeout:g} s"
        with _process(plugin, waiting) as (process, pipe, log):
            try:
                for said in _heard(process, pipe, timeout):
                    call = said.get("call", call)
                    if "problem" in said:
                        yield said["check"], said["problem"]
                    elif "done" in said:
                        waiting.remove(said["done"])
                        yield said["done"], None
                code = process.wait(timeout)
                why = _end(code, log) if code or waiting else ""
            except (TimeoutError, subprocess.TimeoutExpired):
                why = late
        if not waiting:
            if why:
                left = "after its last command: is a thread left running?"
                yield _last(checks), f"the process {why} {left}"
            return
        failed, why = waiting.pop(0), f"{call} {why}".strip()
        yield failed, f"{why}: all else is left out" if failed == "loads" else why
        yield failed, None
        if failed == "loads":
            return


def _heard(
    process: subprocess.Popen[bytes], pipe: Connection, timeout: float
) -> Iterator[dict[str, str]]:
    """What the process says until it ends; TimeoutError where it is silent for too long."""
    last, limit = time.monotonic(), max(timeout, START)
    while True:
        lives = process.poll() is None
        if pipe.poll(POLL if lives else LAST_WORDS):
            try:
                yield json.loads(pipe.recv_bytes())
            except (EOFError, OSError, ValueError):
                return
            last, limit = time.monotonic(), timeout
        elif not lives:
            return
        elif time.monotonic() > last + limit:
            raise TimeoutError


@contextmanager
def _process(
    plugin: Plugin, checks: list[str]
) -> Iterator[tuple[subprocess.Popen[bytes], Connection, IO[bytes]]]:
    """A process that does these checks; it and all that it started are gone afterwards."""
    listening, speaking = Pipe(duplex=False)
    with listening, tempfile.TemporaryFile() as log, _folder() as place:
        with speaking:
            order = {"handle": speaking.fileno(), "name": plugin.name, "recipe": plugin.recipe}
            told = json.dumps({**order, "checks": checks, "place": place})
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "mirctl.conformance.child", told],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=place,
                env={**os.environ, "PYTHONPATH": import_path(), MARK: place},
                pass_fds=[speaking.fileno()],
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
        try:
            yield process, listening, log
        finally:
            with suppress(ProcessLookupError, PermissionError):  # nobody is left
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            _end_all(place)


def _end_all(place: str) -> None:
    """What a plugin sent into a session of its own goes, too, where the system tells of it (Linux);
    all but what has dropped its variables."""
    mark = f"{MARK}={place}".encode()
    found = True
    while found:  # one that forks meanwhile is found next time
        found = False
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)
                    found = True
        time.sleep(POLL if found else 0)


@contextmanager
def _folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="mirctl-check-", ignore_cleanup_errors=True) as name:
        yield os.path.realpath(name)


def _end(code: int, log: IO[bytes]) -> str:
    """How the process ended, if not well."""
    if code < 0:
        return f"ended by signal {-code}"
    log.seek(0)
    last = log.read()[-200:].decode(errors="backslashreplace").strip().splitlines()[-1:]
    return f"ended with exit code {code} without a result" + "".join(f": {line}" for line in last)


def _last(checks: list[str]) -> str:
    return "terminal" if "terminal" in checks else checks[-1]
