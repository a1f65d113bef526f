"""MicroLens as it is unpacked: NAME_pairs.csv, NAME_title*.csv; covers, audios and videos by id."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mirctl import files, places
from mirctl.console import counted
from mirctl.data import images
from mirctl.data.config import Columns
from mirctl.data.interactions import Log, load_log, log_from
from mirctl.data.items import Items, bare_items, items_from
from mirctl.errors import DataError
from mirctl.tables import Source, open_source, read_text

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = Columns()
MEDIA = {"cover": images.PICTURES, "audio": images.SOUNDS, "video": images.FILMS}


def read(root: Path) -> tuple[Log, Items]:
    """The pairs, and every item that the titles or the pairs name; only the pairs must be there."""
    with files.unreadable_is(DataError, root):
        if not places.seen(root).is_dir():
            raise DataError("no such folder", where=str(root))
        os.listdir(root)  # a search for names finds nothing where it may not look, and says nothing
    pairs = _only(root, "*_pairs.csv", "") or _only(root, "*_pairs.tsv", "")
    if pairs is None:
        raise DataError("holds no NAME_pairs.csv and no NAME_pairs.tsv", where=str(root))
    log = _pairs(pairs)
    titles = _only(root, "*_title*.csv", pairs.name.rpartition("_")[0])
    items = _items(log, titles)
    found = {name: _media(root, name, suffixes, items.ids) for name, suffixes in MEDIA.items()}
    covers = found["cover"] or items.images
    return log, replace(items, images=covers, audio=found["audio"], video=found["video"])


def covers(root: Path, ids: list[str]) -> list[Path | None] | None:
    """The covers of some items; None where there is no folder of covers."""
    with files.unreadable_is(DataError, root):
        return _media(root, "cover", MEDIA["cover"], ids)


def _only(root: Path, pattern: str, prefix: str) -> Path | None:
    """The one file that matches; of several, the one of the same subset as the pairs."""
    found = sorted(root.glob(pattern))
    found = [path for path in found if path.name.startswith(f"{prefix}_")] or found
    if len(found) > 1:
        listed = ", ".join(path.name for path in found)
        raise DataError(f"holds {listed}: keep each subset in a folder of its own", where=str(root))
    return found[0] if found else None


def _pairs(path: Path) -> Log:
    if path.suffix == ".tsv":
        return load_log(path, COLUMNS)
    source = open_source(path)
    names = [COLUMNS.user, COLUMNS.item, str(COLUMNS.timestamp)]
    return log_from(_by_position(source, names, number=2), COLUMNS, source.name)


def _by_position(source: Source, names: list[str], number: int) -> pa.Table:
    """Columns by their place; the first row is a header where its field `number` is no number."""
    fields = source.first_lines(1)[0].split(",")
    is_data = len(fields) > number and fields[number].strip(' "').replace(".", "", 1).isdigit()
    return read_text(source, names, names, quoted=True, has_header=not is_data)


def _items(log: Log, titles: Path | None) -> Items:
    """Items of the titles, then those that only the pairs name: they have no title."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if titles is None:
        return bare_items(log.item.distinct.to_pylist(), COLUMNS, log.where)
    source = open_source(titles)
    table = _by_position(source, [COLUMNS.item, COLUMNS.title], number=0)
    distinct = log.item.distinct
    untitled = distinct.filter(
        pc.invert(pc.is_in(distinct, value_set=table[COLUMNS.item].combine_chunks()))
    )
    rest = pa.table({COLUMNS.item: untitled, COLUMNS.title: pa.nulls(len(untitled), pa.string())})
    items = items_from(pa.concat_tables([table, rest]), COLUMNS, source.name)
    if not len(untitled):
        return items
    count = counted(len(untitled), "item")
    note = f"without a row in {source.name}, and so without a title: {count} of the pairs"
    return replace(items, notes=(note,))


def _media(
    root: Path, name: str, suffixes: tuple[str, ...], ids: list[str]
) -> list[Path | None] | None:
    folders = sorted(
        path
        for path in root.iterdir()
        if path.is_dir() and name in path.name.lower() and "feature" not in path.name.lower()
    )
    if len(folders) > 1:
        listed = ", ".join(path.name for path in folders)
        raise DataError(f"holds {listed}: which are the {name}s?", where=str(root))
    return images.by_id(folders[0], ids, suffixes) if folders else None
