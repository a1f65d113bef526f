"""Two next-item losses over n predictions: the whole catalogue, or the batch's items debiased."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


def catalogue_loss(
    users: Tensor, items: Tensor, target: Tensor, total: int | None = None
) -> Tensor:
    """Softmax cross-entropy of users (n, d) over all items (m, d); target (n,) < m. The mean over
    n, or over the `total` predictions that these are a part of.
    """
    with full_precision(users):
        return _mean(users.float() @ items.float().T, target, total)


def _mean(logits: Tensor, target: Tensor, total: int | None) -> Tensor:
    return F.cross_entropy(logits, target, reduction="sum") / (total or max(len(target), 1))


def full_precision(tensor: Tensor) -> torch.autocast:
    """Logits of a large catalogue are too close together for bf16."""
    return torch.autocast(tensor.device.type, enabled=False)


@dataclass(frozen=True)
class Candidates:
    """The distinct items of a batch of windows, and who owns which."""

    counts: Tensor
    """(m,) how often each distinct item stands in the batch's windows."""
    log_share: Tensor
    """(m,) log of each item's share of the training interactions."""
    owned: Tensor
    """(windows, m) bool: the item stands in that window."""


def batch_loss(
    users: Tensor,
    items: Tensor,
    target: Tensor,
    window: Tensor,
    candidates: Candidates,
    total: int | None = None,
) -> Tensor:
    """The in-batch softmax of IISAN minus log popularity, computed over distinct items.

    users (n, d) predict target (n,) out of items (m, d); window (n,) is the row of `owned` each
    prediction belongs to. Written out, every position of every window is one column, the columns
    of the user's own items are masked but for the one target, and the logits are h.e - log share.
    A distinct item that others hold c times therefore adds log c to its logit, and the target
    counts once, whoever else holds it. The mean is as in `catalogue_loss`.
    """
    bias = candidates.counts.log() - candidates.log_share
    blocked = bias.expand_as(candidates.owned).masked_fill(candidates.owned, -torch.inf)
    columns = blocked[window].scatter_(1, target[:, None], -candidates.log_share[target][:, None])
    with full_precision(users):
        logits = torch.addmm(columns, users.to(bias.dtype), items.to(bias.dtype).T)
        return _mean(logits, target, total)
