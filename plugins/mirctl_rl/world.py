"""A simulator as data: what an agent may know, and what pays it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np

from mirctl.data.order import hashed
from mirctl_rl.boredom import Kinds, Rule
from mirctl_rl.factors import Factors
from mirctl_rl.rewards import Rewards

USERS, STRIDE, OFFSET = 0x05E4, 0x51DE, 0x0FF5
"""Streams of draws."""


@dataclass(frozen=True, eq=False)
class Known:
    """What an agent may see: the early half, the items, the quit rule. Nothing of the late half."""

    users: list[str]
    items: list[str]
    titles: list[str | None]
    genres: list[list[str]]
    offsets: np.ndarray
    """(users + 1,) int64: where each user's early interactions begin."""
    item: np.ndarray
    """(n,) int64, oldest first."""
    value: np.ndarray
    """(n,) float32: the rating, 1 where there is none."""
    feedback: np.ndarray
    """(n,) float32: the same on the scale of rewards, by what the early half tells."""
    factors: Factors
    """The early half, completed as the simulator completes the late one, personal where rewards
    are; rows as in `Rewards`."""
    kinds: Kinds
    rule: Rule
    names_users: bool
    """Does an observation say who the user is?"""

    @property
    def n_users(self) -> int:
        return len(self.users)

    @property
    def n_items(self) -> int:
        return len(self.items)

    @cached_property
    def digest(self) -> str:
        """sha256 of the items' ids, in order: what a policy for them is bound to."""
        return digest(self.items)

    @cached_property
    def popularity(self) -> np.ndarray:
        """(items,) int64: how often each was taken in the early half."""
        return np.bincount(self.item, minlength=self.n_items)

    def histories(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """(users, length) last early items, `n_items` in front where there are fewer, and their
        feedback."""
        places = self.offsets[1:, None] - np.arange(length, 0, -1)
        there = places >= self.offsets[:-1, None]
        places = np.where(there, places, 0)
        items = np.where(there, self.item[places], self.n_items).astype(np.int32)
        return items, np.where(there, self.feedback[places], 0).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Hidden:
    """What pays: completed from the late half alone."""

    rewards: Rewards
    observed: np.ndarray
    """(n,) int64, rising: row * n_items + item of every pair in the whole log."""

    def was_observed(self, row: np.ndarray, item: np.ndarray, n_items: int) -> np.ndarray:
        """Does the log hold these pairs?"""
        key = row.astype(np.int64) * n_items + item
        place = np.minimum(np.searchsorted(self.observed, key), len(self.observed) - 1)
        return self.observed[place] == key


@dataclass(frozen=True, eq=False)
class World:
    """A whole simulator."""

    env: str
    known: Known
    hidden: Hidden
    moves: bool
    """The row of a reward is the item shown before, not the user."""
    horizon: int
    history: int
    slate: int | None
    repeats: bool
    seed: int
    report: dict[str, Any]

    @property
    def n_actions(self) -> int:
        return self.slate or self.known.n_items

    def drawn_users(self, seed: np.ndarray, episode: np.ndarray) -> np.ndarray:
        """(n,) int64: who comes, of seeds and numbers of episodes (n,)."""
        return _whole(hashed(USERS, seed, episode), self.known.n_users)

    def drawn_slates(self, seed: np.ndarray, episode: np.ndarray) -> np.ndarray:
        """(n, slate) int32, no item twice: every so many-th of the items in a random order."""
        n_items = self.known.n_items
        stride = self._strides[_whole(hashed(STRIDE, seed, episode), len(self._strides))]
        offset = _whole(hashed(OFFSET, seed, episode), n_items)
        fits = n_items * (self.slate + 1) < 2**31
        steps = np.arange(self.slate, dtype=np.int32 if fits else np.int64)
        stride, offset = (drawn.astype(steps.dtype)[:, None] for drawn in (stride, offset))
        places = (offset + stride * steps) % steps.dtype.type(n_items)
        return self._shuffled.take(places)

    @cached_property
    def _strides(self) -> np.ndarray:
        numbers = np.arange(1, self.known.n_items + 1)
        return numbers[np.gcd(numbers, self.known.n_items) == 1]

    @cached_property
    def _shuffled(self) -> np.ndarray:
        order = np.random.default_rng((self.seed, 0x51A7E)).permutation(self.known.n_items)
        return order.astype(np.int32)


def _whole(bits: np.ndarray, below: int) -> np.ndarray:
    """(n,) uint64 of random bits -> whole numbers from 0 to `below`."""
    return ((bits >> np.uint64(11)).astype(np.float64) * (2.0**-53 * below)).astype(np.int64)


def digest(ids: Sequence[str]) -> str:
    """sha256 of ids, in order."""
    return sha256("\0".join(ids).encode()).hexdigest()
