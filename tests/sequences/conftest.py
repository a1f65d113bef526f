"""Histories that are drawn at random."""

import numpy as np

from mirctl.sequences.histories import split


def random_split(users=40, items=30, seed=0, repeats=True):
    rng = np.random.default_rng(seed)
    histories = [rng.choice(items, size=rng.integers(3, 15), replace=repeats) for _ in range(users)]
    offsets = np.cumsum([0, *(len(h) for h in histories)])
    return split(offsets, np.concatenate(histories), items, "full"), histories
