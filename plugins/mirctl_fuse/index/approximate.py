"""Approximate search with faiss: far fewer vectors are compared, and some of the best are missed.

What an artifact holds of it are plain arrays, checked before faiss has them. Bytes in a format of
faiss' own are never read: they may name any file, which faiss then maps to write to.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from mirctl.errors import MissingError
from mirctl.section import Section
from mirctl_fuse.index import exact, hnsw, ivf
from mirctl_fuse.index.space import Found, Space, dots, joined, ordered

if TYPE_CHECKING:
    import faiss

QUERIES_AT_ONCE = 1024
SELECTIVE = 0.1
"""A filter that leaves a smaller share is searched exactly: that costs as little."""
KINDS = {"ivf": ivf, "hnsw": hnsw}


class Approximation(Section):
    """How a space is searched: lists of near vectors (IVF), or a graph (HNSW)."""

    kind: Literal["ivf", "hnsw"]
    effort: int = Field(ge=1, le=1 << 16, description="IVF: lists that are read; HNSW: efSearch")
    seed: int = Field(0, ge=0, lt=2**31)


@dataclass(frozen=True, eq=False)
class Approximate:
    """What was learned of a space's vectors, as arrays by name."""

    how: Approximation
    space: Space
    arrays: dict[str, Tensor]
    asked: Tensor
    """(queries, width) float32: the sample that recall is measured with."""

    @cached_property
    def faiss(self) -> "faiss.Index":
        require()
        return KINDS[self.how.kind].as_faiss(self.space, self.arrays)

    def search(self, queries: Tensor, k: int, allowed: Tensor | None = None) -> Found:
        """As exact search does it, and exactly where a filter leaves faiss too few to be sure."""
        candidates = self.space.candidates(allowed)
        left = len(self.space) if candidates is None else int(candidates.sum())
        if left < SELECTIVE * len(self.space) or left <= k:
            return exact.search(self.space, queries, k, allowed)
        blocks = self.space.queries(queries).split(QUERIES_AT_ONCE) if len(queries) else ()
        return joined([self._block(some, k, candidates) for some in blocks], len(queries), k)

    def _block(self, queries: Tensor, k: int, candidates: Tensor | None) -> Found:
        parameters = self._parameters(k, candidates)
        items = self.faiss.search(queries.cpu().numpy(), k, params=parameters)[1]
        items = torch.from_numpy(items)
        found = ordered(dots(queries, self.space.vectors, items.clamp_min(0)), items)
        short = (items < 0).any(dim=1)
        if short.any():
            whole = exact.search(self.space, queries[short], k, candidates)
            found.scores[short], found.items[short] = whole
        return found

    def _parameters(self, k: int, candidates: Tensor | None) -> "faiss.SearchParameters":
        import faiss

        effort, chosen = self.how.effort, None
        if candidates is not None:
            chosen = faiss.IDSelectorBitmap(np.packbits(candidates.numpy(), bitorder="little"))
            # As many that may be found are looked at as without a filter.
            effort = math.ceil(effort / float(candidates.double().mean()))
        if self.how.kind == "ivf":
            return faiss.SearchParametersIVF(nprobe=effort, sel=chosen)
        return faiss.SearchParametersHNSW(efSearch=max(effort, k), sel=chosen)


def learn(space: Space, how: Approximation, asked: Tensor) -> Approximate:
    """Learn from the vectors that are there."""
    require()
    return Approximate(how, space, KINDS[how.kind].learn(space, how.seed), asked)


def grow(before: Approximate, space: Space) -> Approximate:
    """The same over a space that begins with the items of before: only what is new is learned."""
    require()
    arrays = KINDS[before.how.kind].grow(before.arrays, space, before.how.seed)
    return Approximate(before.how, space, arrays, before.asked)


def require() -> None:
    """Raise a MissingError where faiss is not installed."""
    try:
        import faiss  # noqa: F401
    except ImportError as error:
        told = "approximate search is done by faiss: pip install 'mirctl[fuse]'"
        raise MissingError(told) from error
