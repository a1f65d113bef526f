"""Small worlds of every kind, drawn at random."""

from dataclasses import replace

import numpy as np

from mirctl_rl.boredom import Genres, Rule, Titles
from mirctl_rl.factors import Factors
from mirctl_rl.rewards import ruled
from mirctl_rl.world import Hidden, Known, World


def random_world(
    seed=0, *, moves=False, titles=False, slate=None, reward="top-fifth", repeats=False, horizon=12,
    window=4, threshold=2, users=9, items=40, genres=4, cut=4000,
):  # fmt: skip
    rng = np.random.default_rng(seed)
    rows = items if moves else users
    counts = rng.integers(1, 9, users)
    n = int(counts.sum())
    factors = Factors(rng.normal(size=(rows, 5)), rng.normal(size=(items, 5)))
    if titles:
        kinds = Titles(rng.integers(-127, 128, (items, 6)), cut)
    else:
        kinds = Genres(rng.random((items, genres)) < 1.2 / genres)
    known = Known(
        [f"u{k}" for k in range(users)], [f"i{k}" for k in range(items)],
        [f"title {k}" for k in range(items)], [[] for _ in range(items)],
        np.concatenate([[0], np.cumsum(counts)]), rng.integers(0, items, n),
        rng.integers(1, 6, n).astype(np.float32), rng.random(n).astype(np.float32),
        Factors(rng.normal(size=(rows, 3)), rng.normal(size=(items, 3))), kinds,
        Rule(window, threshold), not moves,
    )  # fmt: skip
    observed = np.unique(rng.integers(0, rows * items, 60))
    hidden = Hidden(ruled(factors, reward, -2.0, 3.0), observed)
    report = {"users": users, "items": items, "early": n, "late": n, "users_left_out": 0}
    return World("made", known, hidden, moves, horizon, 7, slate, repeats, 3, report)


def with_rule(world, window, threshold):
    return replace(world, known=replace(world.known, rule=Rule(window, threshold)))
