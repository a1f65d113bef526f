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


def one_way(
    asked: Tensor, candidates: Tensor, answer: Tensor, right: Tensor,
    scaled: Callable[[Tensor], Tensor],
) -> Tensor:  # fmt: skip
    """Sum of cross-entropies of asked (p, d) for answer (p,) among candidates (m, d), all of length
    one; right (p, m) bool are the right answers of each."""
    own = F.one_hot(answer, len(candidates)).bool()
    with full_precision(asked):
        logits = scaled(asked.float() @ candidates.float().T)
        return F.cross_entropy(
            logits.masked_fill(right & ~own, -torch.inf), answer, reduction="sum"
        )
