"""A log becomes a simulator: the three environments, and anybody's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from mirctl.errors import DataError, MissingError, UsageError
from mirctl.run import Run
from mirctl_rl import factors
from mirctl_rl.boredom import Genres, Kinds, Rule, Titles
from mirctl_rl.config import SimulateConfig
from mirctl_rl.factors import Cells, Factors
from mirctl_rl.logged import Half, Log
from mirctl_rl.rewards import ruled
from mirctl_rl.world import Hidden, Known, World

SLATE = 1000
"""Items on offer in `scientific`."""
THRESHOLDS = {Genres: 4, Titles: 2}
WIDTH = 32
"""Numbers of a title's code."""


@dataclass(frozen=True)
class Plan:
    """What an environment is made of. A class of your own gives one: see `Planner`."""

    cells: Callable[[Half], Cells]
    """What a half of the log observes; rows are users, or the items before where `moves`."""
    complete: Callable[[Cells], Factors]
    kinds: Kinds
    low: float
    high: float
    """The scale of scores: of ratings, or 0 and 1."""
    moves: bool = False
    names_users: bool = True
    slate: int | None = None


class Planner(Protocol):
    """What `--env module:Class` names: called once, when the simulator is built."""

    def __call__(self, log: Log, config: SimulateConfig) -> Any:
        """Its `plan()` gives a Plan."""
        ...


def plan(log: Log, config: SimulateConfig, run: Run) -> Plan:
    """The plan of an environment by its name."""
    seed, how = config.seed, config.completion

    def of_users(half: Half) -> Cells:
        return Cells(half.user, half.item, half.value, (len(log.users), len(log.items)))

    def rated(cells: Cells) -> Factors:
        return factors.rated(cells, how, seed)

    def taken(cells: Cells) -> Factors:
        return factors.taken(cells, how, seed)

    if config.env == "ml-rating":
        values = np.concatenate([log.early.value, log.late.value])
        low, high = float(values.min()), float(values.max())
        return Plan(of_users, rated, _genres(log, config), low, high)
    if config.env == "ml-seq":
        kinds = _genres(log, config)
        return Plan(transitions(log), taken, kinds, 0.0, 1.0, moves=True, names_users=False)
    if config.env == "scientific":
        from mirctl_rl.titles import kinds_of_titles

        kinds = kinds_of_titles(log, config, run, WIDTH)
        return Plan(counted(of_users), taken, kinds, 0.0, 1.0,
                    slate=min(SLATE, len(log.items)))  # fmt: skip
    return _own(log, config)


def counted(cells: Callable[[Half], Cells]) -> Callable[[Half], Cells]:
    """Each cell once, with how often it was seen."""

    def distinct(half: Half) -> Cells:
        found = cells(half)
        key, count = np.unique(found.row * found.shape[1] + found.column, return_counts=True)
        row, column = np.divmod(key, found.shape[1])
        return Cells(row, column, count.astype(np.float64), found.shape)

    return distinct


def transitions(log: Log) -> Callable[[Half], Cells]:
    """From an item to the same user's next one."""

    def steps(half: Half) -> Cells:
        same = half.user[1:] == half.user[:-1]
        before, after = half.item[:-1][same], half.item[1:][same]
        return Cells(before, after, np.ones(len(before)), (len(log.items), len(log.items)))

    return counted(steps)


def _genres(log: Log, config: SimulateConfig) -> Genres:
    names = sorted(frozenset().union(*log.genres))
    if not names:
        raise DataError(
            f"no item has a genre, and by it users of {config.env} are bored: name their column "
            "with data.genres",
            where=str(config.data.items or config.data.interactions),
        )
    place = {name: n for n, name in enumerate(names)}
    table = np.zeros((len(log.items), len(names)), np.uint8)
    for item, own in enumerate(log.genres):
        table[item, [place[name] for name in own]] = 1
    return Genres(table)


