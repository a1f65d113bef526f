"""Users' states, drawn from the early half, and what is on offer in each: what a teacher is asked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mirctl_rl.matching import shown
from mirctl_rl.rewards import top_fifth
from mirctl_rl.world import Known

TESTED, POPULAR, NEAR, RANDOM = 5, 2, 2, 1
"""On offer: one thing the user liked and four not liked, all out of the prompt; some popular ones,
some near the last items, and any."""
POOL = 100
"""The most popular, or the nearest, from which these are drawn."""
SHARE = 5
"""A teacher likes one of so many on offer."""
_STREAM = 0xD157


@dataclass(frozen=True, eq=False)
class State:
    """A user at a moment of the early half, and m items on offer, in an order that tells nothing."""

    number: int
    user: int
    history: np.ndarray
    """(h,) int64 last items, oldest first."""
    value: np.ndarray
    """(h,) float32 what they were rated."""
    offer: np.ndarray
    """(m,) int64"""
    tested: np.ndarray
    """(m,) bool: it is known whether the user likes it."""
    liked: np.ndarray
    """(m,) bool: the one of the tested that the user likes."""

    @property
    def picks(self) -> int:
        """How many of the offer are to be liked."""
        return max(len(self.offer) // SHARE, 1)


class Drawing:
    """Draws states of what is known; state n depends on the seed and n alone."""

    def __init__(self, known: Known, length: int, seed: int, *, moves: bool) -> None:
        """`length` items of a history; `moves`: what comes next counts, not who the user is."""
        self.known, self.length, self.seed, self.moves = known, length, seed, moves
        self.keys = [shown(title) for title in known.titles]
        titled = np.flatnonzero([bool(key) for key in self.keys])
        self.askable = titled if len(titled) else np.arange(known.n_items)
        """Items with a title; all, where none has one: then only titles cannot be asked about."""
        self.rated = bool(known.value.min() < known.value.max())

    def state(self, number: int) -> State:
        """The state of that number."""
        rng = np.random.default_rng((self.seed, number, _STREAM))
        known = self.known
        user = int(rng.integers(known.n_users))
        own = np.arange(known.offsets[user], known.offsets[user + 1])
        end = int(rng.integers((len(own) + 1) // 2, max(len(own), 2)))
        window = own[max(end - self.length, 0) : end]
        history = known.item[window]
        liked, others = self._tested(own, window, end, rng)
        offer = self._offer(history, own, [*liked, *others], rng)
        order = rng.permutation(len(offer))
        tested = np.arange(len(offer)) < len(liked) + len(others)
        is_liked = np.arange(len(offer)) < len(liked)
        return State(
            number, user, history, known.value[window], offer[order], tested[order], is_liked[order]
        )

    def _tested(
        self, own: np.ndarray, window: np.ndarray, end: int, rng: np.random.Generator
    ) -> tuple[list[int], list[int]]:
        """An item that the user likes, and four not so; none where there are not so many."""
        known, item = self.known, self.known.item
        nothing: tuple[list[int], list[int]] = [], []
        out = own[~np.isin(item[own], item[window]) & np.isin(item[own], self.askable)]
        if self.moves:
            out = out[out == own[0] + end]
        better = out[self._top[out]]
        if not len(better):
            return nothing
        best = int(rng.choice(better))
        if self.rated:
            worse = item[out[~self._top[out] & (known.feedback[out] < known.feedback[best])]]
        else:
            worse = np.setdiff1d(self.askable, item[own])
        others = self._distinct(rng.permutation(worse), [*item[window], item[best]], TESTED - 1)
        return ([int(item[best])], others) if len(others) == TESTED - 1 else nothing

    def _offer(
        self, history: np.ndarray, own: np.ndarray, first: list[int], rng: np.random.Generator
    ) -> np.ndarray:
        """(m,) what is tested, then what the user has not had."""
        known = self.known
        new = np.setdiff1d(self.askable, known.item[own])
        found = list(first)
        pools = [
            (POPULAR, _best(new, known.popularity[new])),
            (NEAR, _best(new, self._nearness(new, history))),
            (RANDOM + TESTED - len(first), new),
        ]
        for count, pool in pools:
            found += self._distinct(rng.permutation(pool), [*history, *found], count)
        return np.array(found, np.int64)

    def _distinct(self, items: np.ndarray, beside: list[int], count: int) -> list[int]:
        """The first so many of the items whose titles are no other's."""
        taken = {self.keys[n] or int(n) for n in beside}
        found: list[int] = []
        for item in map(int, items):
            if len(found) == count:
                break
            key = self.keys[item] or item
            if key not in taken:
                taken.add(key)
                found.append(item)
        return found

    def _nearness(self, items: np.ndarray, history: np.ndarray) -> np.ndarray:
        """(items,) by the early half's own completion."""
        return self._places[items] @ self._places[history].mean(axis=0)

    @cached_property
    def _places(self) -> np.ndarray:
        """(items, k) of length one, or none."""
        columns = self.known.factors.columns
        columns = columns - columns.mean(axis=0)  # a factor that all share makes nothing near
        return columns / np.maximum(np.linalg.norm(columns, axis=1, keepdims=True), 1e-12)

    @cached_property
    def _top(self) -> np.ndarray:
        """(n,) bool: early interactions of each user's own best fifth; all, where nothing is
        rated."""
        known = self.known
        if not self.rated:
            return np.ones(len(known.item), bool)
        user = np.repeat(np.arange(known.n_users), np.diff(known.offsets))
        return top_fifth(user, known.feedback)


def _best(items: np.ndarray, score: np.ndarray) -> np.ndarray:
    return items[np.argsort(-score, kind="stable")[:POOL]]
