"""Inverted lists: each vector stands in the list of its nearest centroid, few lists are read."""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mirctl_fuse.index.space import Space, numbers

if TYPE_CHECKING:
    import faiss


def learn(space: Space, seed: int) -> dict[str, Tensor]:
    """k-means by faiss, about as many lists as each then has vectors."""
    import faiss

    vectors = numbers(space.vectors if space.present is None else space.vectors[space.present])
    count = max(1, math.isqrt(len(vectors)))
    index = faiss.IndexIVFFlat(
        faiss.IndexFlatIP(space.width), space.width, count, faiss.METRIC_INNER_PRODUCT
    )
    index.cp.seed, index.cp.min_points_per_centroid = seed, 1
    index.train(vectors)
    centroids = index.quantizer.reconstruct_n(0, count)
    return {
        "centroids": torch.from_numpy(centroids),
        "lists": _assigned(index.quantizer, space.vectors),
    }


def grow(arrays: dict[str, Tensor], space: Space, seed: int) -> dict[str, Tensor]:
    """The centroids stay."""
    new = _assigned(_quantizer(arrays["centroids"]), space.vectors[len(arrays["lists"]) :])
    return arrays | {"lists": torch.cat([arrays["lists"], new])}


def as_faiss(space: Space, arrays: dict[str, Tensor]) -> "faiss.Index":
    import faiss

    quantizer = _quantizer(arrays["centroids"])
    count = len(arrays["centroids"])
    index = faiss.IndexIVFFlat(quantizer, space.width, count, faiss.METRIC_INNER_PRODUCT)
    index.is_trained = True
    vectors, lists = numbers(space.vectors), arrays["lists"].long().numpy()
    index.add_core(len(vectors), faiss.swig_ptr(vectors), None, faiss.swig_ptr(lists))
    return index


def expected(space: Space, shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple]:
    """Types and shapes of the arrays, given those that were found."""
    count = max(1, *shapes.get("centroids", (1,))[:1])
    return {
        "centroids": (torch.float32, (count, space.width)),
        "lists": (torch.int32, (len(space),)),
    }


def problem(space: Space, arrays: dict[str, Tensor]) -> str | None:
    """Why the arrays cannot be right."""
    lists = arrays["lists"]
    if len(lists) and (lists.min() < 0 or lists.max() >= len(arrays["centroids"])):
        return f"a vector stands in a list beyond the {len(arrays['centroids'])} there"
    return None


def _quantizer(centroids: Tensor) -> "faiss.Index":
    import faiss

    index = faiss.IndexFlatIP(centroids.shape[1])
    index.add(numbers(centroids))
    return index


def _assigned(quantizer: "faiss.Index", vectors: Tensor) -> Tensor:
    """(vectors,) int32: whose list each belongs to."""
    nearest = quantizer.search(numbers(vectors), 1)[1][:, 0]
    return torch.from_numpy(nearest.astype(np.int32))
