"""What a command line asks for, made into a recipe and its changes."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from mirctl import files, places
from mirctl.errors import DataError, UsageError, suggest
from mirctl_rl.config import ENVIRONMENTS, LLM, TEACHERS

TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
CONTROLS = tuple(name for name in get_args(TEACHERS) if name != LLM)
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


def teacher(
    simulator: str, model: str, told: Mapping[str, object], settings: Sequence[str]
) -> tuple[str, list[str]]:
    """The recipe of `rl distill`, changed: for a language model, `told` to it, or for a control."""
    told = {key: value for key, value in told.items() if value is not None}
    if model in CONTROLS:
        if told:
            raise UsageError(f"--tokens and --prompt go with a language model, not with {model!r}")
        named: dict[str, object] = {"teacher": model, "llm": None}
    else:
        _refuse_misspelt(model)
        named = {"teacher": LLM, "llm.model": model, **told}
    chosen = {"simulator": simulator, **named}
    return "rl/distill", [*settings, *(f"{key}={json.dumps(chosen[key])}" for key in chosen)]


def _refuse_misspelt(model: str) -> None:
    """A control's name with a slip in it would be looked for on the hub."""
    hint = suggest(model, CONTROLS)
    if hint and not re.search("[/:]", model) and not os.path.exists(model):
        raise UsageError(f"--llm {model!r} is no control{hint}")


def _inside(folder: Path, stems: Sequence[str]) -> Path | None:
    names = [f"{stem}{suffix}" for stem in stems for suffix in TABLES]
    return next((folder / name for name in names if os.path.isfile(folder / name)), None)
