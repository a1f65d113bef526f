"""Ranking measures of one relevant item a user, exact in expectation over ties.

A target that ties with t other items takes each of the t + 1 ranks with the same probability, so
a scorer that gives every item the same score measures as chance does. (With one relevant item,
DCG is 1 / log2(rank + 1) and the ideal DCG is 1: Jarvelin and Kekalainen, 2002.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mirctl.metrics import resampling

CUTOFFS = (5, 10, 20)


@dataclass(frozen=True)
class Ranks:
    """Where each user's target landed among `items` candidates."""

    above: np.ndarray
    """(users,) int64: candidates that score higher; `items` or more means never reached."""
    ties: np.ndarray
    """(users,) int64: other candidates with the very same score."""
    items: int

    def __len__(self) -> int:
        return len(self.above)

    def of(self, chosen: np.ndarray) -> "Ranks":
        """The ranks of some users: `chosen` is a mask or an index array."""
        return Ranks(self.above[chosen], self.ties[chosen], self.items)


def rank(scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """(above, ties) of target (users,) in scores (users, items); masked items score -inf.

    A NaN is worse than any number for the target and better for every rival: a broken scorer
    never looks good.
    """
    own = scores.gather(1, target[:, None])
    not_above = (scores <= own).sum(1)
    ties = (scores == own).sum(1) - 1
    above = scores.shape[1] - not_above
    return above, ties.clamp_min(0)


def best(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """(scores, items), both (users, k), best first, out of scores (users, items) float32.

    Of equal scores the item with the lower index comes first, whatever k is: torch.topk leaves open
    which it takes.
    """
    k = min(k, scores.shape[1])
    values, items = torch.topk(scores, k, dim=1)
    # What topk took among equals at the border is any of them: take the first ones there.
    crowded = torch.nonzero((scores >= values[:, -1:]).sum(1) > k)[:, 0]
    if len(crowded):
        items[crowded] = torch.sort(scores[crowded], dim=1, descending=True, stable=True)[1][:, :k]
    items = items.sort(dim=1).values
    order = torch.sort(scores.gather(1, items), dim=1, descending=True, stable=True)
    return order.values, items.gather(1, order.indices)


def hit_rate(ranks: Ranks, k: int) -> np.ndarray:
    """(users,) probability that the target is among the first k."""
    return np.clip((min(k, ranks.items) - ranks.above) / (ranks.ties + 1), 0.0, 1.0)


def ndcg(ranks: Ranks, k: int) -> np.ndarray:
    """(users,) expected 1 / log2(rank + 1) of targets among the first k."""
    ranks_that_count = np.arange(1, min(k, ranks.items) + 1)
    gain = np.concatenate([[0.0], np.cumsum(1 / np.log2(ranks_that_count + 1))])
    return _mean_between(gain, ranks)


def reciprocal_rank(ranks: Ranks) -> np.ndarray:
    """(users,) expected 1 / rank."""
    gain = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, ranks.items + 1))])
    return _mean_between(gain, ranks)


def _mean_between(gain: np.ndarray, ranks: Ranks) -> np.ndarray:
    """Mean gain over the ranks a target may take; `gain` is cumulative and flat after its end."""
    last = len(gain) - 1
    low = np.minimum(ranks.above, last)
    high = np.minimum(ranks.above + ranks.ties + 1, last)
    return (gain[high] - gain[low]) / (ranks.ties + 1)


def names(cutoffs: Sequence[int] = CUTOFFS) -> list[str]:
    """What `per_user` measures."""
    return [f"hr@{k}" for k in cutoffs] + [f"ndcg@{k}" for k in cutoffs] + ["mrr"]


def per_user(ranks: Ranks, cutoffs: Sequence[int] = CUTOFFS) -> dict[str, np.ndarray]:
    """Every measure by its name, (users,) each."""
    values = {f"hr@{k}": hit_rate(ranks, k) for k in cutoffs}
    values |= {f"ndcg@{k}": ndcg(ranks, k) for k in cutoffs}
    return values | {"mrr": reciprocal_rank(ranks)}


def means(ranks: Ranks, cutoffs: Sequence[int] = CUTOFFS) -> dict[str, float]:
    """Every measure's mean over users, without intervals: for validation."""
    return {name: float(value.mean()) for name, value in per_user(ranks, cutoffs).items()}


def summarize(
    values: Mapping[str, np.ndarray], seed: int, over: str = "users"
) -> dict[str, dict[str, Any]]:
    """Mean, n and 95 % percentile-bootstrap interval over users of each (users,) array."""
    names = list(values)
    matrix = np.stack([values[name] for name in names], axis=1) if names else np.zeros((0, 0))
    low, high = bootstrap(matrix, seed)
    return {
        name: {
            "value": float(matrix[:, i].mean()) if len(matrix) else None,
            "low": float(low[i]) if len(matrix) else None,
            "high": float(high[i]) if len(matrix) else None,
            "n": len(matrix),
            "unit": f"mean over {over}, 0..1",
        }
        for i, name in enumerate(names)
    }


def bootstrap(matrix: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """95 % percentile interval of each column's mean: (users, measures) -> two (measures,)."""
    users, measures = matrix.shape
    if users == 0:
        return np.full(measures, np.nan), np.full(measures, np.nan)
    return resampling.interval(resampling.sums(matrix, seed) / users)


def as_ranks(above: Sequence[Tensor], ties: Sequence[Tensor], items: int) -> Ranks:
    """Join the blocks of users that were ranked one after another."""
    empty = torch.zeros(0, dtype=torch.long)
    parts = [torch.cat([empty, *(block.cpu() for block in blocks)]) for blocks in (above, ties)]
    return Ranks(parts[0].numpy(), parts[1].numpy(), items)
