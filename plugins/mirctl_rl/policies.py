"""Who recommends: the interface, and the reference policies that every report shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from mirctl.errors import UsageError, suggest
from mirctl_rl.boredom import leaves
from mirctl_rl.factors import Factors
from mirctl_rl.session import Obs
from mirctl_rl.world import World


class Policy(Protocol):
    """Chooses an action for each of n users."""

    name: str

    def act(self, obs: Obs, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n,) actions; mask (n, actions) says which ones are still to be had."""
        ...


Scores = Callable[[Obs], np.ndarray]
"""(n, actions) of an observation: the higher, the sooner shown."""


class Greedy:
    """The best-scored item; `aware` of the quit rule, one that lets the user stay if any does."""

    def __init__(self, name: str, world: World, scores: Scores, *, aware: bool) -> None:
        self.name, self.world, self.scores, self.aware = name, world, scores, aware

    def act(self, obs: Obs, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        allowed = mask
        if self.aware:
            staying = mask & ~would_leave(self.world, obs)
            allowed = np.where(staying.any(axis=1, keepdims=True), staying, mask)
        found = np.where(allowed, self.scores(obs), -np.inf)
        return found.argmax(axis=1)


class Random:
    """Any item that is still to be had."""

    name = "random"

    def act(self, obs: Obs, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        drawn = rng.random(mask.shape, np.float32)
        return np.where(mask, drawn, -1).argmax(axis=1)


def would_leave(world: World, obs: Obs) -> np.ndarray:
    """(n, actions): after which would the user leave? By the quit rule, from what an agent sees."""
    rule, known = world.known.rule, world.known
    age = np.arange(rule.window, 0, -1)
    shown = age <= obs["turn"][:, None]
    recent = np.where(shown, obs["items"][:, -rule.window :], known.n_items)
    return leaves(known.kinds.alike_each(recent, obs.get("slate")), rule)


def rows(world: World, obs: Obs) -> np.ndarray:
    """(n,) the row of factors that is asked for: the user, or the last item."""
    return obs["items"][:, -1] if world.moves else obs["user"]


def _popularity(world: World) -> Scores:
    counts = world.known.popularity.astype(np.float64)

    def scores(obs: Obs) -> np.ndarray:
        slate = obs.get("slate")
        return counts[None, :] if slate is None else counts[slate]

    return scores


def _factored(world: World) -> Scores:
    """What the early half foretells."""
    return _inner(world, world.known.factors)


def _oracle(world: World) -> Scores:
    """The very scores that the simulator pays by."""
    return _inner(world, world.hidden.rewards.factors)


def _inner(world: World, factors: Factors) -> Scores:
    def scores(obs: Obs) -> np.ndarray:
        left, slate = factors.rows[rows(world, obs)], obs.get("slate")
        if slate is None:
            return left @ factors.columns.T
        return (factors.columns[slate] @ left[:, :, None])[:, :, 0]

    return scores


REFERENCES: dict[str, tuple[Callable[[World], Scores], bool]] = {
    "popularity": (_popularity, False),
    "popularity-aware": (_popularity, True),
    "mf": (_factored, False),
    "mf-aware": (_factored, True),
    "oracle": (_oracle, True),
}
NAMES = ("random", *REFERENCES)


def reference(name: str, world: World) -> Policy:
    """A reference policy by its name."""
    if name == Random.name:
        return Random()
    if name not in REFERENCES:
        hint = suggest(name, NAMES, f"there are {', '.join(NAMES)}")
        raise UsageError(f"{name!r} is neither a reference policy nor a folder{hint}")
    build, aware = REFERENCES[name]
    return Greedy(name, world, build(world), aware=aware)
