"""What a command line asks for, made into a recipe and its changes."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mirctl import files, places
from mirctl.errors import DataError
from mirctl_rl.config import ENVIRONMENTS

TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
LOGS, ITEMS = ("interactions", "users"), ("items",)


def job(data: str, env: str | None, settings: Sequence[str]) -> tuple[str, list[str]]:
    """A recipe, a table of interactions, or a folder that holds interactions.* and items.*."""
    chosen = [] if env is None else [f"env={json.dumps(env)}"]
    path = Path(data)
    with files.unreadable_is(DataError, path):
        folder = places.seen(path).is_dir() and not (path / files.MANIFEST).exists()
    if folder:
        log, items = _inside(path, LOGS), _inside(path, ITEMS)
        if log is None:
            told = "holds no interactions.csv, .tsv, .jsonl or .parquet (nor users.*)"
            raise DataError(told, where=data)
    elif path.suffix in TABLES:
        if not path.exists():
            raise DataError("no such file", where=data)
        log, items = path, None
    else:
        return data, [*chosen, *settings]
    base = env if env in ENVIRONMENTS else ENVIRONMENTS[0]
    tables = {"interactions": str(log), "items": None if items is None else str(items)}
    named = [f"data.{key}={json.dumps(value)}" for key, value in tables.items()]
    return f"rl/{base}", [*named, *chosen, *settings]


def settings(told: Mapping[str, str | int | None]) -> list[str]:
    """What was given, as changes of a recipe."""
    return [f"{key}={json.dumps(value)}" for key, value in told.items() if value is not None]


def preferences(name: str) -> list[str]:
    """Changes that name a table, or an artifact, and not the other one."""
    own, other = (
        ("table", "preferences") if Path(name).suffix in TABLES else ("preferences", "table")
    )
    return [f"{own}={json.dumps(name)}", f"{other}=null"]


def _inside(folder: Path, stems: Sequence[str]) -> Path | None:
    names = [f"{stem}{suffix}" for stem in stems for suffix in TABLES]
    return next((folder / name for name in names if os.path.isfile(folder / name)), None)
