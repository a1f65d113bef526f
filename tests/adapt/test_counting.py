"""The baselines that count, counted again pair by pair."""

import numpy as np
import torch

from mirctl_adapt import counting
from sequences.conftest import random_split


def test_the_markov_chain_is_the_counted_one():
    parts, _ = random_split(users=25, items=12, seed=4)
    chain = counting.count_transitions(parts.train, parts.n_items)
    counts = np.zeros((12, 12))
    for a, b in zip(parts.train.starts, parts.train.ends, strict=True):
        for i, j in zip(parts.train.items[a : b - 1], parts.train.items[a + 1 : b], strict=True):
            counts[i, j] += 1
    popular = parts.train_counts() / parts.train_counts().sum()
    histories = parts.histories("test")
    last = histories.items[histories.ends - 1]
    expected = (counts[last] + popular) / (counts[last].sum(1, keepdims=True) + 1)
    np.testing.assert_allclose(chain.scores(histories).numpy(), expected, rtol=1e-5)


def test_an_empty_history_is_scored_by_popularity():
    parts, _ = random_split(users=25, items=12)
    chain = counting.count_transitions(parts.train, parts.n_items)
    empty = parts.histories("test").without_last(99)
    popular = torch.from_numpy(parts.train_counts() / parts.train_counts().sum()).float()
    torch.testing.assert_close(chain.scores(empty)[0], popular)
