"""Several processes that train one model: which of them this is, and what they tell each other.

The environment of torchrun says who takes part; `accelerate launch` and Ray Train set the same
variables. None of them means one process, for which everything here does nothing. The first process
(rank 0) alone writes and speaks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mirctl import console, stopping
from mirctl.errors import RunError, UsageError
from mirctl.shards import part

if TYPE_CHECKING:
    import torch
    from torch import Tensor

PATIENCE = timedelta(minutes=30)
"""How long one process waits for the others; of one that has ended it hears at once."""
MOST = 10**6
LOST = (
    "another process of this run has ended, or cannot be reached: its own message says why; the "
    "same command with --resume goes on from the last checkpoint"
)


class Done(Exception):
    """A process that is not the first has nothing more to do: it is no failure."""


class AlikeError(UsageError):
    """Every process raises it: the first one says it for all."""


@dataclass(frozen=True)
class Process:
    """One of `world` processes, `local` of `here` on its machine; ranks count from 0."""

    rank: int = 0
    world: int = 1
    local: int = 0
    here: int = 1

    def rows(self, count: int) -> slice:
        """This process's part of so many rows: the parts follow each other and are all of them."""
        return part(count, self.rank, self.world)

    def join(self, own: Tensor, count: int) -> Tensor:
        """(own rows, d) of each process -> (count, d) in every process, with their gradient.

        `own` are this process's `rows(count)`. The gradients that the processes have for a row are
        added up.
        """
        if self.world == 1:
            return own
        from mirctl.collectives import Join

        return Join.apply(own, self, count)

    def diverge(self) -> None:
        """From here on the processes draw different random numbers, for dropout; until here, all
        drew the same."""
        if self.rank:
            import torch

            torch.manual_seed(torch.initial_seed() + self.rank)


ALONE = Process()
_process = ALONE


def process() -> Process:
    """Which process this is."""
    return _process


def rank() -> int:
    """0 in the process that writes and speaks."""
    return _process.rank


def world() -> int:
    """How many processes take part."""
    return _process.world


def begin() -> None:
    """Be the process that the environment says; one process where it makes no sense, which is told
    once that matters."""
    global _process
    try:
        _process = _told()
    except UsageError:
        _process = ALONE
    console.follow(_process.rank)


@contextmanager
def launched() -> Iterator[None]:
    """Inside, this is the process that the environment says; only the first one speaks."""
    global _process
    before, _process = _process, _told()
    console.follow(_process.rank)
    try:
        yield
    finally:
        _process = before
        console.follow(before.rank)


def refuse_several(what: str, instead: str = "") -> None:
    """Raise an AlikeError where a launcher started several processes."""
    if world() > 1:
        more = f", and {instead}" if instead else ""
        raise AlikeError(f"{what}: run it in one process{more}; WORLD_SIZE says {world()}")


def _told() -> Process:
    if os.environ.get("WORLD_SIZE", "1") in ("", "1"):
        return ALONE
    keys = {"RANK": "", "WORLD_SIZE": "", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    texts = {key: os.environ.get(key, default) for key, default in keys.items()}
    try:
        found = Process(*map(int, texts.values()))
    except ValueError:
        found = Process(-1)
    ranks = 0 <= found.rank < found.world < MOST
    if not (ranks and 0 <= found.local < found.here <= found.world):
        told = ", ".join(f"{key}={text[:40]}" for key, text in texts.items())
        raise UsageError(f"the environment names no process ({told}): start it with torchrun")
    return found


@contextmanager
def connected(device: torch.device) -> Iterator[None]:
    """Inside, the processes can reach each other: by gloo on the CPU, by NCCL on CUDA."""
    if world() == 1:
        yield
        return
    import torch
    import torch.distributed as dist

    from mirctl import meeting

    backend = "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl"
    if dist.is_initialized():  # by whoever called us
        yield
        return
    store = meeting.come()
    try:
        with stopping.at_once():
            dist.init_process_group(
                backend, store=store, rank=rank(), world_size=world(), timeout=PATIENCE
            )
    except (RuntimeError, ValueError) as error:
        raise RunError(f"the {world()} processes do not meet: {error}") from error
    well = False
    try:
        yield
        well = True
    except Done:
        well = True
        raise
    finally:
        # With gloo the others hear at once of a failure; NCCL would wait for those that are gone.
        if well or backend == "gloo":
            dist.destroy_process_group()


@contextmanager
def reaching_others() -> Iterator[None]:
    """What torch says of a lost process, as a message for people."""
    try:
        yield
    except RuntimeError as error:
        raise RunError(LOST) from error


def shares() -> list[tuple[int, int]]:
    """What this process does of work whose results all can read, (index, count): its share of all
    of it; then, should machines not see each other's files, of what its own machine lacks."""
    one = _process
    return [(one.rank, one.world), (one.local, one.here)] if one.world > 1 else []


def summed(*values: float) -> list[float]:
    """Each value, added up over the processes."""
    if world() == 1:
        return [*values]
    import torch
    import torch.distributed as dist

    total = torch.tensor(values, dtype=torch.float64)
    with reaching_others():
        dist.all_reduce(total)
    return total.tolist()


def wait() -> None:
    """Go on when every process is here."""
    summed(0)


def from_first(value: Any) -> Any:
    """What the first process has."""
    if world() == 1:
        return value
    import torch.distributed as dist

    held = [value]
    with reaching_others():
        dist.broadcast_object_list(held, src=0)
    return held[0]


def from_all(value: Any) -> list[Any]:
    """What each process has, by rank."""
    if world() == 1:
        return [value]
    import torch.distributed as dist

    held = [None] * world()
    with reaching_others():
        dist.all_gather_object(held, value)
    return held


def refuse_others(facts: dict[str, Any]) -> None:
    """Raise a UsageError where another process was started with other facts than the first."""
    first, *others = from_all(facts)
    for number, other in enumerate(others, start=1):
        if differ := [key for key, value in other.items() if first.get(key) != value]:
            told = f"process {number} has another {', '.join(differ)} than the first"
            raise AlikeError(f"{told}: run one command on the same files")
