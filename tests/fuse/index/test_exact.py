"""Exact search against a sort of all scores in numpy."""

from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fuse.index.conftest import queries, space
from mirctl.errors import DataError, UsageError
from mirctl_fuse.index import Space, exact


def sorted_by_numpy(space, asked, k, allowed=None):
    """(scores, items): float64 products rounded once, of equal ones the earlier item first."""
    vectors, asked = space.vectors.double().numpy(), space.queries(asked).double().numpy()
    scores = (asked @ vectors.T).astype(np.float32)
    rows = np.arange(len(vectors)) if allowed is None else np.flatnonzero(allowed.numpy())
    order = np.argsort(-scores[:, rows], axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores[:, rows], order, 1), rows[order]


def same(found, expected):
    np.testing.assert_array_equal(found.items.numpy(), expected[1])
    np.testing.assert_allclose(found.scores.numpy(), expected[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("metric", ["inner", "cosine"])
@pytest.mark.parametrize("k", [1, 10, 300, 1000])
def test_the_best_are_those_of_a_full_sort(metric, k):
    asked, catalogue = queries(40), space(300, 1, metric)
    same(exact.search(catalogue, asked, k), sorted_by_numpy(catalogue, asked, k))


def test_cosine_is_the_cosine():
    vectors, asked = torch.randn(50, 8), torch.randn(3, 8)
    found = exact.search(Space.of(vectors, "cosine"), asked, 50)
    truth = torch.nn.functional.cosine_similarity(asked[:, None], vectors, dim=-1)
    torch.testing.assert_close(found.scores, truth.gather(1, found.items))


@settings(max_examples=60, deadline=None)
@given(
    numbers=st.lists(st.lists(st.integers(-1, 1), min_size=3, max_size=3), min_size=1, max_size=40),
    k=st.integers(1, 45),
    kept=st.lists(st.booleans(), min_size=40, max_size=40),
    group=st.sampled_from([1, 3, 64]),
)
def test_of_equal_scores_the_earlier_item_leads(numbers, k, kept, group):
    catalogue = Space.of(torch.tensor(numbers))
    asked = torch.tensor([[1, 0, 0], [1, 1, 1], [0, 0, 0]])
    allowed = torch.tensor(kept[: len(numbers)])
    with mock.patch.multiple(exact, GROUP=group, ITEMS_AT_ONCE=9 * group):
        same(exact.search(catalogue, asked, k), sorted_by_numpy(catalogue, asked, k))
        found = exact.search(catalogue, asked, k, allowed)
    same(found, sorted_by_numpy(catalogue, asked, k, allowed))


@pytest.mark.parametrize("k", [1, 10, 100])
def test_many_items_are_ranked_as_few_are(k):
    catalogue = Space.of(torch.randint(-2, 3, (5001, 6)))
    asked = torch.randint(-2, 3, (40, 6))
    same(exact.search(catalogue, asked, k), sorted_by_numpy(catalogue, asked, k))


def test_copies_of_a_vector_tie_wherever_they_stand():
    """A product of matrices gives equal vectors scores that differ by rounding."""
    catalogue = Space.of(torch.randn(7, 33).repeat(150, 1))
    found = exact.search(catalogue, torch.randn(50, 33), 100)
    assert (found.scores == found.scores[:, :1]).all()
    assert (found.items.diff() == 7).all()
    assert (found.items[:, 0] < 7).all()


def test_an_answer_does_not_depend_on_the_other_queries():
    asked, catalogue = queries(300), space(500, 1)
    whole = exact.search(catalogue, asked, 10)
    for size in (1, 7):
        parts = [exact.search(catalogue, some, 10) for some in asked[:50].split(size)]
        assert torch.equal(torch.cat([part.items for part in parts]), whole.items[:50])
        assert torch.equal(torch.cat([part.scores for part in parts]), whole.scores[:50])


def test_small_blocks_give_the_same(monkeypatch):
    asked, catalogue = queries(30), space(300, 1)
    whole = exact.search(catalogue, asked, 10)
    for name, size in {"QUERIES_AT_ONCE": 7, "ITEMS_AT_ONCE": 8, "GROUP": 2}.items():
        monkeypatch.setattr(exact, name, size)
    assert torch.equal(exact.search(catalogue, asked, 10).items, whole.items)


def test_only_allowed_items_are_found(index):
    allowed = torch.arange(len(index)) % 7 == 0
    found = index.search("text", queries(5), 1000, allowed)
    assert (found.items % 7 == 0).all()
    assert found.items.shape == (5, int(allowed.sum()))
    nobody = index.search("text", queries(5), 3, torch.zeros(len(index), dtype=torch.bool))
    assert nobody.items.shape == (5, 0)


def test_an_item_without_a_vector_is_not_found(index):
    found = index.search("image", queries(5), 1000)
    assert (found.items % 3 > 0).all()
    assert found.items.shape[1] == int(index.spaces["image"].present.sum())


def test_zero_vectors_have_cosine_zero():
    found = exact.search(Space.of(torch.zeros(4, 3), "cosine"), torch.ones(1, 3), 4)
    assert found.scores.tolist() == [[0.0] * 4]
    assert found.items.tolist() == [[0, 1, 2, 3]]


def test_no_queries_give_no_answers(index):
    assert index.search("text", queries(0), 5).items.shape == (0, 5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e30])
def test_numbers_that_have_no_product_are_refused(bad):
    broken = torch.ones(3, 2)
    broken[1, 0] = bad
    with pytest.raises(DataError, match="the vector of item 2"):
        Space.of(broken)
    with pytest.raises(DataError, match="query 2"):
        exact.search(Space.of(torch.ones(3, 2)), broken, 1)


def test_what_does_not_fit_is_refused(index):
    with pytest.raises(DataError, match=r"\(queries, 8\) here, not \[2, 7\]"):
        index.search("text", torch.ones(2, 7), 1)
    with pytest.raises(DataError, match="one bool for each of 400 items"):
        index.search("text", queries(1), 1, torch.ones(3, dtype=torch.bool))
    with pytest.raises(DataError, match=r"not \[3\]"):
        Space.of(torch.ones(3))
    with pytest.raises(DataError, match="`present`"):
        Space.of(torch.ones(3, 2), present=torch.ones(2, dtype=torch.bool))
    with pytest.raises(UsageError, match="k is 0"):
        index.search("text", queries(1), 0)
    with pytest.raises(UsageError, match="no space 'txt'; did you mean 'text'"):
        index.search("txt", queries(1), 1)
    with pytest.raises(UsageError, match="no approximate search"):
        index.search("text", queries(1), 1, approximate=True)
