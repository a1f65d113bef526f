"""A space: one vector for each item, and what a query finds in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mirctl.errors import DataError

Metric = Literal["inner", "cosine"]
LONGEST = 2.0**60
"""Of a vector: the product of two stays far below what float32 holds."""
PRODUCTS_AT_ONCE = 1 << 18
ROUNDED = 1.001
"""A unit vector is no longer than this."""


class Found(NamedTuple):
    """Items by their place in the index, best first; of equal scores the earlier item leads."""

    scores: Tensor
    """(queries, k) float32"""
    items: Tensor
    """(queries, k) int64"""


@dataclass(frozen=True, eq=False)
class Space:
    """What `of` made, or an artifact holds."""

    vectors: Tensor
    """(items, width) float32; of unit length where the metric is cosine; zeros where absent."""
    metric: Metric = "inner"
    present: Tensor | None = None
    """(items,) bool: who has a vector, for nobody else is found; None is everybody."""

    @classmethod
    def of(
        cls, vectors: Tensor, metric: Metric = "inner", present: Tensor | None = None
    ) -> "Space":
        """Vectors (items, width) of any length; `present` (items,) bool tells who has one."""
        if vectors.ndim != 2 or not vectors.shape[1]:
            raise DataError(f"vectors are (items, width), not {list(vectors.shape)}")
        vectors = vectors.detach().float()
        if present is not None:
            if present.shape != vectors.shape[:1] or present.dtype is not torch.bool:
                raise DataError(f"`present` is one bool for each of {len(vectors)} items")
            vectors = torch.where(present[:, None], vectors, 0.0)
            present = None if present.all() else present
        _check(vectors, "the vector of item")
        return cls(_scaled(vectors, metric), metric, present)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def width(self) -> int:
        return self.vectors.shape[1]

    @cached_property
    def longest(self) -> float:
        """The greatest length of a vector; infinite or NaN where one is broken."""
        return float(lengths(self.vectors).amax()) if len(self) else 0.0

    def is_sound(self) -> bool:
        """Whether vectors that were read are such as `of` makes."""
        return self.longest <= (ROUNDED if self.metric == "cosine" else LONGEST)

    def queries(self, queries: Tensor) -> Tensor:
        """Queries (queries, width) as they are compared with the vectors, beside them."""
        if queries.ndim != 2 or queries.shape[1] != self.width:
            told = f"queries are (queries, {self.width}) here, not {list(queries.shape)}"
            raise DataError(told)
        queries = queries.detach().float()
        _check(queries, "query")
        return _scaled(queries, self.metric).to(self.vectors.device)

    def candidates(self, allowed: Tensor | None) -> Tensor | None:
        """(items,) bool: who may be found; None is everybody."""
        if allowed is None:
            return self.present
        if allowed.shape != (len(self),) or allowed.dtype is not torch.bool:
            raise DataError(f"a filter is one bool for each of {len(self)} items")
        return allowed if self.present is None else allowed & self.present

    def part(self, rows: Tensor) -> "Space":
        """The space of some items."""
        present = None if self.present is None else self.present[rows]
        return Space(self.vectors[rows], self.metric, present)

    def joined(self, other: "Space") -> "Space":
        """These items, then those of another space of the same metric and width."""
        present = None
        if self.present is not None or other.present is not None:
            present = torch.cat([space.everybody() for space in (self, other)])
        return Space(torch.cat([self.vectors, other.vectors]), self.metric, present)

    def everybody(self) -> Tensor:
        """(items,) bool: who has a vector, spelled out."""
        return torch.ones(len(self), dtype=torch.bool) if self.present is None else self.present


def nobody(like: Space, items: int) -> Space:
    """A space of items that have no vector in it."""
    absent = torch.zeros(items, dtype=torch.bool)
    return Space(torch.zeros(items, like.width), like.metric, absent)


def lengths(vectors: Tensor) -> Tensor:
    """(rows,) float32"""
    return torch.linalg.vector_norm(vectors, dim=1)


def dots(queries: Tensor, vectors: Tensor, items: Tensor) -> Tensor:
    """(queries, k) float32: products with the vectors of items (queries, k), rounded once.

    A product of matrices rounds by where in it a vector stands: equal vectors would not tie.
    """
    size = max(1, PRODUCTS_AT_ONCE // (max(1, len(items)) * vectors.shape[1]))
    asked = queries.cpu().double()[:, None]
    parts = [
        (vectors[some].cpu().double() * asked).sum(-1).float() for some in items.split(size, dim=1)
    ]
    return torch.cat(parts, dim=1)


def ordered(scores: Tensor, items: Tensor) -> Found:
    """(queries, k) of any order, as Found has them."""
    items, order = items.sort(dim=1)
    scores, best = scores.gather(1, order).sort(dim=1, descending=True, stable=True)
    return Found(scores, items.gather(1, best))


def joined(parts: Sequence[Found], queries: int, k: int) -> Found:
    """Blocks of queries, one after another; (queries, k) of nothing where there is none."""
    if not parts:
        return Found(torch.zeros(queries, k), torch.zeros(queries, k, dtype=torch.long))
    return Found(*(torch.cat(column) for column in zip(*parts, strict=True)))


def numbers(vectors: Tensor) -> np.ndarray:
    """As faiss takes them."""
    return np.ascontiguousarray(vectors.cpu().numpy())


def _scaled(vectors: Tensor, metric: Metric) -> Tensor:
    return F.normalize(vectors, dim=1) if metric == "cosine" else vectors.contiguous()


def _check(vectors: Tensor, what: str) -> None:
    """Name the first one that is not finite, or too long."""
    broken = torch.nonzero(~(lengths(vectors) <= LONGEST))[:, 0]
    if len(broken):
        raise DataError(
            f"{what} {int(broken[0]) + 1} holds numbers that are not finite or far too large"
        )
