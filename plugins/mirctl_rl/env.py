"""One user at a time, as gymnasium has it."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

from mirctl_rl.session import Obs, Session
from mirctl_rl.world import World

NOBODY = np.zeros(1, np.int64)


def observation_space(world: World) -> spaces.Dict:
    """Of one user."""
    known, n = world.known, world.history
    parts: dict[str, spaces.Space] = {
        "items": spaces.Box(0, known.n_items, (n,), np.int32),
        "feedback": spaces.Box(-1.0, 1.0, (n,), np.float32),
        "turn": spaces.Discrete(world.horizon + 1),
    }
    if known.names_users:
        parts["user"] = spaces.Discrete(known.n_users)
    if world.slate is not None:
        parts["slate"] = spaces.Box(0, known.n_items - 1, (world.slate,), np.int32)
    return spaces.Dict(parts)


class UserEnv(gymnasium.Env[dict[str, Any], np.int64]):
    """A user of a world: an action is an item, or a place in `obs["slate"]`."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self, world: World) -> None:
        self.world = world
        self.observation_space = observation_space(world)
        self.action_space = spaces.Discrete(world.n_actions)
        self._session = Session(world, 1)
        self._seeded = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        super().reset(seed=seed)
        if seed is None and not self._seeded:
            seed = int(self.np_random.integers(2**62))
        if seed is not None:
            self._session.seed(np.array([seed]))
            self._seeded = True
        self._session.begin(NOBODY)
        return self._one(self._session.observed()), self._info()

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        reward, left, over = self._session.step(np.array([action], np.int64))
        obs = self._one(self._session.observed())
        return obs, float(reward[0]), bool(left[0]), bool(over[0]), self._info()

    def _info(self) -> dict[str, Any]:
        return {"action_mask": self._session.mask[0].copy()}

    def _one(self, obs: Obs) -> dict[str, Any]:
        return {name: array[0].copy() for name, array in obs.items()}
