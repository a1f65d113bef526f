"""Histories -> leave-one-out parts, training windows and padded batches, all by array."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mirctl.errors import DataError

LAST_OF_IISAN = 13
LEAST_OF_IISAN = 5
LEAST_FOR_TEST = 3


@dataclass(frozen=True)
class Histories:
    """Sequences of item indexes, oldest first, end to end: user u has items[starts[u]:ends[u]]."""

    items: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def lengths(self) -> np.ndarray:
        return self.ends - self.starts

    def of(self, chosen: np.ndarray) -> "Histories":
        """Some users' histories; the items are shared, not copied."""
        return Histories(self.items, self.starts[chosen], self.ends[chosen])

    def without_last(self, count: int) -> "Histories":
        """The same histories, each cut by its newest `count` items."""
        return Histories(self.items, self.starts, np.maximum(self.ends - count, self.starts))

    def renumbered(self, number: np.ndarray) -> "Histories":
        """The same histories with item i as number[i]; items with a negative one are left out."""
        items = number[self.items]
        kept = np.concatenate([[0], np.cumsum(items >= 0)])
        return Histories(items[items >= 0], kept[self.starts], kept[self.ends])

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """(row, item) of every interaction of these histories."""
        lengths = self.lengths
        rows = np.repeat(np.arange(len(self)), lengths)
        return rows, self.items[_ranges(self.starts, lengths)]

    def padded(self, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Each history's newest `width` items, padded with 0 at the END, and their (n,) lengths."""
        lengths = np.minimum(self.lengths, width)
        time = np.arange(max(lengths.max(initial=0), 1))
        inside = time < lengths[:, None]
        place = np.where(inside, (self.ends - lengths)[:, None] + time, 0)
        items = self.items if len(self.items) else np.zeros(1, np.int64)  # nobody took anything
        return np.where(inside, items[place], 0), lengths


def _ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """starts[0], starts[0] + 1, ... for each length, end to end."""
    before = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) + np.repeat(starts - before, lengths)


def pack(histories: Sequence[Sequence[int]]) -> Histories:
    """Lists of item indexes as one Histories."""
    ends = np.cumsum([len(h) for h in histories])
    items = np.array([i for h in histories for i in h] or [0], dtype=np.int64)
    return Histories(items, ends - [len(h) for h in histories], ends)


@dataclass(frozen=True)
class Split:
    """Leave-one-out: the last item of a user is the test target, the last but one validation's."""

    train: Histories
    """Every user's training part; users with fewer than 3 interactions only train."""
    evaluated: np.ndarray
    """Indexes of the users with a validation and a test target."""
    whole: Histories
    """Every user's whole history."""
    n_items: int

    def histories(self, part: str) -> Histories:
        """What is known of each evaluated user before the target of "valid" or "test"."""
        return self.whole.of(self.evaluated).without_last(2 if part == "valid" else 1)

    def targets(self, part: str) -> np.ndarray:
        """(evaluated,) item index of each target."""
        return self.whole.items[self.whole.ends[self.evaluated] - (2 if part == "valid" else 1)]

    def digest(self, ids: Sequence[str]) -> str:
        """sha256 over what each user's training part holds, by the items' `ids`."""
        names = [hashlib.sha256(name.encode()).digest()[:8] for name in ids]
        codes = np.frombuffer(b"".join(names), "<u8")
        found = hashlib.sha256(self.train.lengths.astype("<i8").tobytes())
        found.update(codes[self.train.pairs()[1]].tobytes())
        return found.hexdigest()

    def train_counts(self) -> np.ndarray:
        """(n_items,) training interactions of each item."""
        return np.bincount(self.train.pairs()[1], minlength=self.n_items)


def split(offsets: np.ndarray, items: np.ndarray, n_items: int, protocol: str) -> Split:
    """Cut histories (CSR: offsets (users + 1,), items) into training, validation and test."""
    whole = Histories(
        items.astype(np.int64), offsets[:-1].astype(np.int64), offsets[1:].astype(np.int64)
    )
    least = LEAST_FOR_TEST
    if protocol == "iisan":
        least = LEAST_OF_IISAN
        whole = whole.of(np.flatnonzero(whole.lengths >= least))
        whole = Histories(
            whole.items, np.maximum(whole.starts, whole.ends - LAST_OF_IISAN), whole.ends
        )
    evaluated = np.flatnonzero(whole.lengths >= least)
    if len(evaluated) == 0:
        raise DataError(f"no user has {least} interactions: leave-one-out has nothing to measure")
    held_out = np.where(whole.lengths >= least, 2, 0)
    train = Histories(whole.items, whole.starts, whole.ends - held_out)
    return Split(train, evaluated, whole, n_items)


class Windows:
    """Training windows of at most `width` + 1 items; consecutive ones share one item.

    A long history is cut at places that move from epoch to epoch, so every interaction is a target
    once an epoch and no cut is special.
    """

    def __init__(self, train: Histories, width: int, batch_size: int, seed: int) -> None:
        self.train = train.of(np.flatnonzero(train.lengths >= 2))
        if len(self.train) == 0:
            raise DataError("no history has two training interactions: there is nothing to learn")
        self.width, self.batch_size, self.seed = width, batch_size, seed
        self._epoch = -1

    def steps(self, epoch: int) -> int:
        """Batches of an epoch."""
        return -(-len(self._cut(epoch)) // self.batch_size)

    def batch(self, epoch: int, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Windows (b, time + 1) padded with 0 at the end, their (b,) lengths and (b,) users."""
        windows = self._cut(epoch)
        chosen = self._order[step * self.batch_size : (step + 1) * self.batch_size]
        return *windows.of(chosen).padded(self.width + 1), self._user[chosen]

    def _cut(self, epoch: int) -> Histories:
        if epoch == self._epoch:
            return self._windows
        rng = np.random.default_rng((self.seed, epoch))
        targets = self.train.lengths - 1
        first = rng.integers(1, self.width + 1, size=len(targets))
        first = np.where(targets <= self.width, targets, first)
        count = 1 + -(-(targets - first) // self.width)
        user = np.repeat(np.arange(len(targets)), count)
        number = _ranges(np.zeros(len(count), np.int64), count)
        low = np.where(number == 0, 0, first[user] + (number - 1) * self.width)
        high = np.minimum(first[user] + number * self.width, targets[user])
        start = self.train.starts[user]
        self._windows = Histories(self.train.items, start + low, start + high + 1)
        self._order = rng.permutation(len(user))
        self._user = user
        self._epoch = epoch
        return self._windows
