"""Reciprocal-rank fusion, worked out by hand and in plain Python."""

from fractions import Fraction

import torch
from hypothesis import given
from hypothesis import strategies as st

from fuse.index.conftest import queries
from mirctl_fuse.index import rrf


def test_scores_are_sums_of_reciprocal_ranks():
    text, image = torch.tensor([[7, 3, 5]]), torch.tensor([[3, 9]])
    found = rrf([text, image])
    assert found.items.tolist() == [[3, 7, 9, 5, -1]]
    by_hand = [[1 / 62 + 1 / 61, 1 / 61, 1 / 62, 1 / 63, 0]]
    torch.testing.assert_close(found.scores, torch.tensor(by_hand))


def test_a_smaller_k_trusts_the_first_ranks_more():
    rankings = [torch.tensor([[0, 1]]), torch.tensor([[2, 1]]), torch.tensor([[3, 0]])]
    torch.testing.assert_close(rrf(rankings, k=1).scores[0, 0], torch.tensor(1 / 2 + 1 / 3))


ranking = st.lists(st.integers(0, 8), unique=True, max_size=6)


@given(st.lists(ranking, min_size=1, max_size=4), st.randoms())
def test_fusion_is_as_the_formula_says_in_any_order(rankings, random):
    scores = {}
    for one in rankings:
        for rank, item in enumerate(one, start=1):
            scores[item] = scores.get(item, 0) + Fraction(1, 60 + rank)
    best = sorted(scores, key=lambda item: (-scores[item], item))
    shuffled = random.sample(rankings, len(rankings))
    found = rrf([torch.tensor([one], dtype=torch.long) for one in shuffled]).items[0].tolist()
    assert found == best + [-1] * (len(found) - len(best))


def test_rows_are_fused_apart_and_nothing_is_no_item():
    left, right = torch.tensor([[1, -1], [2, 4]]), torch.tensor([[1], [-1]])
    assert rrf([left, right]).items.tolist() == [[1, -1, -1], [2, 4, -1]]


def test_every_item_that_a_space_finds_is_fused_once(index):
    rankings = [index.search(name, queries(6), 20).items for name in index.spaces]
    for row, fused in enumerate(rrf(rankings).items.tolist()):
        found = {item for ranking in rankings for item in ranking[row].tolist()}
        assert sorted(fused) == [-1] * (40 - len(found)) + sorted(found)
