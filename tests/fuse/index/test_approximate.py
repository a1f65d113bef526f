"""Approximate search against exact search."""

import builtins

import numpy as np
import pyarrow as pa
import pytest
import torch

from fuse.index.conftest import ITEMS, queries, space, table
from mirctl.errors import DataError, MissingError
from mirctl_fuse.index import (
    Approximation,
    Model,
    Space,
    add,
    build,
    hnsw,
    open_index,
    remove,
    write,
)
from mirctl_fuse.index.approximate import Approximate

IVF, HNSW = Approximation(kind="ivf", effort=8), Approximation(kind="hnsw", effort=64)
BOTH = pytest.mark.parametrize("how", [IVF, HNSW], ids=["ivf", "hnsw"])
faiss = pytest.importorskip("faiss")


def clustered(items, width=16, clusters=60, seed=0):
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(0).normal(size=(clusters, width))
    near = 0.3 * rng.normal(size=(items, width))
    return torch.tensor(centers[rng.integers(clusters, size=items)] + near, dtype=torch.float32)


@pytest.fixture(scope="module", params=[IVF, HNSW], ids=["ivf", "hnsw"])
def large(request):
    """3,000 items in clusters, learned one way."""
    items = pa.table({"item_id": [str(row) for row in range(3000)], "tenth": [*range(10)] * 300})
    index = build(items, {"item": Space.of(clustered(3000))}, Model("0" * 64))
    return index.approximated("item", request.param, clustered(500, seed=5))


def test_nearly_all_of_the_best_are_found(large):
    asked = clustered(400, seed=9)
    mine = large.search("item", asked, 10, approximate=True)
    best = large.search("item", asked, 10)
    found = (mine.items[:, :, None] == best.items[:, None]).any(-1).double().mean(1)
    assert found.mean() >= 0.98
    np.testing.assert_allclose(large.recall("item", 10, asked), found)
    same = (mine.items == best.items).all(1)
    assert torch.equal(mine.scores[same], best.scores[same])


def test_the_recall_that_is_stored_is_that_of_the_sample(large, tmp_path):
    told = large.metrics["recall@10.item"]
    assert told["value"] == pytest.approx(large.recall("item", 10).mean())
    assert (told["n"], told["low"] <= told["value"] <= told["high"]) == (500, True)
    write(large, tmp_path / "index")
    assert open_index(tmp_path / "index").metrics == large.metrics


def test_what_was_learned_comes_back(large, tmp_path):
    write(large, tmp_path / "index")
    back, asked = open_index(tmp_path / "index"), clustered(200, seed=9)
    mine, theirs = (i.search("item", asked, 10, approximate=True) for i in (large, back))
    assert torch.equal(mine.items, theirs.items)


def test_a_seed_gives_the_same_bytes(large, tmp_path):
    how = large.approximate["item"].how
    again = large.approximated("item", how, clustered(500, seed=5))
    for name, array in large.approximate["item"].arrays.items():
        assert torch.equal(array, again.approximate["item"].arrays[name]), name


@pytest.mark.parametrize("tenths", [1, 2, 9])
def test_a_filter_leaves_enough(large, tenths):
    allowed = large.allowed([f"tenth={n}" for n in range(tenths)])
    asked = clustered(100, seed=9)
    mine = large.search("item", asked, 20, allowed, approximate=True)
    assert allowed[mine.items].all()
    assert mine.items.shape == (100, 20)
    best = large.search("item", asked, 20, allowed)
    assert (mine.scores >= best.scores[:, -1:]).double().mean() >= 0.9


def test_more_than_there_are_is_all_there_are(large):
    mine = large.search("item", clustered(2), 5000, approximate=True)
    assert torch.equal(mine.items, large.search("item", clustered(2), 5000).items)


def test_more_than_the_lists_hold_is_searched_exactly(large):
    mine = large.search("item", clustered(2), 2500, approximate=True)
    assert mine.items.shape == (2, 2500)
    assert (mine.items >= 0).all()


