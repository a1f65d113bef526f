"""How often a teacher is right, where the early half knows: on what was kept out of the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mirctl.metrics import resampling
from mirctl_rl.states import State

UNIT = "share of the liked items known to be right or wrong that are right"


def precision(states: Sequence[State], likes: Sequence[np.ndarray], seed: int) -> dict[str, Any]:
    """Of tested items that a teacher likes the share that the users like, over all states; a 95 %
    bootstrap interval over states."""
    right = [(like > 0) & state.liked for state, like in zip(states, likes, strict=True)]
    liked = [(like > 0) & state.tested for state, like in zip(states, likes, strict=True)]
    return _ratio(right, liked, seed)


def chance(states: Sequence[State]) -> float | None:
    """What a teacher reaches that knows nothing."""
    tested = sum(int(state.tested.sum()) for state in states)
    return sum(int(state.liked.sum()) for state in states) / tested if tested else None


def _ratio(above: Sequence[np.ndarray], below: Sequence[np.ndarray], seed: int) -> dict[str, Any]:
    counts = np.array([[a.sum(), b.sum()] for a, b in zip(above, below, strict=True)], float)
    n = int(counts[:, 1].sum())
    if not n:
        return {"value": None, "low": None, "high": None, "n": 0, "unit": UNIT}
    drawn = resampling.sums(counts, seed)
    drawn = drawn[drawn[:, 1] > 0]
    low, high = resampling.interval(drawn[:, 0] / drawn[:, 1])
    value = float(counts[:, 0].sum() / n)
    return {"value": value, "low": float(low), "high": float(high), "n": n, "unit": UNIT}
