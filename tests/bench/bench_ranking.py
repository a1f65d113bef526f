"""Full ranking of 943 users x 1,682 items against a loop that sorts one user's scores at a time.

Both score with the same embeddings, mask every user's history and find the target's rank. Ours is
the evaluation of `mirctl adapt run`; the loop is how the published code of such models does it.
"""

import numpy as np
import torch
from measure import compare, cpu_seconds, fastest, goal
from torch import Tensor

from mirctl.sequences.evaluation import rank_all
from mirctl.sequences.histories import Histories, Split

USERS, ITEMS, DIM, RUNS, SEED = 943, 1682, 64, 7, 5
MEAN_HISTORY = 106
"""MovieLens-100k: 100,000 interactions of 943 users."""


def log() -> Split:
    """Histories of very unequal length, no item twice in one."""
    rng = np.random.default_rng(SEED)
    lengths = rng.lognormal(np.log(MEAN_HISTORY) - 0.5, 1.0, USERS).astype(int).clip(20, 737)
    items = np.concatenate([rng.permutation(ITEMS)[:n] for n in lengths])
    ends = np.cumsum(lengths)
    whole = Histories(items, ends - lengths, ends)
    return Split(whole.without_last(2), np.arange(USERS), whole, ITEMS)


class Embedded:
    """Random embeddings as a scorer; a user is known by where the history starts."""

    def __init__(self, split: Split) -> None:
        generator = torch.Generator().manual_seed(SEED)
        self.users = torch.randn(USERS, DIM, generator=generator)
        self.items = torch.randn(ITEMS, DIM, generator=generator)
        self.starts = split.whole.starts

    def scores(self, histories: Histories) -> Tensor:
        """(users, items)"""
        return self.users[np.searchsorted(self.starts, histories.starts)] @ self.items.T


def loop(scorer: Embedded, split: Split) -> np.ndarray:
    """(users,) rank of each target, from 0: one argsort a user and a look for the target in it."""
    histories, targets = split.histories("test"), split.targets("test")
    places = torch.arange(1, ITEMS + 1)
    ranks = []
    for user, target in enumerate(targets):
        scores = scorer.items @ scorer.users[user]
        seen = histories.items[histories.starts[user] : histories.ends[user]]
        scores[torch.from_numpy(seen)] = -torch.inf
        wanted = torch.zeros(ITEMS)
        wanted[target] = 1
        order = torch.argsort(scores, descending=True)
        ranks.append(int((wanted[order] * places).sum()) - 1)
    return np.array(ranks)


def main() -> None:
    torch.set_num_threads(1)
    split = log()
    scorer = Embedded(split)
    print(f"{USERS} users x {ITEMS} items, {len(split.whole.items):,} interactions, one thread")
    ranks = rank_all(scorer, split, "test", "mask")
    same = np.array_equal(ranks.above, loop(scorer, split))
    print(f"  same ranks: {'yes' if same else 'NO'}; ties: {int(ranks.ties.sum())}")
    mine, theirs = fastest(
        lambda: cpu_seconds(lambda: rank_all(scorer, split, "test", "mask")),
        lambda: cpu_seconds(lambda: loop(scorer, split)),
        RUNS,
    )
    compare(mine, theirs)
    goal("ratio", theirs / mine, ">=", 7, " x")


if __name__ == "__main__":
    main()
