"""A log of interactions, cut by time: the early half an agent may see, the late half it may not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mirctl import console
from mirctl.data.catalogue import Catalogue, load_catalogue
from mirctl.errors import DataError
from mirctl.tables import at_row, open_source, read_table

if TYPE_CHECKING:
    from mirctl_rl.config import SimulateConfig

UNRATED = ("ml-seq", "scientific")
LEAST = 20
"""Interactions in the late half below which nothing can be completed."""


@dataclass(frozen=True, eq=False)
class Half:
    """n interactions by user, then time."""

    user: np.ndarray
    """(n,) int64, place in `Log.users`."""
    item: np.ndarray
    """(n,) int64"""
    value: np.ndarray
    """(n,) float64: the rating, 1 where there is none."""


@dataclass(frozen=True, eq=False)
class Log:
    """What was logged, of users who stand in both halves."""

    users: list[str]
    items: list[str]
    titles: list[str | None]
    genres: list[frozenset[str]]
    early: Half
    late: Half
    rated: bool
    report: dict[str, int]


def read(config: SimulateConfig) -> Log:
    """Read, check and cut what a recipe names; ratings where its environment wants them."""
    catalogue = load_catalogue(config.data, seed=config.seed)
    rated = config.env not in UNRATED
    value = _ratings(config, catalogue) if rated else np.ones(len(catalogue.interactions.item))
    early, late, users = _halves(catalogue, value)
    left_out = len(catalogue.interactions.users) - len(users)
    if not users:
        raise DataError(
            "no user has two interactions: one is shown to the agent, one pays for what it does",
            where=str(config.data.interactions or config.data.microlens),
        )
    if len(late.item) < LEAST:
        told = f"{len(late.item)} interactions in the late halves: too few to learn rewards from"
        raise DataError(told, where=str(config.data.interactions or config.data.microlens))
    if left_out:
        told = console.counted(left_out, "user")
        console.say(f"left out: {told} with a single interaction: no early half, or no late one")
    report = {
        "users": len(users), "items": len(catalogue.items.ids), "early": len(early.item),
        "late": len(late.item), "users_left_out": left_out,
    }  # fmt: skip
    names = catalogue.items
    return Log(users, names.ids, names.titles, _genres(config, catalogue), early, late, rated,
               report)  # fmt: skip


def _ratings(config: SimulateConfig, catalogue: Catalogue) -> np.ndarray:
    """(n,) float64 in the order of the interactions; what is no number is refused with its row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name, path = config.data.rating, config.data.interactions
    if path is None:
        raise DataError(f"{config.env} wants ratings, and MicroLens has none: use ml-seq",
                        where="data")  # fmt: skip
    source = open_source(path)
    try:
        table = read_table(source, [name])
    except DataError as error:
        if f"no column {name!r}" not in error.message:
            raise
        told = f"has no column {name!r}, where {config.env} reads ratings: set data.rating"
        raise DataError(f"{told}, or take env=ml-seq or scientific", where=error.where) from error
    try:
        column = pc.cast(table[name], pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        told = f"column {name!r} is expected to hold numbers: {error}"
        raise DataError(told, where=source.name) from error
    found = column.to_numpy()
    if not np.isfinite(found).all():
        row = int(np.argmin(np.isfinite(found))) + 1
        told = f"column {name!r} has {found[row - 1]}: a rating is a number"
        raise DataError(told, where=at_row(source.name, row))
    if found.min() == found.max():
        told = f"column {name!r} is {found[0]:g} in every row: take env=ml-seq or scientific"
        raise DataError(told, where=source.name)
    return found[catalogue.interactions.row]


def _halves(catalogue: Catalogue, value: np.ndarray) -> tuple[Half, Half, list[str]]:
    """Each user's first half (the larger one of an odd number) and the rest."""
    log = catalogue.interactions
    counts = np.bincount(log.user, minlength=len(log.users))
    place = np.arange(len(log.user)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = np.flatnonzero(counts >= 2)
    dense = np.full(len(counts), -1)
    dense[kept] = np.arange(len(kept))
    user = dense[log.user]
    early = place < ((counts + 1) // 2)[log.user]

    def half(chosen: np.ndarray) -> Half:
        chosen = chosen & (user >= 0)
        return Half(user[chosen], log.item[chosen].astype(np.int64), value[chosen])

    return half(early), half(~early), [log.users[n] for n in kept]


def _genres(config: SimulateConfig, catalogue: Catalogue) -> list[frozenset[str]]:
    """Each item's genres; none where the items have no such column."""
    name = config.data.genres
    if name not in catalogue.items.table.column_names:
        return [frozenset()] * len(catalogue.items.ids)
    texts = catalogue.items.text(name)
    return [frozenset(filter(None, re.split(r"[\s,|;]+", text or ""))) for text in texts]
