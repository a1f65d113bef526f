"""What of an artifact leaves this machine: all of its files, and no place of this machine."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirctl import yaml12
from mirctl.artifact import Artifact, card, manifest, open_artifact, verify
from mirctl.artifact.store import RECIPE
from mirctl.errors import ArtifactError
from mirctl.hub.artifacts import PICKLES

SMALL = 8 << 20
"""Bytes up to which a file is read whole, so that what was hashed is what is sent."""


@dataclass(frozen=True)
class Shared:
    """The files as they will stand elsewhere: their bytes, or the path of a large one."""

    kind: str
    digest: str
    contents: dict[str, bytes | Path]
    records: dict[str, manifest.FileRecord]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(record.size for record in self.records.values())


def share(folder: Path) -> Shared:
    """The artifact of a folder, if it is whole, without the places of what it was made from.

    In its recipe, a path outside the artifact becomes `./KEY.SUFFIX`, and README.md is its card.
    The digest is that of what is sent; the fact `shared_from` keeps the one it had here. An
    artifact that came from the hub is shared as it is.
    """
    art = open_artifact(folder)
    if problems := verify(folder):
        raise ArtifactError("; ".join(problems), where=str(folder))
    if loose := [name for name in art.manifest.files if Path(name).suffix.lower() in PICKLES]:
        raise ArtifactError(
            f"{loose[0]} is no safetensors file, and could run code elsewhere", where=str(folder)
        )
    contents = {name: _content(art.path(name)) for name in art.manifest.files}
    if RECIPE in contents:
        contents[RECIPE] = _placeless(art)
    contents[card.FILE] = card.card(art).encode()
    fields = _fields(art, contents)
    contents[manifest.FILE] = manifest.text(fields).encode()
    _refuse_places(contents, art)
    records = manifest.Manifest.model_validate(fields).files
    records = {**records, manifest.FILE: _record(contents[manifest.FILE])}
    return Shared(art.manifest.kind, fields["digest"], contents, records)


def _content(path: Path) -> bytes | Path:
    return path.read_bytes() if path.stat().st_size <= SMALL else path


def _fields(art: Artifact, contents: dict[str, bytes | Path]) -> dict[str, Any]:
    """The manifest of what is sent; of an artifact in which nothing changes it is the same."""
    fields = manifest.parse_json((art.folder / manifest.FILE).read_text(encoding="utf-8"))
    for key in ("inputs", "parents"):
        if key in fields:
            fields[key] = [{k: v for k, v in item.items() if k != "path"} for item in fields[key]]
    listed = dict(fields["files"])
    for name, content in contents.items():
        record = _record(content) if isinstance(content, bytes) else None
        if record is None or listed.get(name, {}).get("sha256") == record.sha256:
            continue
        if name not in (RECIPE, card.FILE):
            raise ArtifactError(f"{name} changed while it was read", where=str(art.folder))
        listed[name] = record.model_dump()
    if listed != fields["files"]:
        fields["files"] = dict(sorted(listed.items()))
        fields["facts"] = {**fields.get("facts", {}), "shared_from": art.manifest.digest}
    return {**fields, "digest": manifest.digest(fields)}


def _record(content: bytes) -> manifest.FileRecord:
    digest = hashlib.sha256(content).hexdigest()
    return manifest.FileRecord(size=len(content), sha256=digest)


def _placeless(art: Artifact) -> bytes:
    """The recipe with each path that leads out of the artifact as a name that says what belongs
    there; what stays in it, it keeps byte for byte.
    """
    tree, _ = art.recipe()
    moved = _without_places(tree, "")
    return yaml12.dump(moved).encode() if moved != tree else art.path(RECIPE).read_bytes()


def _without_places(value: Any, key: str) -> Any:
    """A stored recipe's paths are relative to the artifact: one that leads out starts with `..`."""
    if isinstance(value, dict):
        return {k: _without_places(v, f"{key}.{k}" if key else str(k)) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_places(item, f"{key}.{n}") for n, item in enumerate(value)]
    if isinstance(value, str) and (value == ".." or value.startswith("../")):
        suffix = Path(value).suffix
        return f"./{key}{suffix if len(suffix) <= len('.parquet') else ''}"
    return value


def _refuse_places(contents: dict[str, bytes | Path], art: Artifact) -> None:
    """Raise where a file names a folder of this machine all the same."""
    here = {Path.home(), Path.cwd(), art.folder.absolute().parent, art.folder.resolve().parent}
    marks = {bytes(place) + b"/": place for place in here if place != Path("/")}
    for name, content in contents.items():
        for mark, place in marks.items():
            if isinstance(content, bytes) and mark in content:
                raise ArtifactError(
                    f"{name} names {place}, a folder of this machine, so nothing is sent: what "
                    "wrote it should keep paths in inputs and recipe alone",
                    where=str(art.folder),
                )
