"""What a reward model is given at once, and how rows are put without gaps."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Tokens of some dialogues, padded at either end."""

    ids: Tensor
    """(rows, tokens) int64; at padding anything."""
    real: Tensor
    """(rows, tokens) bool."""
    gaze: Tensor | None = None
    """(rows, tokens, measures) float32 as generators give it; NaN is unknown."""
    seen: Tensor | None = None
    """(rows, tokens) bool: the token has gaze."""
    first: Tensor | None = None
    """(rows, tokens) bool: the first token of a word with gaze."""

    def aligned(self) -> "Batch":
        """The same with the padding at the right end; a row without tokens is one padding token."""
        named = {"ids": self.ids.masked_fill(~self.real, 0), "real": self.real}
        named |= {
            name: value
            for name in ("gaze", "seen", "first")
            if (value := getattr(self, name)) is not None
        }
        for name in named.keys() & {"seen", "first"}:
            named[name] = named[name] & self.real
        named = dict(zip(named, packed(self.real, *named.values()), strict=True))
        named["real"][:, 0] = True
        return replace(self, **named)

    def to(self, device: torch.device) -> "Batch":
        """On a device."""
        there = {n: v.to(device) for n, v in vars(self).items() if v is not None}
        return replace(self, **there)


def packed(kept: Tensor, *values: Tensor) -> list[Tensor]:
    """Each of values (rows, n, ...) with what is kept (rows, n) at the left, as short as can be."""
    length = max(1, int(kept.sum(1).max()))
    order = (~kept).to(torch.int8).sort(dim=1, stable=True).indices[:, :length]
    rows = torch.arange(len(kept), device=kept.device)[:, None] * kept.shape[1]
    at = (rows + order).flatten()
    return [
        value.flatten(0, 1).index_select(0, at).unflatten(0, (len(kept), length))
        for value in values
    ]
