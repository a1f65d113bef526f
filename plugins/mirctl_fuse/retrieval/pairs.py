"""Tables of things -> queries, items, and which of them answer which, for training and for test."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from mirctl import console
from mirctl.console import counted
from mirctl.data.ids import read_ids
from mirctl.data.items import Items, load_items, text_values
from mirctl.errors import DataError, suggest
from mirctl.tables import at_row, open_source, read_table, require_columns
from mirctl_fuse.retrieval.config import PairConfig, PairData, Queries

PARTS = ("train", "valid", "test")
TRAINED_ON = "training pairs"
"""What an artifact calls the pairs that a model may know."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Who answers whom: pair p says that item[p] answers query[p]."""

    queries: Items
    items: Items
    query: np.ndarray
    """(pairs,) int64"""
    item: np.ndarray
    """(pairs,) int64"""
    part: np.ndarray
    """(pairs,) int8 into PARTS; all pairs of a query are in one part."""

    def side(self, name: str) -> Items:
        """The queries or the items."""
        return self.queries if name == "queries" else self.items

    def of(self, part: str) -> "Pairs":
        """The pairs of one part."""
        return self._kept(self.part == PARTS.index(part))

    def outside(self, part: str) -> "Pairs":
        """The pairs of all other parts."""
        return self._kept(self.part != PARTS.index(part))

    def between(self, queries: np.ndarray, items: np.ndarray) -> "Pairs":
        """The pairs whose query and item are both known: (queries,) and (items,) bool."""
        return self._kept(queries[self.query] & items[self.item])

    def _kept(self, chosen: np.ndarray) -> "Pairs":
        kept = (own[chosen] for own in (self.query, self.item, self.part))
        return replace(self, **dict(zip(("query", "item", "part"), kept, strict=True)))

    def __len__(self) -> int:
        return len(self.query)

    def digest(self) -> str:
        """sha256 over the ids of these pairs."""
        found = hashlib.sha256()
        for query, item in zip(self.query.tolist(), self.item.tolist(), strict=True):
            found.update(repr((self.queries.ids[query], self.items.ids[item])).encode())
        return found.hexdigest()


def load(config: PairConfig) -> Pairs:
    """Read what a recipe's `data` names."""
    items, asking = load_things(config.data), config.data.queries
    queries = load_things(asking) if asking else items
    if config.data.pairs is None:
        same = np.arange(len(items.ids))
        return Pairs(queries, items, same, same, _drawn(items.ids, config))
    return _read(config, queries, items)


def load_things(data: PairData | Queries) -> Items:
    """A table of items, or of queries, and the pictures that go with it."""
    table = data.items if isinstance(data, PairData) else data.table
    found = load_items(table, data.columns, data.images)
    for note in found.notes:
        console.say(note)
    if lost := found.lost_images:
        told = f"{counted(len(lost), 'picture')} that {found.where} names"
        console.warn(f"not there, so taken as missing: {told}")
    return found


def _read(config: PairConfig, queries: Items, items: Items) -> Pairs:
    """The table of pairs; one that stands there twice counts once."""
    source = open_source(config.data.pairs)
    table, where = read_table(source), source.name
    named = config.data.pair_columns
    if not len(table):
        raise DataError("has a header and no rows", where=where)
    require_columns([named.query, named.item], table.column_names, where)
    query = _places(table, named.query, queries, where)
    item = _places(table, named.item, items, where)
    _, first = np.unique(query * len(items.ids) + item, return_index=True)
    first.sort()
    if named.split in table.column_names:
        part = _told(text_values(table, named.split, where), query, queries.ids, where)
    else:
        part = _drawn(queries.ids, config)[query]
    if twice := len(table) - len(first):
        console.say(f"{where}: {counted(twice, 'pair')} stand there again, and count once")
    return Pairs(queries, items, query[first], item[first], part[first])


def _places(table: pa.Table, column: str, things: Items, where: str) -> np.ndarray:
    """(rows,) which thing each row names."""
    ids = read_ids(table, column, where)
    place = np.array([things.index.get(name, -1) for name in ids.distinct.to_pylist()], np.int64)
    found = place[ids.codes]
    if (found < 0).any():
        row = int(np.argmax(found < 0))
        name = ids.distinct[int(ids.codes[row])].as_py()
        told = f"{column} {name!r} is not in {things.where}"
        raise DataError(f"{told}{suggest(name, things.ids)}", where=at_row(where, row + 1))
    return found


def _told(
    said: Sequence[str | None], query: np.ndarray, ids: Sequence[str], where: str
) -> np.ndarray:
    """(rows,) the part that each row's own column says."""
    part = np.array([PARTS.index(word) if word in PARTS else -1 for word in said], np.int8)
    if (part < 0).any():
        row = int(np.argmax(part < 0))
        told = f"its part is {said[row]!r}: write {', '.join(PARTS)}"
        raise DataError(told, where=at_row(where, row + 1))
    first = np.full(len(ids), -1, np.int8)
    first[query[::-1]] = part[::-1]
    if (first[query] != part).any():
        row = int(np.argmax(first[query] != part))
        told = f"query {ids[query[row]]!r} is in {PARTS[part[row]]}, and in another row in "
        told += f"{PARTS[first[query[row]]]}: a query belongs to one part"
        raise DataError(told, where=at_row(where, row + 1))
    return part


def _drawn(ids: Sequence[str], config: PairConfig) -> np.ndarray:
    """(queries,) the part of each, by a hash of seed and id: others that come or go change none."""
    test, valid = config.evaluation.test, config.evaluation.valid
    digests = (hashlib.sha256(f"{config.seed}:{name}".encode()).digest()[:8] for name in ids)
    draws = np.frombuffer(b"".join(digests), ">u8") / 2.0**64
    return np.where(draws < test, 2, np.where(draws < test + valid, 1, 0)).astype(np.int8)


def tell(pairs: Pairs, whole: Pairs) -> None:
    """Say what is learned from and measured, so that nothing is dropped in silence."""
    counts = ", ".join(f"{len(pairs.of(part)):,} for {part}" for part in PARTS)
    out = len(whole) - len(pairs)
    console.say(
        f"{counted(len(whole), 'pair')} of {counted(len(whole.queries.ids), 'query', 'queries')} "
        f"and {counted(len(whole.items.ids), 'item')}: {counts}"
        + (f"; {out:,} left out, of whose query or item nothing is known" if out else "")
    )


def refuse_too_few(pairs: Pairs, *, valid: bool) -> None:
    """Raise a DataError where a part that is needed has no pair."""
    for part in PARTS:
        least = 2 if part == "train" else 1
        if len(pairs.of(part)) < least and (part != "valid" or valid):
            more = ", or train.metric: null" if part == "valid" else ""
            told = f"{counted(len(pairs.of(part)), 'pair')} for {part}, of {len(pairs)} in all"
            raise DataError(f"{told}: give more, another split{more}", where=pairs.items.where)
