"""Preferences of users at some moments, read from an artifact or a table: what rewards are learned
from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirctl import hub
from mirctl.errors import ArtifactError, DataError
from mirctl.tables import open_source, read_table
from mirctl.tables.source import at_row
from mirctl_rl import preferences
from mirctl_rl.config import PretrainConfig
from mirctl_rl.world import Known

COLUMNS = ("history", "item", "like")
"""`history` holds ids of items, oldest first; `like` lies between 0 and 1."""
MARGIN = 0.05
"""By so much a teacher's precision lies above chance, its whole interval besides."""


@dataclass(frozen=True, eq=False)
class Likes:
    """n judgements; a state is one history."""

    state: np.ndarray
    """(n,) int64: rows of `history`."""
    history: np.ndarray
    """(states, length) int32 last items, oldest first, `n_items` where there is none."""
    item: np.ndarray
    like: np.ndarray
    """(n,) float32"""
    name: str
    teacher: str
    precision: Mapping[str, Any] | None
    chance: float | None
    sha256: str | None
    """Of the artifact; a table's is known as an input's."""


def read(config: PretrainConfig, known: Known, length: int) -> Likes:
    """What the recipe names."""
    if config.table is not None:
        source = open_source(config.table)
        return _likes(read_table(source, COLUMNS), source.name, known, length, {}, None)
    folder = hub.artifact_folder(str(config.preferences))
    made = preferences.load(folder)
    if made.facts.get("catalogue") != known.digest:
        message = "was made for another catalogue than this simulator's: name the one it was for"
        raise ArtifactError(message, where=str(folder))
    try:
        table = made.table.select(COLUMNS)
        return _likes(table, str(folder), known, length, made.facts, made.digest)
    except DataError as error:
        raise ArtifactError(
            f"{preferences.FILE} cannot be used: {error}", where=str(folder)
        ) from error


def refuse_weak(likes: Likes) -> None:
    """Raise unless a teacher is known to be right more often than by chance."""
    precision = likes.precision or {}
    value, low = precision.get("value"), precision.get("low")
    if value is None or low is None or likes.chance is None:
        told = "nobody measured how often this teacher is right"
    elif value >= likes.chance + MARGIN and low > likes.chance:
        return
    else:
        told = (
            f"{likes.teacher} is right in {value:.3f} of what it likes [{low:.3f}, "
            f"{precision['high']:.3f}], and chance in {likes.chance:.3f}"
        )
    todo = "such preferences teach little: take a better teacher, or --allow-weak-teacher"
    raise DataError(f"{told}: {todo}", where=likes.name)


def _likes(
    table: pa.Table, name: str, known: Known, length: int, facts: Mapping[str, Any],
    sha256: str | None,
) -> Likes:  # fmt: skip
    if not len(table):
        raise DataError("has no rows", where=name)
    place = {item: n for n, item in enumerate(known.items)}
    like = _numbers(table["like"], name)
    items = _texts(table["item"], "item", name)
    codes = np.fromiter((place.get(item, -1) for item in items), np.int64, len(items))
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise _unknown(items[row], name, row)
    state, histories = _states(_histories(table["history"], name), place, name)
    padded = np.full((len(histories), length), known.n_items, np.int32)
    for row, history in zip(padded, histories, strict=True):
        if own := history[-length:]:
            row[-len(own) :] = own
    chance = facts.get("chance")
    return Likes(
        state, padded, codes, like, name, str(facts.get("teacher", "its teacher")),
        facts.get("precision"), chance, sha256,
    )  # fmt: skip


def _states(
    histories: Iterator[Sequence[str]], place: Mapping[str, int], name: str
) -> tuple[np.ndarray, list[list[int]]]:
    """Each history once, and which one a row has."""
    found: dict[tuple[str, ...], int] = {}
    rows = [found.setdefault(tuple(history), len(found)) for history in histories]
    for number, history in enumerate(found):
        for item in history:
            if item not in place:
                raise _unknown(item, name, rows.index(number))
    return np.array(rows, np.int64), [[place[item] for item in history] for history in found]


def _histories(column: pa.ChunkedArray, name: str) -> Iterator[list[str]]:
    """Lists as they are; texts by commas."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        ids = pa.chunked_array(
            [chunk.cast(pa.list_(pa.string())) for chunk in column.chunks], pa.list_(pa.string())
        )
        for row, value in enumerate(ids.to_pylist()):
            if value is None or None in value:
                raise DataError("column 'history' has empty cells", where=at_row(name, row + 1))
            yield value
        return
    for text in pc.cast(column, pa.string()).to_pylist():
        yield [part.strip() for part in (text or "").split(",") if part.strip()]


def _texts(column: pa.ChunkedArray, which: str, name: str) -> list[str]:
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise DataError(f"column {which!r} has empty cells", where=at_row(name, row + 1))
    return pc.cast(column, pa.string()).to_pylist()


def _numbers(column: pa.ChunkedArray, name: str) -> np.ndarray:
    try:
        found = pc.cast(column, pa.float32()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"column 'like' is expected to hold numbers: {error}", where=name
        ) from error
    wrong = ~((found >= 0) & (found <= 1))
    if wrong.any():
        row = int(np.argmax(wrong))
        told = f"column 'like' has {found[row]:g}: from 0 (no) to 1 (yes)"
        raise DataError(told, where=at_row(name, row + 1))
    if found.min() == found.max():
        told = f"column 'like' is {found[0]:g} in every row: nothing can be learned from that"
        raise DataError(told, where=name)
    return found


def _unknown(item: str, name: str, row: int) -> DataError:
    told = f"item {item!r} is not in the simulator's catalogue: leave such rows out"
    return DataError(told, where=at_row(name, row + 1))
