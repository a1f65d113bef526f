"""Baselines that only count: popularity, and a first-order Markov chain backed by it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mirctl.sequences.histories import Histories


@dataclass(frozen=True)
class Popularity:
    """Scores every item by its number of training interactions, whoever asks."""

    counts: Tensor
    """(n_items,) float32"""

    def scores(self, histories: Histories) -> Tensor:
        """(users, n_items)"""
        return self.counts.expand(len(histories), -1).clone()

    def tensors(self) -> dict[str, Tensor]:
        return {"counts": self.counts}


@dataclass(frozen=True)
class Markov:
    """P(next | last item), smoothed by one pseudo-count spread as popularity is.

    Transitions of item i: items after[offsets[i]:offsets[i + 1]], seen times[...] times each.
    """

    counts: Tensor
    offsets: Tensor
    after: Tensor
    times: Tensor

    def scores(self, histories: Histories) -> Tensor:
        """(users, n_items); an empty history scores by popularity."""
        share = self.counts / self.counts.sum().clamp_min(1)
        scores = share.expand(len(histories), -1).clone()
        known = histories.lengths > 0
        last = torch.from_numpy(np.where(known, histories.items[histories.ends - 1], 0))
        starts, ends = self.offsets[last], self.offsets[last + 1]
        lengths = torch.where(torch.from_numpy(known), ends - starts, 0)
        rows = torch.repeat_interleave(torch.arange(len(histories)), lengths)
        before = torch.repeat_interleave(starts - (lengths.cumsum(0) - lengths), lengths)
        place = torch.arange(len(rows)) + before
        scores.index_put_((rows, self.after[place]), self.times[place], accumulate=True)
        total = torch.zeros(len(histories)).index_add_(0, rows, self.times[place])
        return scores / (total + 1)[:, None]

    def tensors(self) -> dict[str, Tensor]:
        return vars(self)


def count_items(train: Histories, n_items: int) -> Popularity:
    """Fit popularity."""
    counts = np.bincount(train.pairs()[1], minlength=n_items)
    return Popularity(torch.from_numpy(counts.astype(np.float32)))


def count_transitions(train: Histories, n_items: int) -> Markov:
    """Fit the Markov chain: consecutive items of one user."""
    rows, items = train.pairs()
    same_user = rows[1:] == rows[:-1]
    pair = items[:-1][same_user] * n_items + items[1:][same_user]
    distinct, times = np.unique(pair, return_counts=True)
    offsets = np.searchsorted(distinct // n_items, np.arange(n_items + 1))
    return Markov(
        counts=count_items(train, n_items).counts,
        offsets=torch.from_numpy(offsets.astype(np.int64)),
        after=torch.from_numpy(distinct % n_items),
        times=torch.from_numpy(times.astype(np.float32)),
    )
