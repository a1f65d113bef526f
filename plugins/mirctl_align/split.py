"""Which pairs are learned from, which choose the epoch, and which are measured on.

Pairs of one prompt always stay together: a model that has seen a prompt's answers knows more of it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl_align import pairs
from mirctl_align.config import RewardConfig
from mirctl_align.dialogue import Dialogue, Pair
from mirctl_align.pairs import Pairs

FOLDS, VALID, SHARE = 0xF01D, 0x7A11, 0x54A2
"""What a seed is put together with, so that one draw does not depend on another."""
Prompt = Dialogue | frozenset[Dialogue]


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
    if data.of_train < 1:
        train, _ = _drawn(train, data.of_train, (seed, SHARE), "a larger data.of_train")
    for other in filter(None, (valid, test)):
        _tell_common(train, other)
    return Parts(
        train.called("training"), valid and valid.called("validation"), test and test.called("test")
    )


def _read(path: object, config: RewardConfig) -> Pairs:
    found = pairs.read(path, config.data)
    found.tell()
    return found


def prompt_of(pair: Pair) -> Prompt:
    """What two pairs share that must not be divided; without a prompt, the two texts."""
    return pair.chosen[:-1] or frozenset((pair.chosen, pair.rejected))


def _fold(whole: Pairs, fold: str) -> tuple[Pairs, Pairs]:
    """The i-th of n parts of the prompts, and the others; the same ones whatever the seed."""
    number, count = map(int, fold.split("/"))
    prompts = _prompts(whole)
    order = np.random.default_rng(FOLDS).permutation(len(prompts))
    if count > len(prompts):
        told = f"{counted(len(prompts), 'prompt')} do not make {counted(count, 'fold')}"
        raise DataError(told, where=whole.name)
    chosen = {prompts[n] for n in order[number - 1 :: count].tolist()}
    return _divided(whole, chosen.__contains__)


def _drawn(whole: Pairs, share: float, seed: tuple[int, int], instead: str) -> tuple[Pairs, Pairs]:
    """A share of the prompts, at least one, and the others."""
    prompts = _prompts(whole)
    if len(prompts) < 2:
        raise DataError(f"there is one prompt alone: name {instead}", where=whole.name)
    count = min(max(1, round(share * len(prompts))), len(prompts) - 1)
    drawn = np.random.default_rng(seed).permutation(len(prompts))[:count]
    return _divided(whole, {prompts[n] for n in drawn.tolist()}.__contains__)


def _prompts(whole: Pairs) -> list[Prompt]:
    return list(dict.fromkeys(map(prompt_of, whole.pairs)))


def _divided(whole: Pairs, inside: Callable[[Prompt], bool]) -> tuple[Pairs, Pairs]:
    kept: Sequence[bool] = [inside(prompt_of(pair)) for pair in whole.pairs]
    return (
        whole.of([n for n, own in enumerate(kept) if own]),
        whole.of([n for n, own in enumerate(kept) if not own]),
    )


def _tell_common(train: Pairs, other: Pairs) -> None:
    seen = {prompt_of(pair) for pair in train.pairs}
    if common := sum(prompt_of(pair) in seen for pair in other.pairs):
        told = f"{counted(common, 'pair')} of prompts that the training pairs have, too"
        console.warn(f"{other.name}: {told}: the accuracy may come out too high")
