"""Which pairs are learned from, which choose the epoch, and which are measured on.

Pairs of one conversation always stay together: a model that has seen some of its answers knows more
of the others.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl_align import pairs
from mirctl_align.config import MEASURED, GazeConfig, RewardConfig
from mirctl_align.dialogue import Dialogue, Pair
from mirctl_align.pairs import Pairs

FOLDS, VALID, SHARE = 0xF01D, 0x7A11, 0x54A2
"""What a seed is put together with, so that one draw does not depend on another."""


class Parts(NamedTuple):
    """Pairs for each end."""

    train: Pairs
    valid: Pairs | None
    """None where no epoch is chosen."""
    test: Pairs | None
    """None where the validation pairs have to do."""


def read(config: RewardConfig) -> Parts:
    """All pairs that a recipe names; those that are dropped are told."""
    data, seed = config.data, config.seed
    train = _read(data.train, config)
    test = _read(data.test, config) if data.test else None
    if data.fold:
        test, train = _fold(train, data.fold)
    chooses = config.train.metric is not None or test is None
    valid = _read(data.valid, config) if data.valid and chooses else None
    if valid is None and chooses:
        valid, train = _drawn(train, data.share, (seed, VALID), "data.valid")
    if not any(pair.weight for pair in train.pairs):
        raise DataError("all pairs weigh 0: nothing can be learned from them", where=train.name)
    if data.of_train < 1:
        train, _ = _drawn(train, data.of_train, (seed, SHARE), "a larger data.of_train")
    valid, test = (some and _alike(some, train, config.gaze) for some in (valid, test))
    for other in filter(None, (valid, test)):
        _tell_common(train, other)
    return Parts(
        train.called("training"), valid and valid.called("validation"), test and test.called("test")
    )


def _read(path: object, config: RewardConfig) -> Pairs:
    found = pairs.read(path, config.data)
    found.tell()
    return found


def _alike(some: Pairs, train: Pairs, gaze: GazeConfig) -> Pairs:
    """Pairs whose own gaze, where a model reads it, has the measures of the training pairs."""
    if gaze.generator != MEASURED or gaze.inject in ("none", "aux-loss"):
        return some
    for name in train.measures:
        if name not in some.measures:
            told = f"chosen_gaze and rejected_gaze give no {name}, which the training pairs have"
            raise DataError(told, where=some.name)
    at = [some.measures.index(name) for name in train.measures]
    ordered = [
        replace(pair, gaze=(pair.gaze[0][:, at], pair.gaze[1][:, at])) if pair.gaze else pair
        for pair in some.pairs
    ]
    return replace(some, pairs=ordered, measures=train.measures)


def conversations(pairs: Sequence[Pair]) -> list[int]:
    """Of each pair the number of its conversation, that of the first pair in it: pairs of one
    prompt, pairs that share a text, and pairs whose prompt goes on where another pair ends."""
    above = list(range(len(pairs)))

    def top(n: int) -> int:
        while above[n] != n:
            above[n] = n = above[above[n]]
        return n

    def join(n: int, other: int) -> None:
        first, last = sorted((top(n), top(other)))
        above[last] = first

    known: dict[Dialogue, int] = {}
    for n, pair in enumerate(pairs):
        for one in (pair.chosen, pair.rejected, pair.chosen[:-1], pair.rejected[:-1]):
            if one:
                join(n, known.setdefault(one, n))
    for n, pair in enumerate(pairs):
        for one in (pair.chosen, pair.rejected):
            for end in range(1, len(one)):
                join(n, known.get(one[:end], n))
    return [top(n) for n in range(len(pairs))]


def _fold(whole: Pairs, fold: str) -> tuple[Pairs, Pairs]:
    """The i-th of n parts of the conversations, and the others; the same ones whatever the seed."""
    number, count = map(int, fold.split("/"))
    numbers = conversations(whole.pairs)
    distinct = np.unique(numbers)
    if count > len(distinct):
        told = f"{counted(len(distinct), 'conversation')} do not make {counted(count, 'fold')}"
        raise DataError(told, where=whole.name)
    order = np.random.default_rng(FOLDS).permutation(distinct)
    return _divided(whole, np.isin(numbers, order[number - 1 :: count]))


def _drawn(whole: Pairs, share: float, seed: tuple[int, int], instead: str) -> tuple[Pairs, Pairs]:
    """A share of the conversations, at least one, and the others."""
    numbers = conversations(whole.pairs)
    distinct = np.unique(numbers)
    if len(distinct) < 2:
        raise DataError(f"there is one conversation alone: name {instead}", where=whole.name)
    count = min(max(1, round(share * len(distinct))), len(distinct) - 1)
    order = np.random.default_rng(seed).permutation(distinct)
    return _divided(whole, np.isin(numbers, order[:count]))


def _divided(whole: Pairs, inside: np.ndarray) -> tuple[Pairs, Pairs]:
    return whole.of(np.flatnonzero(inside).tolist()), whole.of(np.flatnonzero(~inside).tolist())


def _tell_common(train: Pairs, other: Pairs) -> None:
    numbers = conversations([*train.pairs, *other.pairs])
    common = int(np.isin(numbers[len(train.pairs) :], numbers[: len(train.pairs)]).sum())
    if common:
        told = f"{counted(common, 'pair')} of conversations that the training pairs have, too"
        console.warn(f"{other.name}: {told}: the accuracy may come out too high")
