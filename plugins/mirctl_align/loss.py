"""The loss of preferences.

Bradley and Terry (1952): the chosen text is better with probability sigmoid(d), d being the
difference of the two rewards. With a margin m that is sigmoid(d - m).
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def preference_loss(
    chosen: Tensor, rejected: Tensor, margin: Tensor, target: Tensor, *,
    smoothing: float = 0.0, centering: float = 0.0,
) -> Tensor:  # fmt: skip
    """Rewards, margin and target (pairs,) -> loss (pairs,).

    The target is the probability that the chosen one is better; smoothing takes a share of all
    labels to be wrong. centering * (chosen + rejected)^2 fixes the origin of the rewards, of which
    preferences say nothing (Eisenstein et al., 2023).
    """
    believed = target * (1 - smoothing) + (1 - target) * smoothing
    loss = F.binary_cross_entropy_with_logits(
        chosen - rejected - margin, believed, reduction="none"
    )
    return loss + centering * (chosen + rejected).square()


def weighted_mean(loss: Tensor, weight: Tensor, total: Tensor) -> Tensor:
    """Of losses (pairs,), their share of a mean whose weights add up to `total`; pairs that weigh
    nothing may make up a whole batch."""
    return (loss * weight).sum() / total.clamp_min(torch.finfo(loss.dtype).tiny)
