"""Small results that were computed before, found by the content they were computed from.

An entry's files are immutable safetensors of `keys` (rows, 32), the `ends` (rows,) of each row's
bytes, and the `bytes` of all rows, one behind the other. They stay mapped: a known row takes 16
bytes of memory, whatever its result takes.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from mirctl import console, files
from mirctl.artifact.tensors import open_tensors
from mirctl.cache.entry import entry
from mirctl.console import counted

COMMIT_SECONDS = 30.0
SMALL = 16 << 20
"""Bytes that are held until they are written; many files of fewer become one."""
MOST_FILES = 8
"""Small ones."""


class Kept:
    """Content key -> bytes, under the key of what computes them.

    In a cache that only lets read, what is added stays in memory.
    """

    def __init__(self, section: str, key: str, what: str) -> None:
        self.entry = entry(section, key, what=what)
        self.writable = not self.entry.only_reads()
        self.rows: dict[str, Rows] = {}
        """By the names of their files."""
        self.new: dict[bytes, bytes] = {}
        """What is not written down."""
        self.size, self.committed = 0, time.monotonic()
        with self.entry.lock() if self.writable else nullcontext():
            self.damaged = self._damaged()
            if self.damaged and self.writable:
                self.entry.commit(drop=self.damaged)
            self._pick_up()
        if not self.writable:
            console.warn(f"{self.entry.folder} only lets read: new {what} are not kept")
        elif self.rows:
            self.entry.touch()

    def find(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The results that are known."""
        found = {key: self.new[key] for key in keys if key in self.new}
        for rows in self.rows.values():
            found |= rows.find([key for key in keys if key not in found])
        return found

    def add(self, results: Mapping[bytes, bytes]) -> None:
        """Take new ones; those of half a minute are written together, unless they are many."""
        self.new.update(results)
        self.size += sum(map(len, results.values()))
        if self.size > SMALL or time.monotonic() - self.committed > COMMIT_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Write down what is new, and see what others wrote."""
        self.committed = time.monotonic()
        if self.new and self.writable:
            self._write(self.new)
            self.new, self.size = {}, 0
        elif self.writable:
            with self.entry.lock():
                self._pick_up()

    def compact(self) -> None:
        """Join many small files."""
        if not self.writable or len(self._small()) <= MOST_FILES:
            return
        with self.entry.lock():
            self._pick_up()  # others may have written meanwhile
            for names in _groups(self._small()):
                self._write({k: v for n in names for k, v in self.rows[n].all()}, drop=names)

    def _small(self) -> dict[str, int]:
        """Names and sizes of small files."""
        sizes = {name: facts["size"] for name, facts in self.entry.read().files.items()}
        return {name: size for name, size in sizes.items() if size < SMALL}

    def _write(self, results: Mapping[bytes, bytes], drop: Sequence[str] = ()) -> None:
        content = save(
            {
                "keys": np.frombuffer(b"".join(results), np.uint8).reshape(-1, 32),
                "ends": np.cumsum([len(result) for result in results.values()], dtype=np.int64),
                "bytes": np.frombuffer(b"".join(results.values()), np.uint8),
            }
        )
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.safetensors"
        with self.entry.lock():
            files.write_bytes(self.entry.folder / name, content)
            self.entry.commit(add=(name,), drop=tuple(set(drop) - {name}))
            self._pick_up()

    def _damaged(self) -> tuple[str, ...]:
        """Names of the damaged files, which are told."""
        recorded = self.entry.read().files
        damaged = tuple(name for name in self.entry.damaged() if name in recorded)
        if damaged:
            what = f"{counted(len(damaged), 'cached file')} of {self.entry.what}"
            console.warn(f"damaged: {what}, which are made again")
        return damaged

    def _pick_up(self) -> None:
        """Map the files that are recorded now."""
        recorded = [name for name in self.entry.read().files if name not in self.damaged]
        self.rows = {
            name: self.rows.get(name) or Rows(self.entry.folder / name) for name in recorded
        }


class Rows:
    """The results in one file, which stay there until they are asked for."""

    def __init__(self, path: Path) -> None:
        tensors = open_tensors(path)
        self.keys, self.ends, self.bytes = (
            tensors[name].numpy() for name in ("keys", "ends", "bytes")
        )
        heads = _heads(self.keys)
        self.order = np.argsort(heads, kind="stable")
        self.heads = heads[self.order]

    def find(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The results of those of these keys that are here."""
        wanted = np.frombuffer(b"".join(keys), np.uint8).reshape(-1, 32)
        at = np.searchsorted(self.heads, _heads(wanted)).clip(max=len(self.order) - 1)
        rows = self.order[at]
        there = np.flatnonzero((self.keys[rows] == wanted).all(1))
        return {keys[n]: self._of(int(rows[n])) for n in there}

    def all(self) -> Iterator[tuple[bytes, bytes]]:
        """Every key and its result."""
        return ((key.tobytes(), self._of(row)) for row, key in enumerate(self.keys))

    def _of(self, row: int) -> bytes:
        start = self.ends[row - 1] if row else 0
        return self.bytes[start : self.ends[row]].tobytes()


def _heads(keys: np.ndarray) -> np.ndarray:
    """(rows, 32) -> (rows,) their first eight bytes as a number."""
    return np.ascontiguousarray(keys[:, :8]).view(np.uint64)[:, 0]


def _groups(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Names of files that are SMALL together, or a little more."""
    group: list[str] = []
    for name in sizes:
        group.append(name)
        if sum(sizes[of] for of in group) >= SMALL:
            yield group
            group = []
    if group:
        yield group