@BOTH
def test_absent_vectors_are_not_found(index, how):
    learned = index.approximated("image", how)
    found = learned.search("image", queries(20), 10, approximate=True)
    assert (found.items % 3 > 0).all()
    assert learned.recall("image", 10, queries(50)).mean() > 0.9


@BOTH
def test_items_come_and_go(index, how):
    learned = index.approximated("text", how)
    grown = add(learned, table(ITEMS, ITEMS + 50), {"text": space(50, 3)})
    found = grown.search("text", 9 * space(50, 3).vectors, 10, approximate=True)
    assert (found.items[:, :10] >= ITEMS).any(1).double().mean() > 0.5
    assert grown.recall("text", 10, queries(50)).mean() > 0.9
    assert torch.equal(learned.approximate["text"].asked, grown.approximate["text"].asked)
    smaller = remove(grown, index.ids[:100])
    anew = build(smaller.items, smaller.spaces, smaller.model).approximated("text", how)
    mine, theirs = (i.search("text", queries(9), 10, approximate=True) for i in (smaller, anew))
    assert torch.equal(mine.items, theirs.items)


def test_a_space_that_lost_all_vectors_is_no_longer_learned(index):
    learned = index.approximated("image", IVF)
    left = remove(learned, [name for row, name in enumerate(index.ids) if row % 3])
    assert (left.approximate, left.metrics) == ({}, {})
    with pytest.raises(DataError, match="no item has a vector"):
        left.approximated("image", IVF)


@BOTH
def test_one_item_can_be_learned(model, how):
    one = build(table(0, 1), {"text": space(1, 1)}, Model.of(model)).approximated("text", how)
    assert one.search("text", queries(2), 3, approximate=True).items.tolist() == [[0], [0]]


def test_equal_vectors_are_told_in_order():
    items = pa.table({"item_id": [str(row) for row in range(600)]})
    same = build(items, {"item": Space.of(torch.ones(600, 4))}, Model("0" * 64))
    for how in (IVF, HNSW):
        found = same.approximated("item", how).search("item", torch.ones(3, 4), 5, approximate=True)
        assert (found.items.diff() > 0).all()
        assert (found.scores == 4).all()


def test_without_faiss_its_install_line_is_told(index, monkeypatch):
    whole = builtins.__import__

    def without(name, *arguments):
        if name == "faiss":
            raise ImportError(name)
        return whole(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingError, match=r"pip install 'mirctl\[fuse\]'"):
        index.approximated("text", IVF)
    assert index.search("text", queries(1), 1).items.shape == (1, 1)


def test_faiss_lays_neighbours_out_as_is_known():
    index = faiss.IndexHNSWFlat(8, hnsw.NEIGHBORS)
    found = faiss.vector_to_array(index.hnsw.cum_nneighbor_per_level)
    np.testing.assert_array_equal(found, hnsw.PLACES)


def test_any_graph_that_passes_the_check_can_be_searched():
    rng, catalogue = np.random.default_rng(0), space(200, 1)
    for _ in range(10):
        levels = np.where(rng.random(200) < 0.2, rng.integers(1, hnsw.MOST_LEVELS + 1, 200), 1)
        parts = [
            rng.choice(np.flatnonzero(levels > level), hnsw.PLACES[level + 1] - hnsw.PLACES[level])
            for tall in levels
            for level in range(tall)
        ]
        graph = {
            "levels": torch.tensor(levels, dtype=torch.int32),
            "neighbors": torch.tensor(np.concatenate(parts), dtype=torch.int32),
            "entry": torch.tensor([levels.argmax()], dtype=torch.int32),
        }
        assert hnsw.problem(catalogue, graph) is None
        found = Approximate(HNSW, catalogue, graph, queries(1)).search(queries(20), 5)
        assert ((found.items >= 0) & (found.items < 200)).all()
