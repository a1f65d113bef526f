"""A2C of stable-baselines3 on the same users, in its own environment: USERS BATCHED STEPS.

The same world, rules, network and number of users; BATCHED 1 gives SB3 our batched users behind its
VecEnv, 0 its own DummyVecEnv of single users. Prints A2C steps a CPU second.
"""

import sys
import time
from pathlib import Path

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import A2C
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from mirctl_rl.env import UserEnv
from mirctl_rl.network import Network, item_features, shape_of
from mirctl_rl.vector import UsersEnv

sys.path.insert(0, str(Path(__file__).parents[1]))
from rl.worlds import random_world, with_rule

SIZE = {"users": 943, "items": 1682, "horizon": 30, "window": 5, "threshold": 4, "genres": 19}
HISTORY = 7
WIDTH, TURNS, LR, DISCOUNT, ENTROPY, CLIP = 64, 5, 3e-3, 0.85, 0.01, 0.5


class Flat(gymnasium.ObservationWrapper):
    """Observations as one box: items, feedback, turn, user."""

    def __init__(self, env: UserEnv) -> None:
        super().__init__(env)
        self.observation_space = spaces.Box(-2, 2000, (2 * HISTORY + 2,), np.float32)

    def observation(self, obs):
        return flat({name: np.asarray(array)[None] for name, array in obs.items()})[0]


def flat(obs):
    user_turn = np.stack([obs["turn"], obs["user"]], axis=1)
    return np.hstack([obs["items"], obs["feedback"], user_turn]).astype(np.float32)


class Batched(VecEnv):
    """Our batched users, as SB3 asks for them."""

    def __init__(self, world, n):
        self.users = UsersEnv(world, n)
        box = spaces.Box(-2, 2000, (2 * HISTORY + 2,), np.float32)
        super().__init__(n, box, spaces.Discrete(world.n_actions))

    def reset(self):
        return flat(self.users.reset(seed=0)[0])

    def step_async(self, actions):
        self.actions = actions

    def step_wait(self):
        obs, reward, left, over, told = self.users.step(self.actions)
        done = left | over
        infos = [{} for _ in done]
        if done.any():
            final = flat(told["final_obs"])
            for n in np.flatnonzero(done):
                infos[n] = {"terminal_observation": final[n], "TimeLimit.truncated": bool(over[n])}
        return flat(obs), reward, done, infos

    def close(self): ...
    def get_attr(self, name, indices=None):
        return [None] * self.num_envs

    def set_attr(self, name, value, indices=None): ...
    def env_method(self, name, *args, indices=None, **kwargs): ...
    def env_is_wrapped(self, kind, indices=None):
        return [False] * self.num_envs


class Same(ActorCriticPolicy):
    """Our network behind SB3's policy."""

    def __init__(self, *args, world, **kwargs):
        self.world = world
        super().__init__(*args, **kwargs)

    def _build(self, lr_schedule):
        features = item_features(self.world)
        self.network = Network(shape_of(self.world, features, WIDTH), features)
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1))

    def _both(self, obs):
        whole = obs.long()
        told = {"items": whole[:, :HISTORY], "feedback": obs[:, HISTORY:-2],
                "turn": whole[:, -2], "user": whole[:, -1]}  # fmt: skip
        tables = self.network.tables()
        query, value = self.network.encode(told, tables)
        logits = self.network.logits(query, tables, None)
        return self.action_dist.proba_distribution(action_logits=logits), value

    def forward(self, obs, deterministic=False):
        spread, value = self._both(obs)
        action = spread.get_actions(deterministic=deterministic)
        return action, value, spread.log_prob(action)

    def evaluate_actions(self, obs, actions):
        spread, value = self._both(obs)
        return value, spread.log_prob(actions), spread.entropy()

    def predict_values(self, obs):
        return self._both(obs)[1]


def main():
    torch.set_num_threads(1)
    n, batched, steps = map(int, sys.argv[1:4])
    world = with_rule(random_world(**SIZE), 5, 4)
    users = Batched(world, n) if batched else DummyVecEnv([lambda: Flat(UserEnv(world))] * n)
    agent = A2C(
        Same, users, learning_rate=LR, n_steps=TURNS, gamma=DISCOUNT, ent_coef=ENTROPY,
        max_grad_norm=CLIP, use_rms_prop=False, policy_kwargs={"world": world}, device="cpu",
    )  # fmt: skip
    agent.learn(steps // 10)
    begin = time.process_time()
    agent.learn(steps)
    print(steps / (time.process_time() - begin))


if __name__ == "__main__":
    main()
