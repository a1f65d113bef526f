"""Many users at once, natively batched."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from mirctl_rl.env import observation_space
from mirctl_rl.session import Obs, Session
from mirctl_rl.world import World


class UsersEnv(VectorEnv[Obs, np.ndarray, np.ndarray]):
    """n users of a world; who leaves, or is at the horizon, is followed by another at once."""

    metadata: ClassVar[dict[str, Any]] = {
        "render_modes": [],
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(self, world: World, n: int, session: Session | None = None) -> None:
        """`session`: n users whose rewards are other ones than the world's."""
        self.world, self.num_envs = world, n
        self.single_observation_space = observation_space(world)
        self.single_action_space = spaces.Discrete(world.n_actions)
        self.observation_space = batch_space(self.single_observation_space, n)
        self.action_space = batch_space(self.single_action_space, n)
        self._session = session or Session(world, n)
        self._everybody = np.arange(n)
        self._seeded = False

    def reset(
        self,
        *,
        seed: int | list[int] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Obs, dict[str, Any]]:
        """`seed` of user 0, the next one of user 1; or a list, one a user."""
        if not isinstance(seed, list):
            super().reset(seed=seed)
        if seed is None and not self._seeded:
            seed = int(self.np_random.integers(2**62))
        if seed is not None:
            seeds = np.asarray(seed if isinstance(seed, list) else seed + self._everybody)
            if seeds.shape != (self.num_envs,):
                raise ValueError(f"{len(seeds)} seeds for {self.num_envs} users")
            self._session.seed(seeds)
            self._seeded = True
        self._session.begin(self._everybody)
        return self._session.observed(), {"action_mask": self._session.mask}

    def step(
        self, actions: np.ndarray
    ) -> tuple[Obs, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        session = self._session
        reward, left, over = session.step(actions)
        infos: dict[str, Any] = {"action_mask": session.mask}
        done = left | over
        if done.any():
            infos |= {"final_obs": session.observed(), "_final_obs": done}
            session.begin(np.flatnonzero(done))
        return session.observed(), reward, left, over, infos

    def state(self) -> Obs:
        """All that the next step depends on."""
        return self._session.state()

    def restore(self, state: Obs) -> tuple[Obs, np.ndarray]:
        """Go on from a state: what agents see now, and their action mask."""
        self._session.restore(state)
        self._seeded = True
        return self._session.observed(), self._session.mask
