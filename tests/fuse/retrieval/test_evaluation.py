"""All items are ranked for every query, and all queries for every item."""

import numpy as np
import pytest
import torch

from mirctl.errors import RunError
from mirctl_fuse.retrieval import evaluation
from mirctl_fuse.retrieval.config import REVERSE
from mirctl_fuse.retrieval.evaluation import Embedded
from mirctl_fuse.retrieval.pairs import PARTS, Pairs


class Named:
    def __init__(self, count):
        self.ids, self.where = [f"n{i}" for i in range(count)], "here"


def world(seed):
    """Ten queries, 14 items, some of which nobody may find, and pairs of every part."""
    rng = np.random.default_rng(seed)
    both = [torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(n, 3))).float(), dim=1)
            for n in (10, 14)]  # fmt: skip
    able = [rng.random(n) < 0.8 for n in (10, 14)]
    part = rng.integers(0, 3, 10)
    chosen = [(q, i) for q in range(10) for i in range(14)
              if rng.random() < 0.25 and able[0][q] and able[1][i]]  # fmt: skip
    q, i = (np.array(own) for own in zip(*chosen, strict=True))
    pairs = Pairs(Named(10), Named(14), q, i, part[q].astype(np.int8))
    return Embedded(*both, *able), pairs


def ranks(scores, right, out):
    """1-based ranks of right answers among those not left out."""
    order = sorted((i for i in range(len(scores)) if i not in out), key=lambda i: -scores[i])
    return sorted(order.index(i) + 1 for i in right)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("part", PARTS)
def test_it_is_what_sorting_by_hand_finds(seed, part):
    both, pairs = world(seed)
    found = evaluation.values(both, pairs, part)
    cosines = (both.queries @ both.items.T).numpy()
    own = {(q, i) for q, i in zip(pairs.of(part).query, pairs.of(part).item, strict=True)}
    known = {(q, i) for q, i in zip(pairs.query, pairs.item, strict=True)}
    there, back = [], []
    for q in sorted({q for q, _ in own}):
        out = set(np.flatnonzero(~both.known_items))
        there.append(ranks(cosines[q], [i for a, i in own if a == q], out))
    for i in sorted({i for _, i in own}):
        out = set(np.flatnonzero(~both.known_queries))
        out |= {q for q, b in known - own if b == i}
        back.append(ranks(cosines[:, i], [q for q, b in own if b == i], out))
    for way, told in (("", there), (REVERSE, back)):
        for k in (1, 5, 10):
            recall = [sum(r <= k for r in one) / len(one) for one in told]
            np.testing.assert_allclose(found[f"{way}recall@{k}"], recall, atol=1e-12)
        np.testing.assert_allclose(found[f"{way}mrr"], [1 / one[0] for one in told], atol=1e-12)


def test_blocks_change_nothing(monkeypatch):
    both, pairs = world(0)
    whole = evaluation.values(both, pairs, "test")
    monkeypatch.setattr(evaluation, "block_of_users", lambda items: 1)
    for name, own in evaluation.values(both, pairs, "test").items():
        np.testing.assert_array_equal(own, whole[name])


def test_alike_items_share_their_ranks():
    both, pairs = world(0)
    alike = Embedded(
        both.queries, both.items[:1].expand(14, 3), both.known_queries, both.known_items
    )
    found = evaluation.values(alike, pairs, "test")
    np.testing.assert_allclose(found["recall@1"], 1 / both.known_items.sum(), atol=1e-12)


def test_what_is_no_number_is_told():
    both, pairs = world(0)
    broken = Embedded(both.queries * torch.nan, both.items, both.known_queries, both.known_items)
    with pytest.raises(RunError, match=r"train\.lr"):
        evaluation.values(broken, pairs, "test")


def test_a_part_of_nobody_has_no_value():
    both, pairs = world(0)
    only = Pairs(
        pairs.queries, pairs.items, pairs.query, pairs.item, np.full(len(pairs), 2, np.int8)
    )
    found = {part: evaluation.values(both, only, part) for part in ("test", "valid")}
    metrics = evaluation.summarize(found, 0)
    assert metrics["valid/mrr"]["value"] is None
    assert metrics["mrr"]["n"] == len(np.unique(pairs.query))
    assert metrics.keys() == set(evaluation.names())
