"""Which policy an episode goes to: the frozen, pre-trained one or the one that learns."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

LEAST, MOST = 0.02, 0.98


@dataclass
class Mixing:
    """Our reading of A-iALP's adaptive mixing, of which only the abstract is public.

    w = sigmoid((R0 - R1) / T), kept in [.02, .98], is the chance that an episode goes to the frozen
    policy; R0 and R1 are running means of the rewards of whole episodes, of decay `memory` and
    without the bias of their start; .5 until both policies have ended an episode.
    """

    temperature: float
    memory: float
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0])
    counts: list[float] = field(default_factory=lambda: [0.0, 0.0])

    @property
    def weight(self) -> float:
        if not all(self.counts):
            return 0.5
        frozen, own = (total / count for total, count in zip(self.sums, self.counts, strict=True))
        gap = (frozen - own) / self.temperature
        return min(max(0.5 * (1 + math.tanh(gap / 2)), LEAST), MOST)

    def ended(self, policy: int, reward: float) -> None:
        """An episode of the frozen policy (0) or of the learning one (1) earned so much."""
        self.sums[policy] = self.memory * self.sums[policy] + (1 - self.memory) * reward
        self.counts[policy] = self.memory * self.counts[policy] + (1 - self.memory)

    def assigned(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """(n,) bool: which of n new episodes go to the frozen policy."""
        return rng.random(n) < self.weight
