"""Exact search: every vector is compared, so it is also what approximate search is measured by."""

import torch
from torch import Tensor

from mirctl_fuse.index.space import Found, Space, dots, joined, ordered

QUERIES_AT_ONCE, ITEMS_AT_ONCE = 128, 1 << 16
"""Their scores take 32 MiB."""
BEST_AT_ONCE = 1 << 21
GROUP = 64
UNIT = 2.0**-24
"""What float32 rounds by, relative to one."""


def search(space: Space, queries: Tensor, k: int, allowed: Tensor | None = None) -> Found:
    """The k best of the allowed items (items,) bool, fewer where there are fewer.

    An answer is the same whatever other queries (queries, width) come with it.
    """
    queries = space.queries(queries)
    candidates = space.candidates(allowed)
    if candidates is None:
        return _blocks(space.vectors, queries, k, space.longest)
    rows = torch.nonzero(candidates)[:, 0]
    found = _blocks(space.vectors[rows.to(space.vectors.device)], queries, k, space.longest)
    return Found(found.scores, rows[found.items])


def _blocks(vectors: Tensor, queries: Tensor, k: int, longest: float) -> Found:
    k = min(k, len(vectors))
    if not k or not len(queries):
        return joined([], len(queries), k)
    size = max(1, min(QUERIES_AT_ONCE, BEST_AT_ONCE // k, len(queries)))
    # New memory for every block would take longer to be had than the best to be found.
    width = min(ITEMS_AT_ONCE, -(-len(vectors) // GROUP) * GROUP)
    room = vectors.new_empty(size, width)
    blocks = [_block(vectors, some, k, longest, room) for some in queries.split(size)]
    return joined(blocks, len(queries), k)


def _block(vectors: Tensor, queries: Tensor, k: int, longest: float, room: Tensor) -> Found:
    """The best by rounded scores; exactly compared where rounding may have changed who is in."""
    values, items = _rounded(vectors, queries, min(k + 1, len(vectors)), room[: len(queries)])
    found = ordered(dots(queries, vectors, items[:, :k]), items[:, :k].cpu())
    if k == len(vectors):
        return found
    # Sums of width products, each off by less than (width + 1) units: Higham, 2002.
    off = 2 * (vectors.shape[1] + 2) * UNIT * longest
    floor = values[:, k - 1] - off * torch.linalg.vector_norm(queries, dim=1)
    for row in torch.nonzero(values[:, k] >= floor)[:, 0].tolist():
        near = torch.nonzero(vectors @ queries[row] >= floor[row]).T
        exact = ordered(dots(queries[row, None], vectors, near), near.cpu())
        found.scores[row], found.items[row] = exact.scores[0, :k], exact.items[0, :k]
    return found


def _rounded(vectors: Tensor, queries: Tensor, k: int, room: Tensor) -> tuple[Tensor, Tensor]:
    """(values, items), both (queries, k): the best by products in float32, equals in any order."""
    best: tuple[Tensor, Tensor] | None = None
    for start in range(0, len(vectors), ITEMS_AT_ONCE):
        some = vectors[start : start + ITEMS_AT_ONCE]
        torch.mm(queries, some.T, out=room[:, : len(some)])
        room[:, len(some) :] = -torch.inf
        values, items = _topk(room, min(k, len(some)))
        items += start
        if best is not None:
            values = torch.cat([best[0], values], dim=1)
            values, order = values.topk(min(k, values.shape[1]), dim=1)
            items = torch.cat([best[1], items], dim=1).gather(1, order)
        best = values, items
    return best


def _topk(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """torch.topk of (queries, groups * GROUP), sooner: the k best stand in the k best groups."""
    groups = scores.unflatten(1, (-1, GROUP))
    if groups.shape[1] < 2 * k:
        return scores.topk(k, dim=1)
    best = groups.amax(2).topk(k, dim=1).indices
    inside = groups.gather(1, best[..., None].expand(-1, -1, GROUP)).flatten(1)
    values, within = inside.topk(k, dim=1)
    return values, best.gather(1, within // GROUP) * GROUP + within % GROUP