def _own(log: Log, config: SimulateConfig) -> Plan:
    """The plan of a class that the user names."""
    module, _, name = config.env.partition(":")
    try:
        planner = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise MissingError(f"env {config.env!r} cannot be imported: {error}") from error
    found = planner(log, config).plan()
    if not isinstance(found, Plan):
        told = f"its plan() gave a {type(found).__name__}, not a mirctl_rl.building.Plan"
        raise UsageError(told, where=config.env)
    return found


def build(log: Log, config: SimulateConfig, found: Plan) -> World:
    """Complete both halves, each by itself, and put the simulator together."""
    early, late = found.cells(log.early), found.cells(log.late)
    for name, cells in (("early", early), ("late", late)):
        if not len(cells.row):
            raise DataError(f"the {name} halves hold nothing to learn from", where=config.env)
    of_late = _finite(found.complete(late), config)
    rewards = ruled(of_late, config.reward, found.low, found.high)
    observed = np.concatenate([c.row.astype(np.int64) * c.shape[1] + c.column
                               for c in (early, late)])  # fmt: skip
    threshold = config.quit.threshold or THRESHOLDS.get(type(found.kinds), 4)
    known = _known(log, config, found, _finite(found.complete(early), config))
    slate = config.slate or found.slate
    if slate is not None and slate > len(log.items):
        raise UsageError(f"slate {slate}: there are {len(log.items)} items")
    if threshold > config.quit.window:
        raise UsageError(f"quit.threshold {threshold} is never reached in a quit.window of "
                         f"{config.quit.window}")  # fmt: skip
    most = slate or len(log.items)
    if not config.repeats and config.horizon > most:
        raise UsageError(f"horizon {config.horizon}: {most} items end sooner; set repeats=true")
    known = replace(known, rule=Rule(config.quit.window, threshold))
    return World(
        config.env, known, Hidden(rewards, np.unique(observed)), found.moves, config.horizon,
        config.history, slate, config.repeats, config.seed, dict(log.report),
    )  # fmt: skip


def _known(log: Log, config: SimulateConfig, found: Plan, completed: Factors) -> Known:
    """What the agent sees; nothing here may look at `log.late`."""
    early = log.early
    counts = np.bincount(early.user, minlength=len(log.users))
    return Known(
        log.users, log.items, log.titles, [sorted(own) for own in log.genres],
        np.concatenate([[0], np.cumsum(counts)]), early.item, early.value.astype(np.float32),
        _feedback(log, config, found).astype(np.float32), completed, found.kinds,
        Rule(1, 1), found.names_users,
    )  # fmt: skip


def _feedback(log: Log, config: SimulateConfig, found: Plan) -> np.ndarray:
    """(n,) early interactions on the scale of rewards, as far as the early half tells."""
    early = log.early
    if not log.rated:
        return np.ones(len(early.item))
    if config.reward == "raw":
        return (early.value - found.low) / (found.high - found.low)
    count = np.bincount(early.item, minlength=len(log.items))
    mean = np.bincount(early.item, early.value, len(log.items)) / np.maximum(count, 1)
    deviation = early.value - mean[early.item]
    if config.reward == "deviation":
        return np.clip(deviation / (found.high - found.low), -1, 1)
    return _top(early.user, deviation)


def _top(user: np.ndarray, value: np.ndarray) -> np.ndarray:
    """(n,) 1 for each user's best fifth, at least one item."""
    order = np.lexsort((-value, user))
    counts = np.bincount(user)
    starts = np.cumsum(counts) - counts
    place = np.empty(len(user))
    place[order] = np.arange(len(user)) - starts[user[order]]
    return place < np.maximum(counts[user] // 5, 1)


def _finite(made: Factors, config: SimulateConfig) -> Factors:
    for side in (made.rows, made.columns):
        if not np.isfinite(side).all():
            raise DataError("its rewards are no finite numbers: another completion.ridge may help, "
                            "or its class is wrong", where=config.env)  # fmt: skip
    return made
