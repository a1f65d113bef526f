"""Simulated users, batched, beside the same rules in plain Python: steps a CPU second.

Goal: 1,024 users at once are at least 20 times as fast as one by one, on the same trajectories.
Worlds of MovieLens-100k's size, drawn at random: speed asks for no real ones.
"""

import sys
import time
from pathlib import Path

import numpy as np
from measure import goal

from mirctl_rl.env import UserEnv
from mirctl_rl.vector import UsersEnv

sys.path.insert(0, str(Path(__file__).parents[1]))
from rl.plain import PlainUser
from rl.worlds import random_world, with_rule

STEPS = 60
PLAIN = 64
USERS = (64, 1024, 4096)
SIZE = {"users": 943, "items": 1682, "horizon": 30, "window": 5, "threshold": 4, "genres": 19}
NEAR = 21_700
"""Of 100 pairs of random titles 5 are as near."""
WORLDS = {
    "users rate, genres bore": {},
    "the item before pays": {"moves": True},
    "slates of 1,000, titles bore": {"titles": True, "slate": 1000, "cut": NEAR},
}


def batched(world, n, actions):
    """Steps a CPU second, and what each user earned in all."""
    env = UsersEnv(world, n)
    env.reset(seed=0)
    earned = np.zeros(n)
    begin = time.process_time()
    for chosen in actions:
        _, reward, *_ = env.step(chosen)
        earned += reward
    return len(actions) * n / (time.process_time() - begin), earned


def plain(world, actions):
    """The same, one by one; rewards are looked up in lists."""
    table = world.hidden.rewards.table.tolist()
    served = [PlainUser(world, k, pay=lambda row, item: table[row][item]) for k in range(PLAIN)]
    earned = np.zeros(PLAIN)
    chosen = actions[:, :PLAIN].T.tolist()
    for user in served:
        user.reset()
    begin = time.process_time()
    for k, user in enumerate(served):
        for action in chosen[k]:
            _, reward, left, over = user.step(action)
            earned[k] += reward
            if left or over:
                user.reset()
    return PLAIN * len(actions) / (time.process_time() - begin), earned


def one_by_one(world, actions):
    """`UserEnv`, which is a batch of one."""
    env = UserEnv(world)
    env.reset(seed=0)
    begin = time.process_time()
    for action in actions[:, 0].tolist() * 20:
        *_, left, over, _ = env.step(action)
        if left or over:
            env.reset()
    return 20 * len(actions) / (time.process_time() - begin)


def main():
    for name, kind in WORLDS.items():
        world = with_rule(random_world(**SIZE, **kind), 5, 4)
        rng = np.random.default_rng(1)
        actions = rng.integers(world.n_actions, size=(STEPS, max(USERS)))
        base, expected = plain(world, actions)
        print(f"{name}\n  plain Python {base:12,.0f} steps/CPU s")
        print(f"  UserEnv      {one_by_one(world, actions):12,.0f}")
        for n in USERS:
            speed, earned = batched(world, n, actions[:, :n])
            same = np.array_equal(earned[:PLAIN], expected)
            print(f"  {n:5} users  {speed:12,.0f}  x {speed / base:5.1f}; the same earned: {same}")
            if n == 1024:
                goal(f"{name}: 1,024 users beside plain Python", speed / base, ">=", 20, "x")


if __name__ == "__main__":
    main()
