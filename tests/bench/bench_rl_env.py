"""Simulated users, batched, beside the same rules in plain Python: steps a CPU second.

Goal: 1,024 users at once are at least 20 times as fast as one by one, on the same trajectories.
MovieLens-100k where MIRCTL_DATA (else ../shared/data) has it, else made interactions of that size.
"""

import sys
import time

import numpy as np
from measure import ROOT

sys.path.insert(0, str(ROOT / "tests"))
from mirctl_rl.env import UserEnv
from mirctl_rl.vector import UsersEnv
from rl.plain import PlainUser
from rl.worlds import random_world, with_rule

STEPS = 60
USERS = (64, 1024, 4096)
GOAL = 20


def worlds():
    size = {"users": 943, "items": 1682, "horizon": 30}
    made = {
        "users rate, genres bore (943 x 1,682)": random_world(window=5, threshold=4, **size),
        "the item before pays (1,682 x 1,682)": random_world(moves=True, window=5, **size),
        "slates of 1,000, titles bore": random_world(titles=True, slate=1000, **size),
    }
    return {name: with_rule(world, 5, 4) for name, world in made.items()}


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


def plain(world, users, actions):
    """The same, one by one; rewards are looked up in lists."""
    table = world.hidden.rewards.table.tolist()
    served = [PlainUser(world, k, pay=lambda row, item: table[row][item]) for k in range(users)]
    earned = np.zeros(users)
    chosen = actions[:, :users].T.tolist()
    for user in served:
        user.reset()
    begin = time.process_time()
    for k, user in enumerate(served):
        for action in chosen[k]:
            _, reward, left, over = user.step(action)
            earned[k] += reward
            if left or over:
                user.reset()
    return users * len(actions) / (time.process_time() - begin), earned


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
    for name, world in worlds().items():
        rng = np.random.default_rng(1)
        actions = rng.integers(world.n_actions, size=(STEPS, max(USERS)))
        base, expected = plain(world, 64, actions)
        print(f"{name}\n  plain Python {base:12,.0f} steps/CPU s")
        print(f"  UserEnv      {one_by_one(world, actions):12,.0f}")
        for n in USERS:
            speed, earned = batched(world, n, actions[:, :n])
            same = np.array_equal(earned[:64], expected)
            goal = f" (goal {GOAL})" if n == 1024 else ""
            print(f"  {n:5} users  {speed:12,.0f}  x {speed / base:5.1f}{goal}, same: {same}")


if __name__ == "__main__":
    main()
