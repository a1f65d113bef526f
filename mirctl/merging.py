"""`mirctl artifact merge`: what was made with `--shard`, put together."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirctl import artifact, files, places, plugins
from mirctl.artifact import Artifact
from mirctl.errors import ArtifactError, DataError, MirctlError, UsageError
from mirctl.tables import goes_through, join

_PART = re.compile(r"(?P<before>.*?)(?P<index>\d{1,9})-of-(?P<of>\d{1,9})(?P<after>\D.*)?")
Part = tuple[int, int, str]
"""(index, of how many), from 1, and what the parts of one whole share in their names."""


def merge(parts: Sequence[Path], out: str, *, force: bool) -> dict[str, Any]:
    """Join parts of a table, or artifacts that are shards, and report what was made."""
    if not parts:
        raise UsageError("name the parts: mirctl artifact merge PART... --out OUT")
    _refuse_twice(parts, out)
    if any(map(_is_artifact, parts)):
        return _artifacts(parts, Path(out), force=force)
    if not goes_through(out):
        files.refuse_to_overwrite(Path(out), force=force, marker=None)
    ordered = _ordered({path: _named(path) for path in parts}, DataError)
    return {"out": out, "parts": len(parts), "rows": join(ordered, out)}


def _is_artifact(path: Path) -> bool:
    kind = ArtifactError if os.path.isdir(path) else DataError
    with files.unreadable_is(kind, path):
        return places.seen(path / files.MANIFEST).is_file()


def _refuse_twice(parts: Sequence[Path], out: str) -> None:
    """Raise a UsageError for a part that is there twice, or that the whole would overwrite."""
    known: set[Path] = set()
    for path in parts:
        real = Path(os.path.realpath(path))
        if real in known:
            raise UsageError("is given twice", where=str(path))
        if real == Path(os.path.realpath(out)) and not goes_through(out):
            raise UsageError("is one of the parts: choose another --out", where=out)
        known.add(real)


def _artifacts(parts: Sequence[Path], out: Path, *, force: bool) -> dict[str, Any]:
    files.refuse_to_overwrite(out, force=force)
    opened = {path: artifact.open_artifact(path) for path in parts}
    kinds = {kind.kind: kind for kind in plugins.results("mirctl_artifact_kinds")}
    wanted = opened[parts[0]].manifest.kind
    for path, art in opened.items():
        if art.manifest.kind != wanted:
            told = f"is of kind {art.manifest.kind}, and {parts[0]} of {wanted}"
            raise ArtifactError(told, where=str(path))
    if wanted not in kinds or not kinds[wanted].merge:
        raise UsageError(f"{wanted} is no kind that is made in shards", where=str(parts[0]))
    ordered = _ordered({path: _facts(art) for path, art in opened.items()}, ArtifactError)
    plugins.import_function(kinds[wanted].merge)([opened[path] for path in ordered], out, force)
    return {"out": str(out), "parts": len(parts)}


def _facts(art: Artifact) -> Part | None:
    """What a manifest says of its shard."""
    told = art.manifest.facts.get("shard")
    if not (isinstance(told, list) and len(told) == 2 and all(type(n) is int for n in told)):
        raise ArtifactError("its manifest names no shard", where=str(art.folder))
    return told[0], told[1], ""


def _named(path: Path) -> Part | None:
    """What a name such as full-3-of-8.csv says."""
    match = _PART.fullmatch(path.name)
    if not match:
        return None
    return int(match["index"]), int(match["of"]), f"{match['before']}i-of-n{match['after'] or ''}"


def _ordered(parts: dict[Path, Part | None], wrong: type[MirctlError]) -> list[Path]:
    """By what every part says of itself, which must be all of one whole; else as they are given."""
    if None in parts.values():
        return [*parts]
    first = next(iter(parts))
    _, of, name = parts[first]
    by_index: dict[int, Path] = {}
    for path, (index, its, named) in parts.items():
        if its != of:
            raise wrong(f"is one of {its} parts, and {first} one of {of}", where=str(path))
        if named != name:
            raise wrong(f"is a part of another whole than {first}", where=str(path))
        if index in by_index:
            told = f"is part {index} of {of}, and so is {by_index[index]}"
            raise wrong(told, where=str(path))
        by_index[index] = path
    missing = [str(i) for i in range(1, min(of, 10**6) + 1) if i not in by_index]
    if missing or len(by_index) != of:
        more = ", ..." if len(missing) > 10 else ""
        lacking = f"part {', '.join(missing[:10])}{more} is missing" if missing else "is no part"
        raise wrong(f"is one of {of} parts: {lacking}", where=str(first))
    return [by_index[index] for index in sorted(by_index)]
