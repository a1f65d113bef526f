"""A log becomes a simulator: the three environments, and anybody's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mirctl.errors import DataError, MissingError, UsageError
from mirctl.run import Run
from mirctl_rl import factors
from mirctl_rl.boredom import LARGEST, Genres, Kinds, Rule, Titles
from mirctl_rl.config import SimulateConfig
from mirctl_rl.factors import Cells, Factors
from mirctl_rl.logged import Half, Log
from mirctl_rl.rewards import Rewards, ruled, top_fifth
from mirctl_rl.world import Hidden, Known, World

SLATE = 1000
"""Items on offer in `scientific`."""
THRESHOLDS = {Genres: 4, Titles: 2}
SAMPLE, LEAST_SPREAD, MOST_BEST = 200, 1e-6, 0.4
"""Rows that are looked at, how much scores differ at least, how large a fifth with ties may be."""
NATS = 5.0
"""Of association, which a raw reward of 1 means in `ml-seq`: 150 times as often as by chance."""
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
    even: bool = False
    """Personal scores have the same spread for each item: where what is frequent varies most."""
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

    def associated(cells: Cells) -> Factors:
        return factors.associated(cells, how, seed)

    if config.env == "ml-rating":
        return Plan(of_users, rated, _genres(log, config), *_scale(log, config))
    if config.env == "ml-seq":
        kinds = _genres(log, config)
        told = {"even": True, "moves": True, "names_users": False}
        return Plan(transitions(log), associated, kinds, 0.0, NATS, **told)
    if config.env == "scientific":
        from mirctl_rl.titles import kinds_of_titles

        kinds = kinds_of_titles(log, config, run, WIDTH)
        # Few took any one item: what they took next is foretold by its title, not by who took it.
        places = kinds.codes / LARGEST

        def near(cells: Cells) -> Factors:
            return factors.placed(cells, places, how)

        slate = min(SLATE, len(log.items))
        return Plan(counted(of_users), near, kinds, 0.0, 1.0, slate=slate)
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


def _scale(log: Log, config: SimulateConfig) -> tuple[float, float]:
    """The lowest and the highest rating, as far as an agent knows them."""
    low, high = float(log.early.value.min()), float(log.early.value.max())
    if low == high:
        told = f"every early rating is {low:g}: nothing can be learned from them; take env=ml-seq"
        raise DataError(told, where=config.data.rating)
    return low, high


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


@dataclass(frozen=True, eq=False)
class Completed:
    """Both halves, each completed by itself."""

    early_cells: Cells
    late_cells: Cells
    early: Factors
    late: Factors


def completed(log: Log, config: SimulateConfig, found: Plan) -> Completed:
    """What each half observes, and the scores that come of it."""
    early, late = found.cells(log.early), found.cells(log.late)
    for name, cells in (("early", early), ("late", late)):
        if not len(cells.row):
            raise DataError(f"the {name} halves hold nothing to learn from", where=config.env)
    made = (_checked(found.complete(cells), config, cells.shape) for cells in (early, late))
    return Completed(early, late, *made)


def build(log: Log, config: SimulateConfig, found: Plan, halves: Completed) -> World:
    """Put the simulator together."""
    slate = config.slate or found.slate
    rule = _rule(config, found, slate or len(log.items), len(log.items))
    of_early, of_late = halves.early, halves.late
    if config.reward != "raw":
        of_early, of_late = (half.personal(even=found.even) for half in (of_early, of_late))
    rewards = ruled(of_late, config.reward, found.low, found.high)
    _refuse_tasteless(rewards, config)
    both = (halves.early_cells, halves.late_cells)
    observed = np.concatenate([c.row * c.shape[1] + c.column for c in both])
    known = _known(log, config, found, of_early, rule)
    return World(
        config.env, known, Hidden(rewards, np.unique(observed)), found.moves, config.horizon,
        config.history, slate, config.repeats, config.seed, dict(log.report),
    )  # fmt: skip


def _refuse_tasteless(rewards: Rewards, config: SimulateConfig) -> None:
    """Where scores tie, or hardly differ, a fifth is anybody's: such rewards would mean nothing."""
    rows = np.linspace(0, len(rewards.threshold) - 1, SAMPLE).astype(int)[:, None]
    items = np.arange(len(rewards.factors.columns))[None, :]
    scores = rewards.factors.scores(rows, items)
    flat = scores.std() < LEAST_SPREAD * (rewards.high - rewards.low)
    tied = config.reward == "top-fifth" and rewards.of(rows, items).mean() > MOST_BEST
    if flat or tied:
        raise DataError(
            "the late halves tell no tastes apart: more interactions, or a smaller "
            f"completion.ridge than {config.completion.ridge:g}, may help",
            where=config.env,
        )


def _rule(config: SimulateConfig, found: Plan, offered: int, n_items: int) -> Rule:
    """When users leave; what could never be is refused."""
    if type(found.kinds) not in THRESHOLDS:
        told = f"its kinds are a {type(found.kinds).__name__}: Genres or Titles can be saved"
        raise UsageError(told, where=config.env)
    if offered > n_items:
        raise UsageError(f"slate {offered}: there are {n_items} items")
    if not config.repeats and config.horizon > offered:
        told = f"horizon {config.horizon}: {offered} items end sooner; set repeats=true"
        raise UsageError(f"{told}, or a horizon of at most {offered}")
    window, threshold = config.quit.window, config.quit.threshold or THRESHOLDS[type(found.kinds)]
    if threshold > window:
        raise UsageError(f"quit.threshold {threshold} is never reached in {window} items")
    return Rule(window, threshold)


def _known(log: Log, config: SimulateConfig, found: Plan, completed: Factors, rule: Rule) -> Known:
    """What the agent sees; nothing here may look at `log.late`."""
    early = log.early
    counts = np.bincount(early.user, minlength=len(log.users))
    return Known(
        log.users, log.items, log.titles, [sorted(own) for own in log.genres],
        np.concatenate([[0], np.cumsum(counts)]), early.item, early.value.astype(np.float32),
        _feedback(log, config, found).astype(np.float32), completed, found.kinds,
        rule, found.names_users,
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
    return top_fifth(early.user, deviation)


def _checked(made: Factors, config: SimulateConfig, shape: tuple[int, int]) -> Factors:
    """What a completion gave; NaN would be paid without a word."""
    sides = (made.rows, made.columns)
    if tuple(map(len, sides)) != shape or sides[0].shape[1:] != sides[1].shape[1:]:
        told = f"its factors are {sides[0].shape} and {sides[1].shape}, its cells {shape}"
        raise UsageError(told, where=config.env)
    if not all(np.isfinite(side).all() for side in sides):
        raise DataError(
            "its rewards are no finite numbers: a larger completion.ridge may help, or its class "
            "is wrong",
            where=config.env,
        )
    return made
