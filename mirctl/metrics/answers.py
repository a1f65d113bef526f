"""Ranking measures of queries with one right answer or several, exact in expectation over ties.

Recall, and DCG over the ideal DCG of so many right answers (Jarvelin and Kekalainen, 2002), are
sums over the answers. The rank of the first is that of the best tied group with answers in it: of
r among m, the first stands at place j or later in C(m - j + 1, r) of C(m, r) orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mirctl.metrics import ranking
from mirctl.metrics.ranking import Ranks

CUTOFFS = (1, 5, 10)
NDCG_AT = 10


@dataclass(frozen=True)
class Answers:
    """Where the right answers of each of `queries` queries landed."""

    ranks: Ranks
    """Of every answer, among all candidates, other answers too."""
    query: np.ndarray
    """(answers,) int64: whose answer it is; every query has at least one."""
    queries: int

    def __len__(self) -> int:
        return self.queries

    def by_query(self, values: np.ndarray) -> np.ndarray:
        """(queries,) sums of (answers,) values."""
        return np.bincount(self.query, values, minlength=self.queries)

    @property
    def right(self) -> np.ndarray:
        """(queries,) how many right answers each has."""
        return np.bincount(self.query, minlength=self.queries)

    def first(self) -> tuple[Ranks, np.ndarray]:
        """The tied group of each query's best answer, and how many answers are in it."""
        above = np.full(self.queries, np.iinfo(np.int64).max)
        np.minimum.at(above, self.query, self.ranks.above)
        best = self.ranks.above == above[self.query]
        ties = np.zeros(self.queries, np.int64)
        ties[self.query[best]] = self.ranks.ties[best]
        return Ranks(above, ties, self.ranks.items), self.by_query(best).astype(np.int64)


def names(cutoffs: Sequence[int] = CUTOFFS) -> list[str]:
    """What `per_query` measures."""
    hits = [f"{name}@{k}" for name in ("recall", "hr") for k in cutoffs]
    return [*hits, f"ndcg@{NDCG_AT}", "mrr"]


def per_query(found: Answers, cutoffs: Sequence[int] = CUTOFFS) -> dict[str, np.ndarray]:
    """Every measure by its name, (queries,) each. recall@k: the share of the right answers among
    the first k; hr@k: is any of them there; mrr: 1 / rank of the first."""
    values = {f"recall@{k}": recall(found, k) for k in cutoffs}
    first, several = found.first()
    hits, reciprocal = _of_first(first, several, cutoffs)
    values |= {f"hr@{k}": hit for k, hit in zip(cutoffs, hits, strict=True)}
    return values | {f"ndcg@{NDCG_AT}": ndcg(found, NDCG_AT), "mrr": reciprocal}


def recall(found: Answers, k: int) -> np.ndarray:
    """(queries,) expected share of the right answers among the first k."""
    return found.by_query(ranking.hit_rate(found.ranks, k)) / found.right


def ndcg(found: Answers, k: int) -> np.ndarray:
    """(queries,) expected DCG among the first k, of the best that could be."""
    ideal = np.cumsum(1 / np.log2(np.arange(1, k + 1) + 1))
    best = ideal[np.minimum(found.right, k) - 1]
    return found.by_query(ranking.ndcg(found.ranks, k)) / best


def _of_first(
    first: Ranks, several: np.ndarray, cutoffs: Sequence[int]
) -> tuple[list[np.ndarray], np.ndarray]:
    """hr@k of each k, and the reciprocal rank of the first answer."""
    hits, reciprocal = [ranking.hit_rate(first, k) for k in cutoffs], ranking.reciprocal_rank(first)
    for n in np.flatnonzero(several > 1):  # equals among the answers themselves: seldom
        above, group = int(first.above[n]), int(first.ties[n]) + 1
        chance = _places(group, int(several[n]))
        places = above + np.arange(1, len(chance) + 1)
        reciprocal[n] = (chance / places).sum()
        for hit, k in zip(hits, cutoffs, strict=True):
            hit[n] = chance[places <= k].sum()
    return hits, reciprocal


def _places(group: int, several: int) -> np.ndarray:
    """(group - several + 1,) chance of each place to be that of the first answer."""
    left = np.arange(group - several + 1)
    # C(m - j, r) / C(m, r), place by place: one factor more each
    later = np.cumprod((group - several - left) / (group - left))
    return -np.diff(later, prepend=1.0)
