"""Batches for reward models, and models in which all that is new shows."""

import numpy as np
import torch

from mirctl_align.batch import Batch
from mirctl_align.model import RewardModel

INJECTIONS = ("none", "concat", "add", "attn-bias", "aux-loss", "token-weight")
K = 3
LENGTHS = (7, 3, 12, 1)


def stirred(model: RewardModel, size: float = 0.3) -> RewardModel:
    """What begins at zero does not stay there, so that it shows."""
    model.standardise(torch.tensor([1.0, 2.0, 0.0]), torch.tensor([1.0, 3.0, 0.5]))
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight += size * torch.randn_like(weight)
    return model.eval()


def rows(lengths=LENGTHS, seed: int = 0) -> list[Batch]:
    """Texts alone, each a batch of its own: half of the tokens have gaze."""
    draw = np.random.default_rng(seed)
    return [_row(draw, length) for length in lengths]


def _row(draw: np.random.Generator, length: int) -> Batch:
    gaze = draw.normal(2, 3, (1, length, K))
    gaze[draw.random(gaze.shape) < 0.2] = np.nan
    seen = draw.random((1, length)) < 0.6
    first = seen & (draw.random((1, length)) < 0.7)
    ids = torch.from_numpy(draw.integers(4, 14, (1, length)))
    real = torch.ones(1, length, dtype=torch.bool)
    tensor = torch.from_numpy(gaze).float()
    return Batch(ids, real, tensor, torch.from_numpy(seen), torch.from_numpy(first))


def together(alone: list[Batch], side: str = "right", padding: int = 0, more: int = 0) -> Batch:
    """One batch of rows; what stands at padding is nonsense."""
    longest = more + max(row.ids.shape[1] for row in alone)
    made = {}
    fill = {"ids": padding, "real": False, "gaze": 99.0, "seen": True, "first": True}
    for name, value in fill.items():
        parts = []
        for row in alone:
            own = getattr(row, name)
            lacks = own.new_full((1, longest - own.shape[1], *own.shape[2:]), value)
            parts.append(torch.cat([own, lacks] if side == "right" else [lacks, own], 1))
        made[name] = torch.cat(parts)
    return Batch(**made)
