"""A table of items -> the same table with a column of captions, block after block."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mirctl import cache, console, files
from mirctl import device as devices
from mirctl.cache.kept import Kept
from mirctl.console import counted
from mirctl.encode import reading
from mirctl.errors import DataError, Interrupted, UsageError
from mirctl.shards import WHOLE, Shard
from mirctl.tables import Stream, goes_through, open_stream
from mirctl_adapt.captioning import captioner
from mirctl_adapt.captioning.captioner import Settings
from mirctl_adapt.captioning.finding import Finder, Place, finder
from mirctl_adapt.captioning.work import Work

ROWS = 64
"""Rows of a block, and so the least that a shard has."""
EXAMPLES = 3
NORMAL = ("no image", "no video")
"""Reasons that are nobody's mistake."""


@dataclass
class Told:
    """What people are told in the end."""

    rows: int = 0
    captions: int = 0
    absent: Counter[str] = field(default_factory=Counter)
    """Reason -> how many items have no caption because of it."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    """Some of them, by id."""

    def note(self, ids: list[str], reasons: dict[int, str]) -> None:
        """Count the items of a block."""
        self.rows += len(ids)
        self.captions += len(ids) - len(reasons)
        self.absent.update(reasons.values())
        for n, reason in reasons.items():
            some = self.examples.setdefault(reason, [])
            if len(some) < EXAMPLES:
                some.append(ids[n])


def caption(
    items: Path | str, place: Place, settings: Settings, out: Path | str, column: str,
    device_name: str | None, precision: str | None, shard: Shard = WHOLE, *, force: bool,
    json: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Write the table, or a part of it, with captions, and report what was done."""
    if json and str(out) == "-":
        raise UsageError("--out - is the table on stdout, and so is the report of --json: drop one")
    if not goes_through(out):
        files.refuse_to_overwrite(Path(out), force=force, marker=None)
    _check(place, settings, column)
    stream = open_stream(items)
    if column in stream.columns and not force:
        told = (
            f"has a column {column!r} already: name another with --column, or --force replaces it"
        )
        raise UsageError(told, where=stream.name)
    find = finder(place, stream)
    device = devices.choose(device_name or "auto")
    dtype = devices.precision(precision or "auto", device)
    source = captioner.choose(settings, dtype, films=place.films)
    kept = Kept("captions", source.key, f"captions by {settings.model}")
    with cache.remembered() as known:
        work = Work(source, kept, known, device)
        total = 0 if goes_through(items) else _rows(stream, shard)
        told = _write(stream, find, work, out, column, shard, total)
    kept.compact()
    _tell(column, told, work)
    facts = {"out": str(out), "items": told.rows, "captions": told.captions}
    return {**facts, "written_now": work.written, "absent": dict(told.absent)}


def _check(place: Place, settings: Settings, column: str) -> None:
    """Raise what is wrong, or missing, whatever the table holds."""
    if (place.images is None) == (place.videos is None):
        raise UsageError("say what to look at: --images FOLDER, or --videos FOLDER")
    if not column.strip() or column in (place.id_column, place.file_column):
        raise UsageError(f"--column {column!r}: captions go into a column of their own")
    if place.films:
        reading.require("av", "video")
    elif settings.frames is not None:
        raise UsageError("frames are those of films: give --videos")


def _write(
    stream: Stream, find: Finder, work: Work, out: Path | str, column: str, shard: Shard, total: int
) -> Told:  # fmt: skip
    told, replaces = Told(), column in stream.columns
    after = [] if replaces else [column]
    try:
        with (
            console.progress("captions", total, "rows") as advance,
            stream.writer(out, after=after, types={column: "text"}) as writer,
        ):
            for block in shard.blocks(stream, ROWS):
                ids, paths = find(block)
                captions, reasons = work.captions(paths, advance)
                told.note(ids, reasons)
                if replaces:
                    writer.write(block, filled={column: dict(enumerate(captions))})
                else:
                    writer.write(block, added={column: captions})
            if shard.of == 1:
                _refuse_none(told)
    except KeyboardInterrupt as error:
        kept = counted(work.written, "new caption")
        raise Interrupted(f"stopped; {kept} stay in the cache, and the same command goes on",
                          where=str(out)) from error  # fmt: skip
    finally:
        work.kept.commit()
    return told


def _rows(stream: Stream, shard: Shard) -> int:
    """How many rows there are to write."""
    return sum(len(block) for block in shard.blocks(stream, ROWS))


def _refuse_none(told: Told) -> None:
    if told.rows and not told.captions:
        todo = "files are named by item id, such as 42.jpg, or by the column that --file names"
        raise DataError(f"no item gets a caption: {_reasons(told)}; {todo}")


def _reasons(told: Told) -> str:
    return ", ".join(f"{count} {why}{_such_as(told, why)}" for why, count in told.absent.items())


def _such_as(told: Told, reason: str) -> str:
    """Some items by name where their owner may want to mend something."""
    if reason in NORMAL:
        return ""
    some = told.examples[reason]
    more = ", ..." if told.absent[reason] > len(some) else ""
    return f" ({', '.join(some)}{more})"


def _tell(column: str, told: Told, work: Work) -> None:
    lacking = f"; empty for the others: {_reasons(told)}" if told.absent else ""
    have = f"{told.captions} of {told.rows} items have one ({work.written} written now)"
    console.say(f"{column}: {have}{lacking}")
