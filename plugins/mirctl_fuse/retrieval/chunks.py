"""Work that is done chunk by chunk, so that memory does not grow with how much of it there is."""

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor
from torch.utils.checkpoint import checkpoint

T = TypeVar("T")


def in_chunks(work: Callable[[Tensor], T], rows: Tensor, chunk: int) -> list[T]:
    """What work makes of each chunk of rows. What it needed on the way is forgotten, and once the
    gradient of what it made is known the chunk is worked on again, with the same random numbers
    (GradCache, Gao et al., 2021). What fits into one chunk is worked on once."""
    if len(rows) <= chunk:
        return [work(rows)]
    return [checkpoint(work, part, use_reentrant=False) for part in rows.split(chunk)]
