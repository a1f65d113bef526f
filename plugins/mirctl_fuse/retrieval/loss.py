"""Contrast: each pair of a batch against all that is in it and belongs to others.

Symmetric InfoNCE (van den Oord et al., 2018; Radford et al., 2021) of pairs p = (q, i), s the
scaled cosine, R(q) and R(i) the right answers of either:

    L = mean_p of - log e^s(q,i) / (e^s(q,i) + sum_{j not in R(q)} e^s(q,j)) / 2
                  - log e^s(q,i) / (e^s(q,i) + sum_{r not in R(i)} e^s(r,i)) / 2

Sums are over the distinct items j and queries r of the batch: another right answer is no negative,
and what stands in several pairs counts once.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from mirctl.sequences.loss import full_precision
from mirctl_fuse.retrieval.chunks import in_chunks

Scaled = Callable[[Tensor], Tensor]


def one_way(
    asked: Tensor, candidates: Tensor, answer: Tensor, right: Tensor, scaled: Scaled, chunk: int
) -> Tensor:
    """Sum of cross-entropies of asked (p, d) for answer (p,) among candidates (m, d), all of length
    one; right (p, m) bool are the right answers of each. Logits are there for a chunk at a time."""
    others = right.scatter(1, answer[:, None], False)

    def loss(rows: Tensor) -> Tensor:
        with full_precision(asked):
            logits = scaled(asked[rows].float() @ candidates.float().T)
            allowed = logits.masked_fill(others[rows], -torch.inf)
            return F.cross_entropy(allowed, answer[rows], reduction="sum")

    rows = torch.arange(len(asked), device=asked.device)
    return torch.stack(in_chunks(loss, rows, chunk)).sum()
