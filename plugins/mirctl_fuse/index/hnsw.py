"""A graph of near vectors in levels, each a thinner one: a search walks down (Malkov and Yashunin,
2016).

Item i stands in `levels[i]` levels; its neighbours follow those of item i - 1, level by level from
the lowest one, in as many places as `PLACES` says, -1 where one is empty.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mirctl_fuse.index.space import Space, numbers

if TYPE_CHECKING:
    import faiss

NEIGHBORS, LINKED_AMONG = 16, 100
"""Half the places that are usual, filled with more care (efConstruction): as good, and smaller."""
MOST_LEVELS = 8
"""An item would stand in a ninth with a chance of 16^-8: faiss knows none."""
PLACES = NEIGHBORS * np.array([0, 2, 3, 4, 5, 6, 7, 8, 9])
"""Where a level's neighbours begin among an item's: the lowest has twice as many."""


def learn(space: Space, seed: int) -> dict[str, Tensor]:
    return _added(_empty(space), space.vectors, seed)


def grow(arrays: dict[str, Tensor], space: Space, seed: int) -> dict[str, Tensor]:
    """New items are linked into the graph that is there."""
    old = len(arrays["levels"])
    return _added(as_faiss(space.part(torch.arange(old)), arrays), space.vectors[old:], seed)


def as_faiss(space: Space, arrays: dict[str, Tensor]) -> "faiss.Index":
    import faiss

    index = _empty(space)
    index.storage.add(numbers(space.vectors))
    levels = arrays["levels"].numpy()
    graph = index.hnsw
    faiss.copy_array_to_vector(levels, graph.levels)
    faiss.copy_array_to_vector(_offsets(levels).astype(np.uint64), graph.offsets)
    faiss.copy_array_to_vector(arrays["neighbors"].numpy(), graph.neighbors)
    graph.entry_point, graph.max_level = int(arrays["entry"][0]), int(levels.max()) - 1
    index.ntotal = len(space)
    return index


def expected(space: Space, shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple]:
    """Types and shapes of the arrays, given those that were found."""
    return {
        "levels": (torch.int32, (len(space),)),
        "neighbors": (torch.int32, shapes.get("neighbors", ())[:1] or (0,)),
        "entry": (torch.int32, (1,)),
    }


def problem(space: Space, arrays: dict[str, Tensor]) -> str | None:
    """Why the arrays cannot be right: faiss follows them without a look."""
    levels, neighbors = arrays["levels"].numpy(), arrays["neighbors"].numpy()
    entry = int(arrays["entry"][0])
    if not len(levels) or levels.min() < 1 or levels.max() > MOST_LEVELS:
        return f"an item stands in 1 to {MOST_LEVELS} levels"
    offsets = _offsets(levels)
    if offsets[-1] != len(neighbors):
        return f"there are {len(neighbors)} neighbours, and places for {offsets[-1]}"
    if len(neighbors) and (neighbors.min() < -1 or neighbors.max() >= len(levels)):
        return "a neighbour is no item"
    if not 0 <= entry < len(levels) or levels[entry] < levels.max():
        return "the search begins at an item that is not in the highest level"
    high = np.flatnonzero(levels > 1)
    for level in range(1, int(levels.max())):
        high = high[levels[high] > level]
        places = offsets[high][:, None] + np.arange(PLACES[level], PLACES[level + 1])
        found = neighbors[places]
        if (levels[found[found >= 0]] <= level).any():
            return "a neighbour is not in the level where it is one"
    return None


def _empty(space: Space) -> "faiss.Index":
    import faiss

    return faiss.IndexHNSWFlat(space.width, NEIGHBORS, faiss.METRIC_INNER_PRODUCT)


def _added(index: "faiss.Index", vectors: Tensor, seed: int) -> dict[str, Tensor]:
    import faiss

    index.hnsw.efConstruction = LINKED_AMONG
    index.hnsw.rng = faiss.RandomGenerator(seed)
    with _one_thread():  # of several the first to come changes what the others find
        index.add(numbers(vectors))
    graph = index.hnsw
    return {
        "levels": torch.from_numpy(faiss.vector_to_array(graph.levels)),
        "neighbors": torch.from_numpy(faiss.vector_to_array(graph.neighbors)),
        "entry": torch.tensor([graph.entry_point], dtype=torch.int32),
    }


@contextmanager
def _one_thread() -> Iterator[None]:
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _offsets(levels: np.ndarray) -> np.ndarray:
    """(items + 1,) int64: where each item's neighbours begin."""
    return np.concatenate([[0], PLACES[levels].cumsum()])
