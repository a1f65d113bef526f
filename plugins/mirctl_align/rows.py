"""Dialogues as rows of a batch: tokens, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from mirctl import console
from mirctl.device import send
from mirctl_align.batch import Batch

if TYPE_CHECKING:
    from mirctl_align.gaze import TokenGaze
    from mirctl_align.model import RewardModel
    from mirctl_align.tokens import Encoded

SHORTEST = 0.6
"""A pass more costs as much as this padding."""
TOKENS = 8192
"""In a batch that is only scored, padding included."""


@dataclass(frozen=True)
class Rows:
    """Some dialogues, in order."""

    ids: Sequence[np.ndarray]
    """Of each (tokens,)."""
    gaze: Sequence[TokenGaze] | None
    """Of each, or None where the model takes none."""

    @classmethod
    def made(cls, encoded: Sequence[Encoded], gaze: Sequence[TokenGaze] | None) -> Rows:
        return cls([own.ids for own in encoded], gaze)

    @classmethod
    def together(cls, one: Rows, other: Rows) -> Rows:
        """Those of one, then those of the other."""
        gaze = None if one.gaze is None or other.gaze is None else [*one.gaze, *other.gaze]
        return cls([*one.ids, *other.ids], gaze)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def lengths(self) -> np.ndarray:
        """(rows,) tokens of each."""
        return np.array([len(ids) for ids in self.ids], np.int64)

    def shared(self) -> np.ndarray:
        """(rows / 2,) tokens that a row of the first half and its fellow of the second begin with
        alike, gaze included."""
        half = len(self) // 2
        return np.array([self._alike(n, half + n) for n in range(half)], np.int64)

    def _alike(self, one: int, other: int) -> int:
        length = min(len(self.ids[one]), len(self.ids[other]))
        same = self.ids[one][:length] == self.ids[other][:length]
        if self.gaze is not None:
            a, b = self.gaze[one], self.gaze[other]
            x, y = a.values[:length], b.values[:length]
            same = same & ((x == y) | (np.isnan(x) & np.isnan(y))).all(1)
            same &= a.first[:length] == b.first[:length]
        return length if same.all() else int(same.argmin())

    def of(self, numbers: np.ndarray) -> Rows:
        """Some of them, in this order."""
        at = numbers.tolist()
        gaze = None if self.gaze is None else [self.gaze[n] for n in at]
        return Rows([self.ids[n] for n in at], gaze)

    def batch(self, device: torch.device) -> Batch:
        """All of them, padded at the end."""
        shape = (len(self), int(self.lengths.max(initial=1)))
        real = np.arange(shape[1]) < self.lengths[:, None]
        ids = np.zeros(shape, np.int64)
        ids[real] = np.concatenate(self.ids)
        parts = [ids, real]
        if self.gaze is not None:
            k = self.gaze[0].values.shape[1]
            values = np.full((*shape, k), np.nan, np.float32)
            seen, first = np.zeros(shape, bool), np.zeros(shape, bool)
            values[real] = np.concatenate([own.values for own in self.gaze])
            seen[real] = np.concatenate([own.seen for own in self.gaze])
            first[real] = np.concatenate([own.first for own in self.gaze])
            parts += [values, seen, first]
        sent = [send(torch.from_numpy(part), device) for part in parts]
        return Batch(*sent, *[None] * (5 - len(sent)))


@torch.no_grad()
def rewards(model: RewardModel, rows: Rows, device: torch.device) -> np.ndarray:
    """(rows,) float64, in the rows' order; those of like length are computed together."""
    was = model.training
    model.eval()
    found = np.zeros(len(rows))
    with console.progress("scoring", len(rows), "texts") as advance:
        for some in by_length(rows.lengths):
            found[some] = model(rows.of(some).batch(device)).double().cpu().numpy()
            advance(len(some))
    model.train(was)
    return found


def by_length(lengths: np.ndarray) -> list[np.ndarray]:
    """Numbers of rows in groups of like length, padded to at most TOKENS."""
    return _grouped(lengths, lambda longest, size, _: (size + 1) * longest <= TOKENS)


def alike(lengths: np.ndarray) -> list[np.ndarray]:
    """Numbers of rows in groups of which the shortest has at least SHORTEST of the longest."""
    return _grouped(lengths, lambda longest, _, length: length >= SHORTEST * longest)


def _grouped(lengths: np.ndarray, joins: Callable[[int, int, int], bool]) -> list[np.ndarray]:
    """The rows from the longest on; `joins` tells by a group's longest, its size and a row's length
    if that row is one of it."""
    groups: list[list[int]] = []
    for n in np.argsort(-lengths, kind="stable").tolist():
        if groups and joins(lengths[groups[-1][0]], len(groups[-1]), lengths[n]):
            groups[-1].append(n)
        else:
            groups.append([n])
    return [np.array(group) for group in groups]
