"""One entry of the cache: a folder and the record of the files in it."""

import json
import os
import re
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

from mirctl import console, files, locks, places
from mirctl.errors import UsageError

RECORD = "entry.json"
NAME = re.compile(r"[^./\\\s\0-\x1f][^/\\\0-\x1f]{0,199}")
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
            if not NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot name a folder of the cache")

    @property
    def folder(self) -> Path:
        return root() / self.section / self.key

    def only_reads(self) -> bool:
        """Does its folder, or where it would be made, let nobody write?"""
        lock = self.folder / locks.LOCK
        place = next(
            path for path in (lock, self.folder, *self.folder.parents) if os.path.exists(path)
        )
        # What another process removes in the middle of this lets nobody write, and is not there.
        return any(
            not places.may_write(path) and os.path.exists(path) for path in {place, lock.parent}
        )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold this entry alone among all processes and threads; free to the thread that has it."""
        folder = self.folder
        held: set[Path] = _held.__dict__.setdefault("folders", set())
        if folder in held:
            yield
            return
        what = f"{self.what or f'{self.section}/{self.key}'} in the cache"
        with locks.held(folder, what):
            held.add(folder)
            try:
                yield
            finally:
                held.discard(folder)

    def keep_while(self, user: object) -> None:
        """Let nobody remove the entry while `user` lives; call it with the lock held."""
        handle = locks.share(self.folder)
        if handle is not None:
            weakref.finalize(user, os.close, handle)

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
            with readable():
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
        megabytes = sum(facts["size"] for facts in record.files.values()) // 10**6
        damaged = []
        with console.progress(f"checking {self.what or self.key}", megabytes, "MB") as advance:
            for name, facts in record.files.items():
                if not _whole(self.folder / name, facts):
                    damaged.append(name)
                advance(facts["size"] // 10**6)
        return damaged

    def touch(self) -> None:
        """Mark the entry as used now; a read-only cache stays as it is."""
        with suppress(OSError):
            os.utime(self.folder / RECORD)


def root() -> Path:
    """$MIRCTL_CACHE, else mirctl's folder in the user's cache."""
    own = os.environ.get("MIRCTL_CACHE")
    if own:
        return files.expanded(own).absolute()
    shared = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return files.expanded(shared).absolute() / "mirctl"


@contextmanager
def readable() -> Iterator[None]:
    """Tell a cache that may not be read as what it is: a wrong setting."""
    try:
        yield
    except PermissionError as error:
        todo = "check its permissions, or let MIRCTL_CACHE name another folder"
        raise UsageError(f"the cache cannot be read: {todo}", where=error.filename) from error


def entry(section: str, key: str, what: str = "") -> Entry:
    """The entry of a key; its folder is made by the first lock. `what` is a line for people."""
    return Entry(section, key, what)


def _checked(name: Any) -> str:
    """A recorded file name: a relative path of plain parts."""
    if not isinstance(name, str) or not all(map(NAME.fullmatch, name.split("/"))):
        raise ValueError(f"{name!r} cannot name a file of the cache")
    if name in (RECORD, locks.LOCK, locks.USE):
        raise ValueError(f"{name!r} belongs to the cache itself")
    return name


def _describe(folder: Path, name: str) -> FileRecord:
    path = folder / _checked(name)
    return {"size": path.stat().st_size, "sha256": files.sha256(path)}


def _parse(text: str) -> Record:
    found = files.json_value(text)
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
