"""Moments of users, drawn from the early half, and what is on offer: of it a teacher likes one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mirctl import console
from mirctl.errors import DataError
from mirctl_rl.matching import shown
from mirctl_rl.rewards import top_fifth
from mirctl_rl.world import Known

WORSE, NEW, POPULAR, NEAR = 2, 4, 1, 2
"""On offer beside one item that the user took and liked: some rated lower, any that the user never
took, popular ones, some near the last items."""
OFFER = 1 + WORSE + NEW + POPULAR + NEAR
POOL = 100
"""The most popular, or the nearest, from which these are drawn."""
TRIED = 128
"""Of a pool, of which a few are wanted whose titles differ."""
_STREAM = 0xD157


@dataclass(frozen=True, eq=False)
class State:
    """A user at a moment, and m items on offer, in an order that tells nothing."""

    number: int
    user: int
    history: np.ndarray
    """(h,) int64 last items, oldest first."""
    value: np.ndarray
    """(h,) float32 what they were rated."""
    offer: np.ndarray
    """(m,) int64"""
    liked: np.ndarray
    """(m,) bool: the one that the user took and liked, out of the prompt; none where there is
    none."""
    worse: np.ndarray
    """(m,) bool: those rated lower, out of the prompt."""
    new: np.ndarray
    """(m,) bool: any that the user never took, drawn evenly."""


class Drawing:
    """Draws states of what is known; state n depends on the seed and n alone."""

    def __init__(self, known: Known, length: int, seed: int, *, moves: bool) -> None:
        """`length` items of a history; `moves`: what comes next counts, not who the user is."""
        self.known, self.length, self.seed, self.moves = known, length, seed, moves
        self.keys = [shown(title) for title in known.titles]
        titled = np.array([bool(key) for key in self.keys])
        self.askable = titled if titled.any() else ~titled
        """(items,) bool: with a title; all, where none has one and titles cannot be asked about."""
        self.rated = bool(known.value.min() < known.value.max())

    def states(self, count: int) -> list[State]:
        """The first so many, but for those that leave no choice."""
        found = []
        with console.progress("draw states", count, "states") as advance:
            for number in range(count):
                state = self.state(number)
                found += [state] if len(state.offer) > 1 else []
                advance(1)
        if not found:
            told = "no user leaves two items to choose from: all took nearly everything"
            raise DataError(told, where="simulator")
        return found

    def state(self, number: int) -> State:
        """The state of that number."""
        rng = np.random.default_rng((self.seed, number, _STREAM))
        known = self.known
        user = int(rng.integers(known.n_users))
        own = np.arange(known.offsets[user], known.offsets[user + 1])
        end = int(rng.integers((len(own) + 1) // 2, max(len(own), 2)))
        window = own[max(end - self.length, 0) : end]
        history = known.item[window]
        liked, worse = self._out_of_prompt(own, history, end, rng)
        found, parts = [*liked, *worse], [len(liked), len(worse)]
        for count, pool in self._pools(own, history, OFFER - NEW - POPULAR - NEAR - len(found)):
            some = rng.choice(pool, min(len(pool), TRIED), replace=False)
            drawn = self._distinct(some, [*history, *found], count)
            found += drawn
            parts.append(len(drawn))
        kind = np.repeat(np.arange(len(parts)), parts)
        order = rng.permutation(len(found))
        liked_, worse_, new = ((kind[order] == part) for part in range(3))
        new &= bool(len(liked))
        offer = np.array(found, np.int64)[order]
        return State(number, user, history, known.value[window], offer, liked_, worse_, new)

    def _out_of_prompt(
        self, own: np.ndarray, history: np.ndarray, end: int, rng: np.random.Generator
    ) -> tuple[list[int], list[int]]:
        """An item that the user took and liked, and some that were rated lower."""
        known, item = self.known, self.known.item
        out = own[~np.isin(item[own], history) & self.askable[item[own]]]
        if self.moves:
            out = out[out == own[0] + end]
        better = out[self._top[out]]
        best = rng.permutation(better)[:1]
        liked = self._distinct(item[best], list(history), 1)
        if not liked:
            return [], []
        lower = out[~self._top[out] & (known.feedback[out] < known.feedback[best])]
        return liked, self._distinct(rng.permutation(item[lower]), [*history, *liked], WORSE)

    def _pools(
        self, own: np.ndarray, history: np.ndarray, lacking: int
    ) -> Iterator[tuple[int, np.ndarray]]:
        """How many to draw of which items that the user never took."""
        never = self.askable.copy()
        never[self.known.item[own]] = False
        order = self._by_popularity
        all_ = np.flatnonzero(never)
        yield NEW, all_
        yield POPULAR, order[never[order]][:POOL]
        yield NEAR, _best(all_, self._nearness(all_, history))
        yield lacking, all_

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
    def _by_popularity(self) -> np.ndarray:
        """(items,) the most popular first."""
        return np.argsort(-self.known.popularity, kind="stable")

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
    """The items of the highest scores, in their own order."""
    if len(items) <= POOL:
        return items
    return items[np.sort(np.argpartition(-score, POOL)[:POOL])]
