"""sha256 of files, remembered as long as size, time of change and inode stay the same."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mirctl import files
from mirctl.cache.entry import Entry, entry
from mirctl.errors import MirctlError

SETTLED = 2_000_000_000
"""Nanoseconds: a file that changed later than that may change again within one tick of its time."""
Row = list[int | str]
"""Size, time of change in nanoseconds, inode, sha256."""


class Hashes:
    """What is known of the files of each folder; use it within `remembered`."""

    def __init__(self) -> None:
        self._known: dict[Path, dict[str, Row]] = {}
        self._found: dict[Path, dict[str, Row]] = {}

    def sha256(self, path: Path) -> str:
        """Of a file's content; the file is read only where it is not known."""
        path = Path(path).absolute()
        stat = path.stat()
        state: Row = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        known = self._of(path.parent).get(path.name)
        if known and known[:3] == state and len(known) == 4:
            return str(known[3])
        settled = time.time_ns() - stat.st_mtime_ns > SETTLED
        digest = files.sha256(path)
        if settled:
            row: Row = [*state, digest]
            self._of(path.parent)[path.name] = row
            self._found.setdefault(path.parent, {})[path.name] = row
        return digest

    def keep(self) -> None:
        """Write down what was found, beside what others found meanwhile."""
        for folder, found in self._found.items():
            place = _entry(folder)
            if place.only_reads():
                continue
            with place.lock():
                place.commit(meta={"files": _rows(place) | found})

    def _of(self, folder: Path) -> dict[str, Row]:
        if folder not in self._known:
            self._known[folder] = _rows(_entry(folder))
        return self._known[folder]


@contextmanager
def remembered() -> Iterator[Hashes]:
    """Hash many files, and remember them for the next time."""
    hashes = Hashes()
    try:
        yield hashes
    finally:
        with suppress(MirctlError):  # a full disk costs the next run the hashing, no more
            hashes.keep()


def _entry(folder: Path) -> Entry:
    name = hashlib.sha256(str(folder).encode("utf-8", "surrogateescape")).hexdigest()
    return entry("digests", name, what=ascii(str(folder))[1:-1])


def _rows(place: Entry) -> dict[str, Row]:
    rows = place.read().meta.get("files", {})
    return rows if isinstance(rows, dict) else {}
