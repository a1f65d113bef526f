"""The cache as a whole: what is in it, whether it is whole, and what may go."""

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mirctl import console, files, locks, places
from mirctl.cache.entry import NAME, RECORD, Entry, readable, root

REMOVED = ".removed-"


@dataclass(frozen=True)
class Usage:
    """An entry with its bytes on disk and the time of its last use, in seconds since 1970."""

    entry: Entry
    size: int
    used: float


def entries() -> Iterator[Entry]:
    """Every entry there is, by section and key, also those left unfinished."""
    for section in _folders(root()):
        for folder in _folders(section):
            if folder.is_symlink():
                continue  # what stands elsewhere is not ours to count or to remove
            what = ""
            with suppress(ValueError):
                what = Entry(section.name, folder.name).recorded().what
            yield Entry(section.name, folder.name, what)


def size(entry: Entry) -> int:
    """Bytes on disk, leftovers included."""
    total = 0
    for path in _contents(entry.folder):
        with suppress(FileNotFoundError):
            total += path.lstat().st_size
    return total


def usage() -> list[Usage]:
    """All entries, least recently used first."""
    found = [Usage(entry, size(entry), _last_use(entry)) for entry in entries()]
    return sorted(found, key=lambda item: (item.used, item.entry.section, item.entry.key))


@dataclass(frozen=True)
class Damage:
    """An entry whose files `names` are not what was recorded."""

    entry: Entry
    names: list[str]
    removed: bool


def verify(*, fix: bool = False) -> list[Damage]:
    """Compare every file with its record; `fix` removes entries that are damaged and not in use."""
    every = list(entries())
    found = []
    with console.progress("verifying the cache", len(every), "entries") as advance:
        for entry in every:
            # A commit in the middle of the first look may seem to be damage.
            if entry.damaged() and (names := entry.damaged()):
                found.append(Damage(entry, names, fix and remove(entry)))
            advance(1)
    return found


def prune(
    max_bytes: int | None, older_than_seconds: float | None, *, dry_run: bool = False
) -> list[Usage]:
    """Remove leftovers, entries unused for that long, then the least recently used until the rest
    fits into `max_bytes`. An entry that somebody has locked or in use stays.
    """
    items = usage()
    total = sum(item.size for item in items)
    now = time.time()
    removed = []
    for item in items:
        with readable():
            unfinished = not places.seen(item.entry.folder / RECORD).exists()
        old = older_than_seconds is not None and now - item.used > older_than_seconds
        large = max_bytes is not None and total > max_bytes
        if (unfinished or old or large) and (dry_run or _remove_unused(item)):
            removed.append(item)
            total -= item.size
        elif not dry_run:
            _sweep(item.entry)
    if not dry_run:
        for grave in root().glob(f"{REMOVED}*"):
            shutil.rmtree(grave, ignore_errors=True)
    return removed


def remove(entry: Entry) -> bool:
    """Remove a whole entry; False where somebody has it locked or in use."""
    with _alone(entry.folder) as free:
        if free:
            _remove_locked(entry)
        return free


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Hold an entry's folder if nobody writes to it and nobody reads from it."""
    with (
        files.refusals_are_errors(folder),
        locks.held_if_free(folder) as free,
        locks.held_if_free(folder, locks.USE) as unused,
    ):
        yield free and unused


def _remove_unused(item: Usage) -> bool:
    """Remove an entry, unless somebody has it, or used it since it was listed."""
    folder = item.entry.folder
    with _alone(folder) as free:
        record = folder / RECORD
        unused = free and (not record.exists() or record.stat().st_mtime <= item.used)
        if unused:
            _remove_locked(item.entry)
        return unused


def _remove_locked(entry: Entry) -> None:
    """One rename ends the entry; killed after that, the next pruning clears the rest."""
    grave = root() / f"{REMOVED}{secrets.token_hex(8)}"
    os.rename(entry.folder, grave)
    shutil.rmtree(grave, ignore_errors=True)


def _sweep(entry: Entry) -> None:
    """Remove files that no record lists, unless a writer is at work or the record is broken."""
    with files.refusals_are_errors(entry.folder), locks.held_if_free(entry.folder) as free:
        try:
            known = {RECORD, locks.LOCK, locks.USE, *entry.recorded().files}
        except ValueError:
            return
        for path in _contents(entry.folder) if free else ():
            if path.relative_to(entry.folder).as_posix() not in known:
                path.unlink(missing_ok=True)


def _folders(folder: Path) -> list[Path]:
    """Folders that may be a section or an entry; ours of removed entries are hidden."""
    with readable():
        if not places.seen(folder).is_dir():
            return []
        return sorted(p for p in folder.iterdir() if NAME.fullmatch(p.name) and p.is_dir())


def _contents(folder: Path) -> list[Path]:
    """Every file below a folder that others may change meanwhile."""
    return [Path(place, name) for place, _, names in os.walk(folder) for name in names]


def _last_use(entry: Entry) -> float:
    for path in (entry.folder / RECORD, entry.folder):
        with suppress(OSError):
            return path.stat().st_mtime
    return 0.0
