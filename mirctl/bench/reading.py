"""What artifacts record of themselves: quality, cost, and where they were made."""

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirctl import costs, files, hub, places, plugins
from mirctl.artifact import Artifact, open_artifact
from mirctl.console import counted
from mirctl.costs import Cost
from mirctl.errors import ArtifactError, UsageError, suggest
from mirctl.hookspecs import ArtifactKind

MOST_FOLDERS = 20_000
"""In one that is looked through for artifacts."""
FIGURES = ("value", "low", "high", "n")


@dataclass(frozen=True)
class Row:
    """One artifact."""

    name: str
    """The shortest end of its path that tells it from the others."""
    art: Artifact
    metric: str | None
    quality: Mapping[str, Any]
    """FIGURES and `unit` of the metric, as far as they are there."""
    less: bool
    """Is less of the metric better?"""
    cost: Cost
    place: str
    """Device, machine and precision; empty where that is not recorded."""


def read(given: Sequence[str], metric: str | None) -> list[Row]:
    """All artifacts that are named, in that order."""
    kinds = {kind.kind: kind for kind in plugins.results("mirctl_artifact_kinds")}
    rows = [_row(name, folder, metric, kinds) for name, folder in find(given).items()]
    if metric is not None and all(row.metric is None for row in rows):
        known = list(dict.fromkeys(name for row in rows for name in row.art.metrics()))
        hint = suggest(metric, known, f"there are: {', '.join(known) or 'none'}")
        raise UsageError(f"--metric {metric!r} stands in none of the artifacts{hint}")
    return rows


def spent(rows: Sequence[Row]) -> dict[str, Cost]:
    """Name -> cost."""
    return {row.name: row.cost for row in rows}


def find(given: Sequence[str]) -> dict[str, Path]:
    """Name -> folder of each artifact, and of each that stands in a folder which is none."""
    found: dict[Path, tuple[str, ...]] = {}
    for name in given:
        folder = hub.artifact_folder(name)
        local = folder == Path(name)
        for each in _inside(folder) if local else [folder]:
            place = Path(os.path.realpath(each))
            if place in found:
                raise UsageError("is named twice", where=str(each))
            found[place] = Path(os.path.abspath(each)).parts if local else (name,)
    names = _short([*found.values()])
    return dict(zip(names, found, strict=True))


def _inside(folder: Path) -> list[Path]:
    """The folder itself where it claims to be an artifact; else those in it."""
    with files.unreadable_is(ArtifactError, folder):
        if not places.seen(folder).is_dir() or places.seen(folder / files.MANIFEST).exists():
            return [folder]
        found = []
        for count, (place, folders, names) in enumerate(os.walk(folder, onerror=_refuse)):
            if count > MOST_FOLDERS:
                told = f"has more than {MOST_FOLDERS:,} folders: name the artifacts"
                raise UsageError(told, where=str(folder))
            folders[:] = sorted(name for name in folders if not name.endswith(".partial"))
            if files.MANIFEST in names:
                found.append(Path(place))
                folders.clear()
    if not found:
        told = f"is no mirctl artifact, and holds none: there is no {files.MANIFEST}"
        raise ArtifactError(told, where=str(folder))
    return found


def _refuse(error: OSError) -> None:
    raise error


def _short(paths: Sequence[tuple[str, ...]]) -> list[str]:
    """The shortest end of each path that is the end of no other."""
    count = Counter(path[-length:] for path in paths for length in range(1, len(path) + 1))
    ends = (next((p[-n:] for n in range(1, len(p) + 1) if count[p[-n:]] == 1), p) for p in paths)
    return [utf8(os.path.join(*end)) for end in ends]


def utf8(path: str) -> str:
    """A path that a file or a picture can hold: bytes of it that are no letters, as \\udcff."""
    return path.encode(errors="backslashreplace").decode()


def _row(name: str, folder: Path, metric: str | None, kinds: Mapping[str, ArtifactKind]) -> Row:
    art = open_artifact(folder)
    kind = kinds.get(art.manifest.kind)
    every = art.metrics()
    wanted = metric if metric is not None else _headline(every, kind)
    shown = wanted if wanted in every else None
    less = kind is not None and shown in kind.less_is_better
    quality = _figures(every[shown]) if shown is not None else {}
    return Row(name, art, shown, quality, less, costs.cost(art), _place(art))


def _headline(metrics: Mapping[str, Any], kind: ArtifactKind | None) -> str | None:
    """What the kind says; else the first that is no part of another."""
    named = [name for name in (kind.headline if kind else ()) if name in metrics]
    return next(iter([*named, *(name for name in metrics if "/" not in name)]), None)


def _figures(entry: Any) -> dict[str, Any]:
    """Numbers that are some, and the unit."""
    told = entry if isinstance(entry, dict) else {"value": entry}
    found = {key: told[key] for key in FIGURES if _is_number(told.get(key))}
    return {**found, **({"unit": told["unit"]} if isinstance(told.get("unit"), str) else {})}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _place(art: Artifact) -> str:
    """On what a run took its time and memory: runs of another text are not to be compared."""
    recorded = costs.recorded(art)
    machine = recorded.get("machine")
    if not isinstance(machine, dict):
        return ""
    device = (art.manifest.device or "unknown device").partition(":")[0]
    if machine.get("cuda"):
        told = [machine["cuda"]]
    else:
        told = [machine.get("cpu") or machine.get("processor")]
        told += [counted(machine[f"{noun}s"], noun) for noun in ("core", "thread")
                 if type(machine.get(f"{noun}s")) is int]  # fmt: skip
    processes = recorded.get("processes")
    several = [f"{processes} processes"] if processes not in (None, 1) else []
    precision = [recorded["precision"]] if "precision" in recorded else []
    return ", ".join([f"{device} ({', '.join(map(_cut, told))})", *map(_cut, precision + several)])


def _cut(value: Any) -> str:
    return str(value)[:80]
