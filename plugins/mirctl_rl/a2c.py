"""The maths of n-step advantage actor-critic (Mnih et al., 2016), and of weighted episodes."""

from __future__ import annotations

import torch
from torch import Tensor


def returns(
    rewards: Tensor, terminated: Tensor, truncated: Tensor, finals: Tensor, last: Tensor,
    discount: float,
) -> Tensor:  # fmt: skip
    """(turns, n) discounted returns of a rollout, all inputs (turns, n) but `last` (n,).

    A user who left earns no more; at the horizon the value of the final state, `finals`, stands
    for what is not played; after the last turn `last` does, the value of the next state.
    """
    found = torch.empty_like(rewards)
    after = last
    for turn in range(len(rewards) - 1, -1, -1):
        after = torch.where(truncated[turn], finals[turn], after)
        after = torch.where(terminated[turn], torch.zeros_like(after), after)
        found[turn] = after = rewards[turn] + discount * after
    return found


def logit_gradient(
    odds: Tensor, actions: Tensor, advantage: Tensor, weight: Tensor, entropy: float
) -> tuple[Tensor, Tensor]:
    """The gradient of mean(-weight advantage log odds[action] - entropy H) by the logits (n,
    actions), and H (n,).

    d(-log p_a)/dz = p - 1_a and dH/dz = -p (log p + H). The odds are those of the rollout: weights
    have not changed since, so the softmax over the catalogue need not be computed again.
    """
    log = odds.clamp_min(1e-30).log_()
    spread = -(odds * log).sum(dim=1)
    pull = weight * advantage
    gradient = log.add_(spread[:, None]).mul_(entropy).add_(pull[:, None]).mul_(odds)
    gradient.scatter_add_(1, actions[:, None], -pull[:, None])
    return gradient.div_(len(odds)), spread
