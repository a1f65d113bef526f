"""Policies before simulated users, and what comes of it: measures with intervals over episodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mirctl import console
from mirctl.metrics import resampling
from mirctl_rl.policies import Policy
from mirctl_rl.session import Session
from mirctl_rl.world import World

AT_ONCE = 512
"""Users of an evaluation that are simulated together."""
MEASURES = {
    "cumulative": "reward an episode",
    "average": "reward an item shown",
    "length": "items an episode",
    "coverage": "share of the catalogue that was shown",
    "diversity": "share of an episode's pairs of neighbours that are not alike",
    "novelty": "bits: -log2 of an item's share of the early interactions, one added to each",
    "observed": "share of the shown pairs that stand in the log",
    "observed_average": "reward an item shown, of those pairs alone",
}
"""Name -> unit."""


@dataclass(frozen=True, eq=False)
class Played:
    """Episodes of a policy. What was not shown any more is False in `on`."""

    item: np.ndarray
    """(episodes, horizon) int64"""
    reward: np.ndarray
    """(episodes, horizon) float32"""
    on: np.ndarray
    observed: np.ndarray
    """(episodes, horizon) bool: the pair stands in the log."""
    alike: np.ndarray
    """(episodes, horizon) bool: like the item before it."""


def play(world: World, policy: Policy, episodes: int, seed: int) -> Played:
    """Let a policy serve the first user of each of the seeds from `seed` on, to the end."""
    parts = []
    for start in range(0, episodes, AT_ONCE):
        n = min(AT_ONCE, episodes - start)
        rng = np.random.default_rng((seed, start, 0xAC7))
        parts.append(_play(world, policy, seed + start + np.arange(n), rng))
    fields = Played.__dataclass_fields__
    return Played(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in fields})


def _play(world: World, policy: Policy, seeds: np.ndarray, rng: np.random.Generator) -> Played:
    session = Session(world, len(seeds))
    session.seed(seeds)
    session.begin(np.arange(len(seeds)))
    on = np.ones(len(seeds), bool)
    steps = []
    nothing = np.full((len(seeds), 1), world.known.n_items)
    for _ in range(world.horizon):
        if not on.any():
            break
        actions = policy.act(session.observed(), session.mask, rng)
        item, row = session.shown(actions), session.row
        before = session.items[:, -1:] if steps else nothing
        alike = world.known.kinds.alike(before, item) > 0
        seen = world.hidden.was_observed(row, item, world.known.n_items)
        reward, left, over = session.step(actions)
        steps.append((item, reward, on, seen, alike))
        on = on & ~left & ~over
    return Played(*(np.stack(column, axis=1) for column in _padded(steps, world.horizon)))


def _padded(steps: list[tuple[np.ndarray, ...]], horizon: int) -> list[list[np.ndarray]]:
    """Each field's arrays, as many as an episode can have."""
    rest = horizon - len(steps)
    return [[*column, *[np.zeros_like(column[0])] * rest] for column in zip(*steps, strict=True)]


def evaluate(
    world: World, policies: Sequence[Policy], episodes: int, seed: int
) -> dict[str, dict[str, dict[str, Any]]]:
    """Policy -> measure -> value with its 95 % interval; every policy meets the same users."""
    found = {}
    with console.progress("serve users", episodes * len(policies), "episodes") as advance:
        for policy in policies:
            found[policy.name] = measured(world, play(world, policy, episodes, seed), seed)
            advance(episodes)
    return found


def measured(world: World, played: Played, seed: int) -> dict[str, dict[str, Any]]:
    """The measures of some episodes; those that are ratios are ratios of sums over episodes."""
    on = played.on
    novelty = _novelty(world)[played.item]
    ones = np.ones(len(on))
    pairs = np.maximum(on.sum(axis=1) - 1, 0)
    sums = {
        "cumulative": ((played.reward * on).sum(axis=1), ones),
        "average": ((played.reward * on).sum(axis=1), on.sum(axis=1)),
        "length": (on.sum(axis=1), ones),
        "diversity": (pairs - (played.alike & on)[:, 1:].sum(axis=1), pairs),
        "novelty": ((novelty * on).sum(axis=1), on.sum(axis=1)),
        "observed": ((played.observed & on).sum(axis=1), on.sum(axis=1)),
        "observed_average": (
            (played.reward * (played.observed & on)).sum(axis=1),
            (played.observed & on).sum(axis=1),
        ),
    }
    matrix = np.stack([part for pair in sums.values() for part in pair], axis=1).astype(float)
    drawn = resampling.sums(matrix, seed)
    found = {}
    for place, name in enumerate(sums):
        above, below = matrix[:, 2 * place].sum(), matrix[:, 2 * place + 1].sum()
        found[name] = _entry(above, below, drawn[:, 2 * place : 2 * place + 2], len(on))
    shown = len(np.unique(played.item[on])) / world.known.n_items
    found["coverage"] = {"value": shown, "low": None, "high": None, "n": len(on)}
    return {name: {**found[name], "unit": MEASURES[name]} for name in MEASURES}


def _entry(above: float, below: float, drawn: np.ndarray, n: int) -> dict[str, Any]:
    """A ratio and its interval; undefined over nothing."""
    if not below:
        return {"value": None, "low": None, "high": None, "n": n}
    defined = drawn[drawn[:, 1] > 0]
    low, high = resampling.interval(defined[:, 0] / defined[:, 1])
    return {"value": float(above / below), "low": float(low), "high": float(high), "n": n}


def _novelty(world: World) -> np.ndarray:
    """(items,) bits; one more for each item keeps what nobody took finite."""
    counts = world.known.popularity + 1
    return -np.log2(counts / counts.sum())
