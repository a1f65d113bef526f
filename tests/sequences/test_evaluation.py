import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from mirctl.metrics import ranking
from mirctl.sequences import evaluation
from mirctl.sequences.config import EvalConfig
from sequences.conftest import random_split


@dataclass
class Table:
    """A scorer that looks its answers up, in the order of the users."""

    rows: torch.Tensor
    at: int = 0

    def scores(self, histories):
        self.at += len(histories)
        return self.rows[self.at - len(histories) : self.at].clone()


@dataclass
class Popular:
    """A scorer that tells everybody the same."""

    counts: np.ndarray

    def scores(self, histories):
        return torch.from_numpy(self.counts).float().repeat(len(histories), 1)


def by_hand(scores, histories, *, mask):
    """Rank one user after another with a sort, the way a reference would."""
    hits, gains = [], []
    for row, history in zip(scores, histories, strict=True):
        target, seen = history[-1], set(history[:-1].tolist())
        if mask and target in seen:
            hits.append(0.0)
            gains.append(0.0)
            continue
        order = sorted(range(len(row)), key=lambda i: -row[i])
        order = [i for i in order if not mask or i == target or i not in seen]
        rank = order.index(target) + 1
        hits.append(float(rank <= 10))
        gains.append(1 / math.log2(rank + 1) if rank <= 10 else 0.0)
    return hits, gains


@pytest.mark.parametrize("repeats", ["mask", "allow"])
def test_it_is_the_user_by_user_ranking(repeats, monkeypatch):
    monkeypatch.setattr(evaluation, "USERS_AT_ONCE", 7)
    parts, histories = random_split()
    scores = torch.rand(len(histories), 30)
    ranks = evaluation.rank_all(Table(scores), parts, "test", repeats)
    hits, gains = by_hand(scores.numpy(), histories, mask=repeats == "mask")
    np.testing.assert_allclose(ranking.hit_rate(ranks, 10), hits)
    np.testing.assert_allclose(ranking.ndcg(ranks, 10), gains)


def test_repeated_targets_are_counted():
    parts, histories = random_split()
    expected = sum(h[-1] in h[:-1] for h in histories)
    assert evaluation.count_repeats(parts, "test") == expected > 0


def test_a_constant_scorer_scores_as_chance():
    parts, _ = random_split(users=300, repeats=False)
    ranks = evaluation.rank_all(Table(torch.ones(300, 30)), parts, "test", "allow")
    assert ranking.hit_rate(ranks, 10).mean() == pytest.approx(10 / 30)


def test_cold_and_warm_targets_make_up_all():
    parts, _ = random_split(users=60, items=40)
    scorer = Popular(parts.train_counts())
    metrics = evaluation.evaluate(scorer, parts, EvalConfig(cold_at_most=9), seed=0).metrics
    cold, warm, both = (metrics[f"{part}ndcg@10"] for part in ("cold/", "warm/", ""))
    assert cold["n"] + warm["n"] == both["n"] == 60
    joined = (cold["value"] * cold["n"] + warm["value"] * warm["n"]) / 60
    assert joined == pytest.approx(both["value"])
    assert both["low"] <= both["value"] <= both["high"]
