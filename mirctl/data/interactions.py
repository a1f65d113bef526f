"""Interactions: who took what, and when; as rows of a file, then as sorted arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mirctl.data.config import Columns
from mirctl.data.ids import Ids, read_ids
from mirctl.data.items import is_headerless
from mirctl.data.order import chronological
from mirctl.data.times import read_times
from mirctl.errors import DataError
from mirctl.tables import Source, at_row, open_source, read_table, read_text

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Log:
    """Interactions as a file gives them, n of them in any order."""

    where: str
    user: Ids
    item: Ids
    time: np.ndarray | None
    """(n,) int64 or float64; None where the order of the file is the order in time."""
    row: np.ndarray | None = None
    """(n,) row of the file, where one row holds many interactions."""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.user.codes)

    def row_of(self, place: int) -> str:
        """Names the row of interaction `place` for an error."""
        return at_row(self.where, int(place if self.row is None else self.row[place]) + 1)


@dataclass(frozen=True, eq=False)
class Interactions:
    """n interactions by user, then time; equal times of one user in a seeded random order."""

    users: list[str]
    user: np.ndarray
    """(n,) int32, place in `users`."""
    item: np.ndarray
    """(n,) int32, item index of the catalogue."""
    time: np.ndarray | None
    """(n,) int64 or float64; None where only the order is known."""
    row: np.ndarray
    """(n,) int64, row of the file, from 0: where its other columns stand."""

    def sequences(self) -> tuple[np.ndarray, np.ndarray]:
        """Each user's items, oldest first, as CSR: offsets (users + 1,) int64, items (n,) int32."""
        counts = np.bincount(self.user, minlength=len(self.users))
        return np.concatenate([[0], np.cumsum(counts)]), self.item


def load_log(path: Path, columns: Columns) -> Log:
    """Read an interactions table, or a headerless file of histories."""
    source = open_source(path)
    lines = source.first_lines() if source.kind == "tsv" else []
    if is_headerless(lines, {columns.user, columns.item, str(columns.timestamp)}):
        return _histories(source, lines)
    wanted = [columns.user, columns.item]
    return log_from(_read(source, wanted, columns.timestamp), columns, source.name)


def _read(source: Source, wanted: list[str], timestamp: str | None) -> pa.Table:
    try:
        return read_table(source, [*wanted, timestamp] if timestamp else wanted)
    except DataError as error:
        if f"no column {timestamp!r}" not in error.message:
            raise
        hint = "where rows stand oldest first, set columns.timestamp to null"
        raise DataError(f"{error.message}; {hint}", where=error.where) from error


def log_from(table: pa.Table, columns: Columns, where: str) -> Log:
    """Interactions out of a table whose columns `columns` names."""
    if not len(table):
        raise DataError("has a header and no rows", where=where)
    user, item = (read_ids(table, name, where) for name in (columns.user, columns.item))
    time = read_times(table, columns.timestamp, where) if columns.timestamp else None
    notes = () if columns.timestamp else (f"{where}: no time stamps, rows are taken oldest first",)
    return Log(where, user, item, time, notes=notes)


def _histories(source: Source, lines: list[str]) -> Log:
    """A row a user: id, tab, item ids by blanks, oldest first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = ["user", "items"]
    table = read_text(source, columns, columns, quoted=False, has_header=False)
    taken = pc.ascii_split_whitespace(pc.ascii_trim_whitespace(table["items"])).combine_chunks()
    _refuse_empty_histories(table, source.name)
    item = read_ids(pa.table({"item": taken.flatten()}), "item", source.name)
    _refuse_doubtful_header(lines[0], item, source.name)
    user = read_ids(table, "user", source.name)
    _refuse_repeated_users(user, source.name)
    row = pc.list_parent_indices(taken).to_numpy()
    note = f"{source.name} has no header: read as user, tab, item ids oldest first"
    return Log(source.name, Ids(user.codes[row], user.distinct), item, None, row, (note,))


def _refuse_empty_histories(table: pa.Table, where: str) -> None:
    import pyarrow.compute as pc

    empty = pc.equal(pc.ascii_trim_whitespace(table["items"]), "").to_numpy()
    if empty.any():
        raise DataError("a user without items", where=at_row(where, int(np.argmax(empty)) + 1))


def _refuse_repeated_users(user: Ids, where: str) -> None:
    _, first, counts = np.unique(user.codes, return_index=True, return_counts=True)
    if (counts > 1).any():
        name = user.distinct[int(np.argmax(counts > 1))].as_py()
        row = int(first[np.argmax(counts > 1)]) + 1
        message = f"user {name!r} has {counts.max()} rows: put a history into one"
        raise DataError(message, where=at_row(where, row))


def _refuse_doubtful_header(line: str, item: Ids, where: str) -> None:
    """A first row of two single words is data only where its item is seen again."""
    history = line.partition("\t")[2].split()
    if len(history) == 1 and np.count_nonzero(item.codes == item.codes[0]) == 1:
        raise DataError(
            f"its first row {line[:80]!r} may be a header or a user with one item: put a header "
            "with the names of the columns above it, or remove it",
            where=where,
        )


def first_of_each(log: Log) -> np.ndarray:
    """(n,) bool: False for a row whose user, item and time stood in an earlier one."""
    first = np.ones(len(log), bool)
    if log.time is not None:
        order = np.lexsort((log.time, log.item.codes, log.user.codes))
        columns = (log.user.codes[order], log.item.codes[order], log.time[order])
        same = np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
        first[order[1:][same]] = False
    return first


def arrange(log: Log, item: np.ndarray, keep: np.ndarray | None, seed: int) -> Interactions:
    """Sort the interactions to keep; `item` (n,) is the item index of each in the catalogue."""
    place = np.arange(len(log)) if keep is None else np.flatnonzero(keep)
    user, thing = (Ids(ids.codes[place], ids.distinct) for ids in (log.user, log.item))
    time = None if log.time is None else log.time[place]
    order = chronological(user, time, thing, seed)
    place, time = place[order], None if time is None else time[order]
    present, dense = _renumber(log.user.codes[place], len(log.user.distinct))
    users = log.user.distinct.take(present).to_pylist()
    row = place if log.row is None else log.row[place]
    return Interactions(users, dense, item[place].astype(np.int32), time, row)


def _renumber(codes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The codes in use, and the same codes without gaps."""
    used = np.zeros(size, bool)
    used[codes] = True
    return np.flatnonzero(used), (np.cumsum(used, dtype=np.int32) - 1)[codes]
