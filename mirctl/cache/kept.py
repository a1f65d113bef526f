"""Small results that were computed before, found by the content they were computed from.

An entry's files are immutable safetensors of `keys` (rows, 32), the `ends` (rows,) of each row's
bytes, and the `bytes` of all rows, one behind the other.
"""

import hashlib
import time
from collections.abc import Mapping
from contextlib import nullcontext

import numpy as np
from safetensors.numpy import load_file, save

from mirctl import console, files
from mirctl.cache.entry import entry
from mirctl.console import counted

COMMIT_SECONDS = 30.0
MOST_FILES = 8


class Kept:
    """Content key -> bytes, under the key of what computes them.

    In a cache that only lets read, what is added stays in memory.
    """

    def __init__(self, section: str, key: str, what: str) -> None:
        self.entry = entry(section, key, what=what)
        self.writable = not self.entry.only_reads()
        self.found: dict[bytes, bytes] = {}
        self.new: dict[bytes, bytes] = {}
        self.committed = time.monotonic()
        with self.entry.lock() if self.writable else nullcontext():
            damaged = self._read()
            if damaged and self.writable:
                self.entry.commit(drop=damaged)
        if not self.writable:
            console.warn(f"{self.entry.folder} only lets read: new {what} are not kept")
        elif self.found:
            self.entry.touch()

    def add(self, results: Mapping[bytes, bytes]) -> None:
        """Take new ones; those of half a minute are written together."""
        self.found.update(results)
        self.new.update(results)
        if time.monotonic() - self.committed > COMMIT_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Write down what is new."""
        if self.new and self.writable:
            self._write(self.new)
        self.new = {}
        self.committed = time.monotonic()

    def compact(self) -> None:
        """Join many files into one."""
        if self.writable and len(self.entry.read().files) > MOST_FILES:
            with self.entry.lock():
                self._read()  # others may have written meanwhile
                self._write(self.found, drop=tuple(self.entry.read().files))

    def _write(self, results: Mapping[bytes, bytes], drop: tuple[str, ...] = ()) -> None:
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

    def _read(self) -> tuple[str, ...]:
        """Take in all files; names of the damaged ones."""
        recorded = self.entry.read().files
        damaged = tuple(name for name in self.entry.damaged() if name in recorded)
        if damaged:
            what = f"{counted(len(damaged), 'cached file')} of {self.entry.what}"
            console.warn(f"damaged: {what}, which are made again")
        for name in recorded.keys() - set(damaged):
            self.found |= _rows(load_file(self.entry.folder / name))
        return damaged


def _rows(tensors: Mapping[str, np.ndarray]) -> dict[bytes, bytes]:
    keys, ends, content = tensors["keys"], tensors["ends"].tolist(), tensors["bytes"].tobytes()
    starts = [0, *ends[:-1]]
    return {key.tobytes(): content[a:b] for key, a, b in zip(keys, starts, ends, strict=True)}
