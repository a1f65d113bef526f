"""Measures of queries with several right answers, by hand and by every order of what ties."""

import itertools
import math

import numpy as np
import pytest

from mirctl.metrics import answers, ranking
from mirctl.metrics.answers import Answers
from mirctl.metrics.ranking import Ranks


def found(scores, right):
    """Answers of queries: scores (queries, items), right lists of item numbers."""
    rows = [(q, i) for q, own in enumerate(right) for i in own]
    above = [sum(s > scores[q][i] for s in scores[q]) for q, i in rows]
    ties = [sum(s == scores[q][i] for s in scores[q]) - 1 for q, i in rows]
    ranks = Ranks(np.array(above), np.array(ties), len(scores[0]))
    return Answers(ranks, np.array([q for q, _ in rows]), len(right))


def by_every_order(scores, right):
    """All measures of one query, the mean over every order of equals."""
    orders = [order for order in itertools.permutations(range(len(scores)))
              if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))]  # fmt: skip
    told = dict.fromkeys(answers.names(), 0.0)
    for order in orders:
        ranks = sorted(order.index(i) + 1 for i in right)
        for k in answers.CUTOFFS:
            inside = sum(rank <= k for rank in ranks)
            told[f"recall@{k}"] += inside / len(right) / len(orders)
            told[f"hr@{k}"] += (inside > 0) / len(orders)
        gain = sum(1 / math.log2(rank + 1) for rank in ranks if rank <= 10)
        ideal = sum(1 / math.log2(n + 2) for n in range(min(10, len(right))))
        told["ndcg@10"] += gain / ideal / len(orders)
        told["mrr"] += 1 / ranks[0] / len(orders)
    return told


@pytest.mark.parametrize(
    ("scores", "right"),
    [
        ([9, 7, 5, 3, 1, 0], [2]),
        ([9, 7, 5, 3, 1, 0], [5, 1, 3]),
        ([1, 1, 1, 1, 1, 1], [0, 4]),
        ([2, 2, 1, 1, 1, 0, 0], [2, 3, 6]),
        ([3, 3, 3, 0, 0, 0], [0, 1, 2, 5]),
        ([0, 5, 5, 5, 5, 5, 5], [0, 1, 2, 3]),
    ],
)
def test_measures_are_those_of_every_order_of_equals(scores, right):
    told = answers.per_query(found([scores], [right]))
    assert {name: float(own[0]) for name, own in told.items()} == pytest.approx(
        by_every_order(scores, right)
    )


def test_one_right_answer_measures_as_ever():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 8, (40, 30))
    target = rng.integers(0, 30, 40)
    here = found(scores, [[t] for t in target])
    then = ranking.per_user(here.ranks, (1, 5, 10))
    now = answers.per_query(here)
    for k in answers.CUTOFFS:
        np.testing.assert_allclose(now[f"recall@{k}"], then[f"hr@{k}"])
        np.testing.assert_allclose(now[f"hr@{k}"], then[f"hr@{k}"])
    np.testing.assert_allclose(now["ndcg@10"], then["ndcg@10"])
    np.testing.assert_allclose(now["mrr"], then["mrr"])


def test_many_queries_are_measured_as_each_alone():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 4, (12, 7))
    right = [rng.choice(7, rng.integers(1, 6), replace=False).tolist() for _ in range(12)]
    whole = answers.per_query(found(scores, right))
    for q in range(12):
        alone = answers.per_query(found(scores[q : q + 1], right[q : q + 1]))
        for name, own in alone.items():
            assert whole[name][q] == pytest.approx(own[0])
            assert 0 <= own[0] <= 1


def test_nothing_is_measured_of_nobody():
    nobody = Answers(Ranks(np.zeros(0, int), np.zeros(0, int), 5), np.zeros(0, int), 0)
    assert all(len(own) == 0 for own in answers.per_query(nobody).values())


def test_the_names_are_those_that_are_measured():
    assert answers.names() == [*answers.per_query(found([[1, 0]], [[0]]))]
