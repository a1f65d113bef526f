"""A content-addressed cache on disk, safe for several processes.

An entry is a folder `root/section/key` with an `entry.json` that lists its files. What stands
there is the entry; other files are leftovers of a process that was killed, and nobody reads them.
To add to an entry: take its lock, write new files (never over a listed one), `commit` them.
"""

import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

from mirctl import console, files
from mirctl.errors import RunError, UsageError

RECORD, LOCK, REMOVED = "entry.json", ".lock", ".removed-"
PATIENCE = 2.0
_NAME = re.compile(r"[^./\\\s\0-\x1f][^/\\\0-\x1f]{0,199}")
_held = threading.local()


class FileRecord(TypedDict):
    size: int
    sha256: str


@dataclass(frozen=True)
class Record:
    """What an entry.json says; all empty where there is no entry."""

    what: str = ""
    created: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    files: dict[str, FileRecord] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One folder of the cache, which need not exist yet."""

    section: str
    key: str
    what: str = ""

    def __post_init__(self) -> None:
        for name in (self.section, self.key):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot name a folder of the cache")

    @property
    def folder(self) -> Path:
        return root() / self.section / self.key

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold this entry alone among all processes and threads; free to the thread that has it."""
        folder = self.folder
        held: set[Path] = _held.__dict__.setdefault("folders", set())
        if folder in held:
            yield
            return
        handle = _acquire(folder, self.what or f"{self.section}/{self.key}")
        held.add(folder)
        try:
            yield
        finally:
            held.discard(folder)
            os.close(handle)

    def read(self) -> Record:
        """What is recorded now; empty for an absent entry and, with a warning, a broken one."""
        try:
            return self.recorded()
        except ValueError as error:
            console.warn(f"{self.folder / RECORD} is damaged ({error}): the entry counts as absent")
            return Record()

    def recorded(self) -> Record:
        """As `read`, but a ValueError where entry.json is broken."""
        try:
            return _parse((self.folder / RECORD).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return Record()

    def commit(
        self,
        add: Sequence[str] = (),
        drop: Sequence[str] = (),
        meta: dict[str, Any] | None = None,
    ) -> None:
        """Record files already written, forget others, replace `meta`: all at once or nothing."""
        with self.lock():
            old = self.read()
            fresh = {name: _describe(self.folder, name) for name in add}
            gone = [name for name in drop if name not in fresh]
            kept = {name: facts for name, facts in old.files.items() if name not in gone}
            record = {
                "what": self.what or old.what,
                "created": old.created or datetime.now(UTC).isoformat(timespec="seconds"),
                "meta": old.meta if meta is None else meta,
                "files": kept | fresh,
            }
            files.write_text(self.folder / RECORD, json.dumps(record, ensure_ascii=False) + "\n")
            for name in gone:
                (self.folder / _checked(name)).unlink(missing_ok=True)

    def damaged(self) -> list[str]:
        """Names of recorded files that are missing or whose bytes changed."""
        try:
            record = self.recorded()
        except ValueError:
            return [RECORD]
        return [
            name for name, facts in record.files.items() if not _whole(self.folder / name, facts)
        ]

    def touch(self) -> None:
        """Mark the entry as used now; a read-only cache stays as it is."""
        with suppress(OSError):
            os.utime(self.folder / RECORD)


@dataclass(frozen=True)
class Usage:
    """An entry with its bytes on disk and the time of its last use, in seconds since 1970."""

    entry: Entry
    size: int
    used: float


def root() -> Path:
    """$MIRCTL_CACHE, else mirctl's folder in the user's cache."""
    own = os.environ.get("MIRCTL_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    shared = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(shared).expanduser().absolute() / "mirctl"


def entry(section: str, key: str, what: str = "") -> Entry:
    """The entry of a key; its folder is made by the first lock. `what` is a line for people."""
    return Entry(section, key, what)


def entries() -> Iterator[Entry]:
    """Every entry there is, by section and key, also those left unfinished."""
    for section in _folders(root()):
        for folder in _folders(section):
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


def size_text(count: int) -> str:
    """Bytes as people say them: 812 B, 4.2 MB."""
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"


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
    fits into `max_bytes`. An entry that somebody has locked stays.
    """
    items = usage()
    total = sum(item.size for item in items)
    now = time.time()
    removed = []
    for item in items:
        unfinished = not (item.entry.folder / RECORD).exists()
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
    """Remove a whole entry; False where somebody has it locked."""
    with files.full_disk_is_an_error(entry.folder), _lock_if_free(entry.folder) as free:
        if free:
            _remove_locked(entry)
        return free


def _remove_unused(item: Usage) -> bool:
    """Remove an entry, unless somebody has it locked or used it since it was listed."""
    folder = item.entry.folder
    with files.full_disk_is_an_error(folder), _lock_if_free(folder) as free:
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
    with files.full_disk_is_an_error(entry.folder), _lock_if_free(entry.folder) as free:
        try:
            known = {RECORD, LOCK, *entry.recorded().files}
        except ValueError:
            return
        for path in _contents(entry.folder) if free else ():
            if path.relative_to(entry.folder).as_posix() not in known:
                path.unlink(missing_ok=True)


def _acquire(folder: Path, what: str) -> int:
    """Wait for the lock of a folder and return its handle; closing that sets the lock free."""
    while True:
        with files.full_disk_is_an_error(folder):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
            except FileNotFoundError:
                continue
            except (FileExistsError, NotADirectoryError) as error:
                raise UsageError("is not a folder, so no cache", where=error.filename) from error
        try:
            _wait(handle, what)
            if _is_current(handle, folder):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _wait(handle: int, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not _taken(handle):
        if time.monotonic() > end:
            console.say(f"waiting for another process that works on {what} in the cache")
            fcntl.flock(handle, fcntl.LOCK_EX)
            return
        time.sleep(0.05)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EINTR):
            return False
        raise RunError(
            f"its file system has no locks ({error.strerror}): set MIRCTL_CACHE to a local folder",
            where=str(root()),
        ) from error
    return True


def _is_current(handle: int, folder: Path) -> bool:
    """False where the entry was removed while we waited: we then hold the lock of a dead file."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(folder / LOCK))
    except FileNotFoundError:
        return False


@contextmanager
def _lock_if_free(folder: Path) -> Iterator[bool]:
    """Hold an existing entry's lock if nobody has it."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except (FileNotFoundError, NotADirectoryError):
        yield False
        return
    try:
        yield _taken(handle) and _is_current(handle, folder)
    finally:
        os.close(handle)


def _checked(name: Any) -> str:
    """A recorded file name: a relative path of plain parts."""
    if not isinstance(name, str) or not all(map(_NAME.fullmatch, name.split("/"))):
        raise ValueError(f"{name!r} cannot name a file of the cache")
    if name in (RECORD, LOCK):
        raise ValueError(f"{name!r} belongs to the cache itself")
    return name


def _describe(folder: Path, name: str) -> FileRecord:
    path = folder / _checked(name)
    return {"size": path.stat().st_size, "sha256": files.sha256(path)}


def _parse(text: str) -> Record:
    found = json.loads(text)
    if not isinstance(found, dict) or not isinstance(found.get("files"), dict):
        raise ValueError("it lists no files")
    texts = {key: str(found.get(key, "")) for key in ("what", "created")}
    listed: dict[str, FileRecord] = {}
    for name, facts in found["files"].items():
        match facts:
            case {"size": int(size), "sha256": str(digest)}:
                listed[_checked(name)] = {"size": size, "sha256": digest}
            case _:
                raise ValueError(f"{name!r} has no size and sha256")
    meta = found.get("meta", {})
    if not isinstance(meta, dict):
        raise ValueError("its meta is no object")
    return Record(texts["what"], texts["created"], meta, listed)


def _whole(path: Path, facts: FileRecord) -> bool:
    try:
        return path.stat().st_size == facts["size"] and files.sha256(path) == facts["sha256"]
    except OSError:
        return False


def _folders(folder: Path) -> list[Path]:
    """Folders that may be a section or an entry; ours of removed entries are hidden."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if _NAME.fullmatch(p.name) and p.is_dir())


def _contents(folder: Path) -> list[Path]:
    """Every file below a folder that others may change meanwhile."""
    return [Path(place, name) for place, _, names in os.walk(folder) for name in names]


def _last_use(entry: Entry) -> float:
    for path in (entry.folder / RECORD, entry.folder):
        with suppress(OSError):
            return path.stat().st_mtime
    return 0.0
