"""Imagined users: real early histories, rewards that were learned, and the quit rule or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mirctl_rl.boredom import Rule
from mirctl_rl.session import Session
from mirctl_rl.vector import UsersEnv
from mirctl_rl.world import World

Reward = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Last items (n, history) and items shown (n,) -> (n,) float32."""


class Imagined(Session):
    """Users who are paid by a learned reward; what the simulator pays is never read."""

    def __init__(self, world: World, n: int, reward: Reward) -> None:
        super().__init__(world, n)
        self.reward = reward

    def _earned(self, item: np.ndarray) -> np.ndarray:
        return self.reward(self.items, item)


def imagined(world: World, n: int, reward: Reward, *, aware: bool) -> UsersEnv:
    """n imagined users; unless `aware` of the quit rule, they never leave."""
    if not aware:
        window = world.known.rule.window
        never = replace(world.known, rule=Rule(window, window + 1))
        world = replace(world, known=never)
    return UsersEnv(world, n, Imagined(world, n, reward))
