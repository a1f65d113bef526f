"""A catalogue: items and the interactions with them, loaded and checked against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.data import microlens
from mirctl.data.config import DataConfig
from mirctl.data.interactions import Interactions, Log, arrange, first_of_each, load_log
from mirctl.data.items import Items, bare_items, load_items
from mirctl.data.order import ties
from mirctl.errors import DataError

__all__ = ["Catalogue", "Interactions", "Items", "load_catalogue"]


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What a run learns from. `report` counts what people should know of it."""

    items: Items
    interactions: Interactions
    report: dict[str, Any]


def load_catalogue(config: DataConfig, *, seed: int) -> Catalogue:
    """Read, check and sort what a recipe's `data` names; `seed` orders equal time stamps."""
    log, items = _read(config)
    place = _places(log, items)
    known = place >= 0
    if config.unknown_items == "error" and not known.all():
        raise _unknown(log, items, known)
    distinct = known & first_of_each(log) if config.duplicates == "drop" else known
    keep = distinct & _with_enough(log, distinct, config.min_interactions)
    if not keep.any():
        message = f"none of its {len(log)} interactions is left: all name unknown items, or their "
        raise DataError(f"{message}users have too few (data.min_interactions)", where=log.where)
    interactions = arrange(log, place, None if keep.all() else keep, seed)
    dropped = {
        "dropped_unknown": int((~known).sum()),
        "dropped_duplicates": int((known & ~distinct).sum()),
        "dropped_users": len(log.user.distinct) - len(interactions.users),
    }
    notes = [*log.notes, *items.notes]
    report = {**_report(items, interactions), **dropped, "notes": notes}
    _tell(report, len(log))
    return Catalogue(items, interactions, report)


def _read(config: DataConfig) -> tuple[Log, Items]:
    if config.microlens:
        return microlens.read(config.microlens)
    log = load_log(config.interactions, config.columns)
    if config.items is None:
        return log, bare_items(log.item.distinct.to_pylist(), config.columns, log.where)
    items = load_items(config.items, config.columns, config.images, known=log.item.distinct)
    return log, items


def _places(log: Log, items: Items) -> np.ndarray:
    """(n,) item index of each interaction, -1 where the items do not have it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.index_in(log.item.distinct, value_set=pa.array(items.ids, pa.string()))
    return found.fill_null(-1).to_numpy(zero_copy_only=False)[log.item.codes]


def _unknown(log: Log, items: Items, known: np.ndarray) -> DataError:
    first = int(np.argmin(known))
    name = log.item.distinct[int(log.item.codes[first])].as_py()
    count, of = int((~known).sum()), len(known)
    if count == of:
        there = f"item ids there look like {items.ids[0]!r}"
        message = f"no interaction names an item of {items.where}: the first is {name!r}, {there}"
    else:
        message = (
            f"item {name!r} is not in {items.where}, nor are those of {count} of {of} interactions "
            "in all: add them, or leave these interactions out with data.unknown_items=drop "
            "(data check: --drop-unknown)"
        )
    return DataError(message, where=log.row_of(first))


def _with_enough(log: Log, known: np.ndarray, least: int) -> np.ndarray:
    counts = np.bincount(log.user.codes[known], minlength=len(log.user.distinct))
    return (counts >= least)[log.user.codes]


def _report(items: Items, interactions: Interactions) -> dict[str, Any]:
    users, n = len(interactions.users), len(interactions.item)
    lengths = np.bincount(interactions.user, minlength=users)
    tied = np.zeros(n, bool)
    if interactions.time is not None:
        tied = ties(interactions.user, interactions.time)
    seen = np.bincount(interactions.item, minlength=len(items.ids))
    report = {
        "users": users,
        "items": len(items.ids),
        "interactions": n,
        "users_with_one": int((lengths == 1).sum()),
        "items_without_interactions": int((seen == 0).sum()),
        "items_without_text": items.titles.count(None),
        "items_without_image": items.images.count(None),
        "images_not_found": len(items.lost_images),
        "tied": int(tied.sum()),
        **_repeats(interactions, tied, len(items.ids)),
    }
    for name in ("audio", "video"):
        if (files := getattr(items, name)) is not None:
            report[f"items_without_{name}"] = files.count(None)
    return report


def _repeats(interactions: Interactions, tied: np.ndarray, n_items: int) -> dict[str, int]:
    """Interactions with an item the user had before; of these, those at the very same time."""
    user, item, time = interactions.user, interactions.item, interactions.time
    pairs = np.sort(user.astype(np.int64) * n_items + item)
    repeats = int((pairs[1:] == pairs[:-1]).sum())
    if time is None or not repeats:
        return {"repeats": repeats, "duplicate_rows": 0}
    user, item, time = user[tied], item[tied], time[tied]
    order = np.lexsort((item, time, user))
    same = [column[order][1:] == column[order][:-1] for column in (user, item, time)]
    return {"repeats": repeats, "duplicate_rows": int(np.logical_and.reduce(same).sum())}


def _tell(report: dict[str, Any], n: int) -> None:
    for note in report["notes"]:
        console.say(note)
    interactions = counted(n, "interaction")
    if count := report["dropped_unknown"]:
        console.say(f"{count:,} of {interactions} left out: of unknown items")
    if count := report["dropped_duplicates"]:
        console.say(f"{count:,} of {interactions} left out: they repeat a row")
    if count := report["images_not_found"]:
        told = counted(count, "picture")
        console.warn(f"not there, so taken as missing: {told} that the items name")
