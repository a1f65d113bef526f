"""Users at their screens, many at once: the transition of every environment, in numpy."""

from __future__ import annotations

import numpy as np

from mirctl_rl.boredom import leaves
from mirctl_rl.world import World

Obs = dict[str, np.ndarray]


class Session:
    """n users of a world. `seeds` (n,) and the number of the episode decide who comes."""

    def __init__(self, world: World, n: int) -> None:
        self.world, self.n = world, n
        known = world.known
        self._past = known.histories(world.history)
        self.episode = np.full(n, -1, np.int64)
        self.turn, self.user, self.row = (np.zeros(n, np.int64) for _ in range(3))
        self.items = np.full((n, world.history), known.n_items, np.int32)
        self.feedback = np.zeros((n, world.history), np.float32)
        self.recent = np.full((n, known.rule.window), known.n_items, np.int64)
        self.mask = np.ones((n, world.n_actions), bool)
        self.slate = None if world.slate is None else np.zeros((n, world.slate), np.int32)
        self._all = np.arange(n)
        self._cells = self._all * world.n_actions
        self.seed(np.arange(n))

    def seed(self, seeds: np.ndarray) -> None:
        """From now on these decide; their first episodes come next."""
        self.seeds = np.asarray(seeds, np.int64)
        self.episode[:] = -1

    def begin(self, who: np.ndarray) -> None:
        """Let new users sit down at places who (m,)."""
        self.episode[who] += 1
        drawn = self.seeds[who], self.episode[who]
        user = self.world.drawn_users(*drawn)
        self.user[who], self.turn[who] = user, 0
        self.items[who], self.feedback[who] = self._past[0][user], self._past[1][user]
        self.recent[who] = self.world.known.n_items
        self.row[who] = self.items[who, -1] if self.world.moves else user
        self.mask[who] = True
        if self.slate is not None:
            # A new array: who was given the old one keeps what it held.
            self.slate = self.slate.copy()
            self.slate[who] = self.world.drawn_slates(*drawn)

    def shown(self, actions: np.ndarray) -> np.ndarray:
        """(n,) the items that actions mean."""
        return actions if self.slate is None else self.slate[self._all, actions]

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Show each user an item: (rewards (n,) float32, left (n,), at the horizon (n,))."""
        actions = self._checked(actions)
        item = self.shown(actions)
        reward = self._earned(item)
        if not self.world.repeats:
            mask, cells = self.mask.reshape(-1), self._cells + actions
            reward = reward * mask.take(cells)
            mask[cells] = False
        left = leaves(self.world.known.kinds.alike(self.recent, item), self.world.known.rule)
        self.recent[self._all, self.turn % self.recent.shape[1]] = item
        for rows, last in ((self.items, item), (self.feedback, reward)):
            rows[:, :-1] = rows[:, 1:]
            rows[:, -1] = last
        if self.world.moves:
            self.row = item.astype(np.int64)
        self.turn += 1
        return reward, left, ~left & (self.turn >= self.world.horizon)

    def _earned(self, item: np.ndarray) -> np.ndarray:
        """(n,) float32: what items (n,) are worth to those who see them now."""
        return self.world.hidden.rewards.of(self.row, item)

    def _checked(self, actions: np.ndarray) -> np.ndarray:
        actions = np.asarray(actions)
        if actions.shape != (self.n,) or actions.dtype.kind not in "iu":
            raise ValueError(f"actions {actions.shape} {actions.dtype}: ({self.n},) whole numbers")
        if actions.min() < 0 or actions.max() >= self.world.n_actions:
            worst = actions[(actions < 0) | (actions >= self.world.n_actions)][0]
            raise ValueError(f"action {worst}: from 0 to {self.world.n_actions - 1}")
        return actions

    def observed(self) -> Obs:
        """What an agent sees now; arrays of its own, but for `slate`, which nobody may change."""
        obs = {"items": self.items, "feedback": self.feedback, "turn": self.turn}
        if self.world.known.names_users:
            obs["user"] = self.user
        found = {name: array.copy() for name, array in obs.items()}
        return found if self.slate is None else {**found, "slate": self.slate}

    def state(self) -> Obs:
        """All that the next step depends on; arrays of its own."""
        return {
            name: getattr(self, name).copy() for name in STATE if getattr(self, name) is not None
        }

    def restore(self, state: Obs) -> None:
        """Go on from a state; the arrays stay the same objects, as others may hold them."""
        for name, array in state.items():
            getattr(self, name)[...] = array


STATE = (
    "seeds", "episode", "turn", "user", "row", "items", "feedback", "recent", "mask", "slate",
)  # fmt: skip
