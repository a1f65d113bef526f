"""Batches side by side on a CPU, each on its own thread.

Splitting one small batch over threads makes them wait for each other at every layer: with other
work on the machine that is ten times slower. One batch a thread never waits, and its result does
not depend on how many threads there are.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
AT_ONCE = 4
"""Batches that are worth giving to an encoder together."""


def on_each(
    work: Callable[[T], Tensor], batches: Sequence[T], device: torch.device
) -> list[Tensor]:
    """`work` of every batch, in order; without gradients."""

    def quietly(batch: T) -> Tensor:
        with torch.inference_mode():
            return work(batch)

    if device.type != "cpu":
        return [quietly(batch) for batch in batches]
    threads = torch.get_num_threads()
    workers = min(AT_ONCE, threads)
    try:
        with ThreadPoolExecutor(
            workers, initializer=torch.set_num_threads, initargs=(threads // workers,)
        ) as pool:
            return list(pool.map(quietly, batches))
    finally:
        torch.set_num_threads(threads)  # later threads would inherit what the workers set


def chunks(values: Sequence[T], size: int) -> list[Sequence[T]]:
    """Consecutive slices of at most `size`."""
    return [values[start : start + size] for start in range(0, len(values), size)]
