"""The files and folders that a run reads: found in its config, hashed for the record."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirctl import cache, console, files, recipe
from mirctl.errors import DataError, UsageError
from mirctl.section import Relative, Section

MOST_FILES = 2_000_000
"""A folder with more is hardly one of data."""


@dataclass(frozen=True)
class Input:
    """A path in a config, by its dotted key."""

    key: str
    path: Path
    hashed: bool = True
    skip: tuple[str, ...] = ()
    """Folders in it with one of these words in their name are not read."""

    def files(self) -> list[Path]:
        """The file itself, or every file of a folder, by name."""
        if not self.path.is_dir():
            return [self.path] if self.path.is_file() else []
        found: list[Path] = []
        if self.path == Path(self.path.anchor):
            raise DataError(f"{self.key}: is the whole disk: name a folder", where=str(self.path))
        for place, folders, names in os.walk(self.path):
            if len(found) > MOST_FILES:
                told = f"{self.key}: holds over {MOST_FILES:,} files: name the folder of the data"
                raise DataError(told, where=str(self.path))
            if Path(place) == self.path:
                folders[:] = [n for n in folders if not any(w in n.lower() for w in self.skip)]
            found += [Path(place, name) for name in names]
        return sorted(path for path in found if path.is_file())


def find(config: Section) -> list[Input]:
    """Every file or folder that a config reads; models are no inputs, they are resolved by name."""
    found: list[Input] = []

    def note(key: str, path: Path, marker: Relative) -> Path:
        found.append(Input(key, path, marker.hashed, marker.skip))
        return path

    recipe.map_paths(config, note, models=False)
    return found


def refuse_unnameable(config: Section, out: Path) -> None:
    """Raise a UsageError for a path that the artifact's recipe, which is UTF-8, could not name."""

    def check(key: str, path: Path, _: Relative) -> Path:
        try:
            os.path.relpath(path, out).encode() if path.is_absolute() else None
        except UnicodeEncodeError as error:
            raise UsageError(f"{key}: {str(path)!a} is not UTF-8: rename it") from error
        return path

    recipe.map_paths(config, check)


def describe(config: Section) -> list[dict[str, Any]]:
    """Name, path, size and sha256 of each input; a folder counts by all its files."""
    every = [(item, item.files()) for item in find(config) if item.hashed]
    count = sum(len(paths) for _, paths in every)
    with (
        cache.remembered() as known,
        console.progress("hashing the inputs", count, "files") as advance,
    ):

        def sha256(path: Path) -> str:
            advance(1)
            with files.unreadable_is(DataError, path):
                return known.sha256(path)

        described = []
        for item, paths in every:
            facts = {"name": item.key, "path": str(item.path)}
            if item.path.is_dir():
                listing = [(str(p.relative_to(item.path)), sha256(p)) for p in paths]
                digest = hashlib.sha256(json.dumps(listing).encode()).hexdigest()
                described.append({**facts, "files": len(listing), "sha256": digest})
            elif paths:
                size = item.path.stat().st_size
                described.append({**facts, "size": size, "sha256": sha256(item.path)})
        return described


def relative(described: Sequence[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """The described inputs with their paths relative to a run's artifact."""
    root = os.path.abspath(folder)
    return [
        {**item, "path": os.path.relpath(item["path"], root)} if "path" in item else item
        for item in described
    ]
