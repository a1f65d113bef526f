"""Captions that were written before: found by what the picture is, the model and the settings."""

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import nullcontext

from mirctl import cache, console, files
from mirctl.console import counted

COMMIT_SECONDS = 30.0
MOST_FILES = 8


class Kept:
    """Content key -> caption, under one source's key; files of lines {"sha256", "caption"}.

    In a cache that only lets read, what is added stays in memory.
    """

    def __init__(self, key: str, what: str) -> None:
        self.entry = cache.entry("captions", key, what=what)
        self.writable = not self.entry.only_reads()
        self.found: dict[bytes, str] = {}
        self.new: dict[bytes, str] = {}
        self.committed = time.monotonic()
        with self.entry.lock() if self.writable else nullcontext():
            damaged = self._read()
            if damaged and self.writable:
                self.entry.commit(drop=damaged)
        if not self.writable:
            console.warn(f"{self.entry.folder} only lets read: new captions are not kept")
        elif self.found:
            self.entry.touch()

    def add(self, captions: Mapping[bytes, str]) -> None:
        """Take new ones; those of half a minute are written together."""
        self.found.update(captions)
        self.new.update(captions)
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

    def _write(self, captions: Mapping[bytes, str], drop: tuple[str, ...] = ()) -> None:
        lines = (
            json.dumps({"sha256": key.hex(), "caption": text}, ensure_ascii=False)
            for key, text in captions.items()
        )
        content = "".join(f"{line}\n" for line in lines).encode()
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.jsonl"
        with self.entry.lock():
            files.write_bytes(self.entry.folder / name, content)
            self.entry.commit(add=(name,), drop=drop)

    def _read(self) -> tuple[str, ...]:
        """Take in all files; names of the damaged ones."""
        recorded = self.entry.read().files
        damaged = tuple(name for name in self.entry.damaged() if name in recorded)
        if damaged:
            what = f"{counted(len(damaged), 'cached file')} of {self.entry.what}"
            console.warn(f"damaged: {what}, whose captions are written again")
        for name in recorded.keys() - set(damaged):
            lines = (self.entry.folder / name).read_bytes().splitlines()
            for row in map(json.loads, lines):
                self.found[bytes.fromhex(row["sha256"])] = row["caption"]
        return damaged
