import math

import numpy as np
import pytest
import torch

from mirctl.metrics import ranking
from mirctl.metrics.ranking import Ranks


def ranks_of(scores, target):
    above, ties = ranking.rank(torch.tensor(scores), torch.tensor(target))
    return Ranks(above.numpy(), ties.numpy(), len(scores[0]))


def test_a_hand_worked_ranking():
    ranks = ranks_of([[0.9, 0.5, 0.7, 0.1]], [2])
    assert ranks.above.tolist() == [1]
    assert ranking.hit_rate(ranks, 1).tolist() == [0.0]
    assert ranking.hit_rate(ranks, 2).tolist() == [1.0]
    assert ranking.ndcg(ranks, 5)[0] == pytest.approx(1 / math.log2(3))
    assert ranking.reciprocal_rank(ranks)[0] == pytest.approx(1 / 2)


@pytest.mark.parametrize("items", [10, 57, 1682])
def test_a_constant_scorer_measures_as_chance(items):
    ranks = ranks_of([[1.0] * items] * 3, [0, items // 2, items - 1])
    for k in (5, 10):
        assert ranking.hit_rate(ranks, k) == pytest.approx(k / items)
        chance = sum(1 / math.log2(r + 1) for r in range(1, k + 1)) / items
        assert ranking.ndcg(ranks, k) == pytest.approx(chance)
    expected = sum(1 / r for r in range(1, items + 1)) / items
    assert ranking.reciprocal_rank(ranks) == pytest.approx(expected)


def test_ties_are_the_mean_over_every_order():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, size=(50, 12)).astype(np.float32)
    target = rng.integers(0, 12, size=50)
    ours = ranking.ndcg(ranks_of(scores.tolist(), target.tolist()), 5)
    drawn = np.zeros(50)
    for _ in range(4000):
        order = np.lexsort((rng.random((50, 12)), -scores), axis=1)
        rank = (order == target[:, None]).argmax(1)
        drawn += np.where(rank < 5, 1 / np.log2(rank + 2), 0)
    assert ours == pytest.approx(drawn / 4000, abs=0.04)


def test_a_broken_scorer_never_looks_good():
    nan = float("nan")
    assert ranks_of([[nan, nan, nan]], [1]).above.tolist() == [3]
    assert ranks_of([[nan, 0.5, 0.1]], [1]).above.tolist() == [1]


def test_a_target_that_is_never_reached_counts_nothing():
    ranks = Ranks(np.array([7]), np.array([0]), 7)
    assert all(value[0] == 0 for value in ranking.per_user(ranks).values())


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    covered = 0
    for trial in range(60):
        sample = (rng.random((200, 1)) < 0.2).astype(float)
        low, high = ranking.bootstrap(sample, trial)
        covered += bool(low[0] <= 0.2 <= high[0])
    assert 51 <= covered <= 60


def test_a_part_without_users_has_no_value_rather_than_a_wrong_one():
    empty = Ranks(np.zeros(0, int), np.zeros(0, int), 5)
    summary = ranking.summarize(ranking.per_user(empty), seed=0)
    assert summary["hr@10"]["value"] is None
    assert summary["hr@10"]["n"] == 0


def test_the_best_items_do_not_depend_on_how_many_are_asked_for():
    scores = torch.tensor([[1.0, 3.0, 3.0, -2.0, 3.0, -0.0, 0.0, -torch.inf, -2.0]])
    expected = [1, 2, 4, 0, 5, 6, 3, 8, 7]
    for k in (1, 2, 3, 5, 9, 20):
        values, items = ranking.best(scores, k)
        assert items[0].tolist() == expected[:k]
        assert values[0].tolist() == scores[0, expected[:k]].tolist()


def test_the_best_items_are_those_of_a_stable_sort():
    scores = torch.randn(40, 300).mul(4).round().div(4)
    order = torch.sort(scores, dim=1, descending=True, stable=True).indices
    assert torch.equal(ranking.best(scores, 25)[1], order[:, :25])
