"""How often a teacher is right, where the early half knows: on what was kept out of the prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mirctl.metrics import resampling
from mirctl_rl.states import State

Wrong = Callable[[State], np.ndarray]
UNIT = "share of right ones among the liked items that are right or wrong for sure"
WRONG: dict[str, Wrong] = {"": lambda state: state.new, "rated.": lambda state: state.worse}
"""Beginning of a measure's name -> (m,) bool, what is wrong beside the item that the user took and
liked: any that the user never took, or those that the user rated lower."""


def precision(
    states: Sequence[State], likes: Sequence[np.ndarray], seed: int, wrong: Wrong
) -> dict[str, Any]:
    """Of the right and wrong items that a teacher likes the share of right ones, over all states;
    a 95 % bootstrap interval over states."""
    counts = np.zeros((len(states), 2))
    for n, (state, like) in enumerate(zip(states, likes, strict=True)):
        right, others = _sides(state, wrong)
        counts[n] = ((like > 0) & right).sum(), ((like > 0) & (right | others)).sum()
    return _ratio(counts, seed)


def chance(states: Sequence[State], wrong: Wrong) -> float | None:
    """What a teacher reaches that knows nothing."""
    sides = [_sides(state, wrong) for state in states]
    right = sum(int(right.sum()) for right, _ in sides)
    known = right + sum(int(others.sum()) for _, others in sides)
    return right / known if known else None


def _sides(state: State, wrong: Wrong) -> tuple[np.ndarray, np.ndarray]:
    """(m,) bool each: what is right and what is wrong; nothing where one of them lacks."""
    right, others = state.liked, wrong(state)
    there = right.any() and others.any()
    return right & there, others & there


def _ratio(counts: np.ndarray, seed: int) -> dict[str, Any]:
    """Sums of the two columns of counts (states, 2) as a ratio."""
    n = int(counts[:, 1].sum())
    if not n:
        return {"value": None, "low": None, "high": None, "n": 0, "unit": UNIT}
    drawn = resampling.sums(counts, seed)
    drawn = drawn[drawn[:, 1] > 0]
    low, high = resampling.interval(drawn[:, 0] / drawn[:, 1])
    value = float(counts[:, 0].sum() / n)
    return {"value": value, "low": float(low), "high": float(high), "n": n, "unit": UNIT}
