"""Where the processes of a run meet, and hear why one of them failed.

They share a small store (torch's TCPStore) at MASTER_ADDR: torchrun keeps it, or the first process.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from mirctl import distributed, stopping
from mirctl.errors import Interrupted, MirctlError, RunError, UsageError

if TYPE_CHECKING:
    from torch.distributed import Store

LIMIT = "MIRCTL_MEETING"
"""The variable that says how many seconds a process waits until all have come."""
SECONDS = 600.0
GRACE = 5.0
"""Seconds in which a process that fails speaks with the others, which are near."""
START = 30.0
"""Seconds in which all have started: until then the first process, should it fail, is there."""
PAUSE = 0.1
_started = time.monotonic()
_met = 0
_store: Store | None = None


@dataclass(frozen=True)
class Failure:
    """How a process ends: what it says, and its exit code."""

    code: int
    message: str
    where: str | None
    rank: int

    @classmethod
    def of(cls, text: bytes | str) -> Self:
        return cls(**json.loads(text))

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message

    def text(self) -> str:
        return json.dumps(asdict(self))

    def document(self) -> dict[str, Any]:
        """As --json tells it."""
        who = f"process {self.rank}: " if self.rank else ""
        return {"code": self.code, "message": who + self.message, "where": self.where}

    def like(self, other: Failure) -> bool:
        """Is it the same but for the process?"""
        return (self.code, self.message, self.where) == (other.code, other.message, other.where)


class ElsewhereError(MirctlError):
    """Another process failed: the run ends with its message and its exit code."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message, where=failure.where)
        self.code, self.rank = failure.code, failure.rank


def come() -> Store:
    """Wait until all processes are here; gives them a store.

    Raises what a process that failed before has said; a RunError names those that do not come.
    """
    global _met
    process, limit = distributed.process(), _limit()
    store = _opened(limit)
    try:
        store.set(f"here/{process.rank}", "")
        store.add("here", 1)
        end = time.monotonic() + limit
        while store.add("here", 0) < process.world:
            if failure := _read(store, "failed"):
                raise ElsewhereError(failure)
            if time.monotonic() > end:
                raise RunError(_absent(store, process.world, limit))
            time.sleep(PAUSE)
    except RuntimeError as error:
        raise RunError(distributed.LOST) from error
    _met += 1
    return _opened(limit)


def settled(failure: Failure) -> tuple[Failure, bool]:
    """Tell the others of a failure. Gives how this process ends, maybe as another did before; and
    whether the first process says so for it."""
    process = distributed.process()
    if process.world == 1 or "MASTER_ADDR" not in os.environ:
        return failure, False
    try:
        store = _opened(GRACE)
        if failure.message == distributed.LOST:
            with suppress(KeyboardInterrupt):  # a launcher that has heard of it, too
                _until(lambda: store.check(["failed"]), 1.0)
            failure = _read(store, "failed") or failure
        else:
            store.compare_set("failed", "", failure.text())
        if not process.rank:
            store.set("said", failure.text())
            return failure, False
        if failure.code != Interrupted.code:  # which the first process alone says in any case
            _until(lambda: store.check(["said"]), GRACE)
        said = _read(store, "said")
        store.add("heard", 1)
    except (RuntimeError, MirctlError):  # nobody is there to speak with
        return failure, False
    return failure, bool(said and said.like(failure))


def leave() -> None:
    """The first process, having told of a failure, goes when all have heard of it, or soon."""
    process = distributed.process()
    if process.world == 1 or process.rank or "MASTER_ADDR" not in os.environ:
        return
    with suppress(RuntimeError, MirctlError, KeyboardInterrupt):  # nobody is there, or nobody waits
        store = _opened(GRACE)
        starting = 0.0 if _met or _kept_by_launcher() else _started + START - time.monotonic()
        _until(lambda: store.add("heard", 0) >= process.world - 1, max(GRACE, starting))


def _limit() -> float:
    told = os.environ.get(LIMIT) or str(SECONDS)
    try:
        seconds = float(told)
        timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        seconds = 0.0
    if seconds <= 0:
        raise UsageError(f"{LIMIT}={told[:40]!r}: say how many seconds processes wait, as in 60")
    return seconds


def _opened(limit: float) -> Store:
    """The store of this meeting; torchrun may start the processes, and they may meet, anew."""
    from torch.distributed import PrefixStore

    keys = ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT")
    names = ("mirctl", *(os.environ.get(key, "") for key in keys), str(_met))
    return PrefixStore("/".join(names), _connected(limit))


def _connected(limit: float) -> Store:
    global _store
    if _store is None:
        _store = _connection(limit)
    return _store


def _connection(limit: float) -> Store:
    from torch.distributed import TCPStore

    host, port = os.environ.get("MASTER_ADDR"), os.environ.get("MASTER_PORT", "")
    if not host or not port.isdecimal() or int(port) >= 1 << 16:
        told = f"MASTER_ADDR={host}, MASTER_PORT={port[:40]}"
        raise UsageError(f"the environment says no place to meet ({told}): start it with torchrun")
    process = distributed.process()
    keeps = not process.rank and not _kept_by_launcher()
    if not keeps and not _until(lambda: _answers(host, int(port)), limit):
        told = f"process 0 cannot be reached at {host}:{port} within {limit:g} s"
        raise RunError(f"{told}: look at what it says ({LIMIT}=SECONDS waits longer)")
    try:
        with stopping.at_once():
            return TCPStore(
                host, int(port), process.world, keeps, timedelta(seconds=limit),
                wait_for_workers=False, multi_tenant=True,
            )  # fmt: skip
    except (RuntimeError, ValueError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise RunError(f"the processes cannot meet at {host}:{port}: {why}") from error


def _answers(host: str, port: int) -> bool:
    """Is somebody there? Torch's own waiting is noisy, and no Ctrl-C ends it."""
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def _kept_by_launcher() -> bool:
    return os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def _absent(store: Store, world: int, limit: float) -> str:
    ranks = [str(rank) for rank in range(world) if not store.check([f"here/{rank}"])]
    more = ", ..." if len(ranks) > 10 else ""
    who = f"{'process' if len(ranks) == 1 else 'processes'} {', '.join(ranks[:10])}{more}"
    todo = f"look at what it says there ({LIMIT}=SECONDS waits longer)"
    return f"{who} of {world} did not come within {limit:g} s: {todo}"


def _read(store: Store, key: str) -> Failure | None:
    return Failure.of(store.get(key)) if store.check([key]) else None


def _until(true: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is true; gives False where it is not within so many seconds."""
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(PAUSE)
    return found
