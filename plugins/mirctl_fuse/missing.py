"""Items of which less is known than there is."""

from dataclasses import replace

import torch
from torch import Tensor

from mirctl.encode.towers import ItemBatch


def take_away(items: ItemBatch, draws: Tensor, share: float) -> ItemBatch:
    """Without a share of what they have: draws (n, modalities) in [0, 1) below it. Of each item
    something stays: what it drew highest."""
    present = torch.stack([tower.present for tower in items.towers], 1)
    drawn = draws.masked_fill(~present, -1)
    lost = (drawn < share) & (drawn < drawn.max(1, keepdim=True).values)
    towers = [tower.without(lost[:, n]) for n, tower in enumerate(items.towers)]
    return replace(items, towers=tuple(towers))


def all_but(items: ItemBatch, modality: int) -> ItemBatch:
    """Nothing but one modality of them."""
    lost = torch.ones_like(items.towers[0].present)
    towers = [t if n == modality else t.without(lost) for n, t in enumerate(items.towers)]
    return replace(items, towers=tuple(towers))
