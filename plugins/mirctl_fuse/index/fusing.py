"""One ranking out of several: of spaces, of queries, or of both."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mirctl_fuse.index.space import Found, ordered

NOTHING = -1


def rrf(rankings: Sequence[Tensor], k: int = 60) -> Found:
    """Reciprocal-rank fusion: score(item) = sum over rankings of 1 / (k + rank), rank from 1.

    Rankings are (queries, any) int64, best first, each item once, -1 where there is none; what they
    give is as wide as all of them together, and ends in -1 with score 0. (Cormack, Clarke and
    Buettcher, 2009: reciprocal rank fusion outperforms Condorcet; they set k to 60.)
    """
    ranks = torch.cat([torch.arange(1, ranking.shape[1] + 1) for ranking in rankings])
    # By rank, so that the same ranks in another order of rankings add up to the same score.
    by_rank = ranks.argsort(stable=True)
    weights = 1.0 / (k + ranks[by_rank].double())
    items, order = torch.cat(list(rankings), dim=1)[:, by_rank].sort(dim=1, stable=True)
    first = torch.ones_like(items, dtype=torch.bool)
    first[:, 1:] = items[:, 1:] != items[:, :-1]
    groups = first.cumsum(1) - 1
    gained = weights[order] * (items != NOTHING)
    scores = torch.zeros(items.shape, dtype=torch.double).scatter_add_(1, groups, gained)
    named = torch.full_like(items, NOTHING).scatter_(1, groups, items)
    return ordered(scores.float(), named)
