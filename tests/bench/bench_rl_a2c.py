"""A2C on simulated users, beside stable-baselines3's: steps a CPU second, one thread each.

The same world of MovieLens-100k's size, rules, network (64 wide, over 1,682 items), optimizer,
turns and number of users. SB3, in an environment of its own in `--venvs`, learns once from its
DummyVecEnv of single users and once from our batched users behind its interface; it masks nothing.
Then where our own time goes.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from measure import environment, goal, run_child

from mirctl import console
from mirctl_rl import a2c
from mirctl_rl.network import drawn, odds

sys.path.insert(0, str(Path(__file__).parents[1]))
from rl.learning import learner_of
from rl.worlds import random_world, with_rule

SIZE = {"users": 943, "items": 1682, "horizon": 30, "window": 5, "threshold": 4, "genres": 19}
HOW = {"turns": 5, "lr": 3e-3, "discount": 0.85, "entropy": 0.01, "clip": 0.5}
USERS = (8, 64, 256)
STEPS = 32_000
PACKAGES = ("stable-baselines3==2.9.2", "cloudpickle")


def ours(world, n):
    learner = learner_of(world, width=64, users=n, **HOW)
    learner.learn(STEPS // 10, "warm up")
    begin = time.process_time()
    learner.learn(STEPS // 10 + STEPS, "learn")
    return STEPS / (time.process_time() - begin)


def theirs(python, n, *, batched):
    script = Path(__file__).with_name("rl_peers.py")
    child = run_child([python, script, n, int(batched), STEPS // 4], env={"OMP_NUM_THREADS": "1"})
    if child.code:
        sys.exit(child.err[-2000:])
    return float(child.out.split()[-1])


def softmax(n=320, width=64, items=SIZE["items"]):
    """Microseconds a step of what the catalogue costs: products, odds, draws, gradients."""
    query, table = torch.randn(n, width), torch.randn(items, width)
    logits, mask = query @ table.T, torch.rand(n, items) < 0.95
    own = odds(logits, mask)
    uniform, ones = torch.rand(n), torch.ones(n)
    action = drawn(own, uniform)
    gradient, _ = a2c.logit_gradient(own, action, ones, ones, 0.01)
    parts = {
        "inner products": lambda: query @ table.T,
        "masked softmax": lambda: odds(logits, mask),
        "draw": lambda: drawn(own, uniform),
        "gradient by logits": lambda: a2c.logit_gradient(own, action, ones, ones, 0.01),
        "gradients by vectors": lambda: (gradient @ table, gradient.T @ query),
    }
    return {name: _microseconds(work) / n for name, work in parts.items()}


def _microseconds(work):
    found = []
    for _ in range(15):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return float(np.median(found)) * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--venvs", type=Path, default=Path(tempfile.gettempdir()) / "mirctl-peers")
    python = environment(parser.parse_args().venvs / "sb3", PACKAGES)
    torch.set_num_threads(1)
    console.configure(quiet=True)
    world = with_rule(random_world(**SIZE), 5, 4)
    for n in USERS:
        own = max(ours(world, n) for _ in range(2))
        single, batched = (theirs(python, n, batched=kind) for kind in (False, True))
        print(
            f"{n:4} users  ours {own:9,.0f}  SB3 {single:8,.0f}, on batched users {batched:8,.0f}"
        )
        if n == 64:
            goal("64 users: A2C beside SB3", own / single, ">=", 2, "x")
            goal("64 users: A2C beside SB3 on our batched users", own / batched, ">=", 2, "x")
    for name, cost in softmax().items():
        print(f"{name:22} {cost:6.2f} us a step")


if __name__ == "__main__":
    main()
