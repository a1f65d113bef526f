"""Writing an artifact's folder whole or not at all, opening it, and checking that it is whole."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from mirctl import console, files
from mirctl.artifact import manifest as manifests
from mirctl.artifact.manifest import Manifest, Plugin, Source
from mirctl.artifact.tensors import (
    Array,
    Spec,
    Tensors,
    check_tensors,
    layout,
    open_tensors,
    write_tensors,
)
from mirctl.errors import ArtifactError

SHARD_BYTES = 5_000_000_000
_SUFFIX, _INDEX = ".safetensors", ".safetensors.index.json"
_SHARD = re.compile(r"-\d{5}-of-\d{5}\.safetensors$")


class Draft:
    """An artifact while it is written. Every name is a path relative to the artifact's folder."""

    def __init__(self, folder: Path, out: Path, kind: str, schema: int) -> None:
        self.folder = folder
        self._out = Path(os.path.abspath(out))
        self._fields: dict[str, Any] = {"kind": kind, "schema_version": schema, "facts": {}}
        self._aliases: dict[str, dict[str, str]] = {}

    def tensors(
        self,
        name: str,
        tensors: Mapping[str, Array],
        *,
        shard_bytes: int = SHARD_BYTES,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Write NAME.safetensors, or shards and their index; tied tensors are stored once."""
        stored, aliases = _untie(tensors)
        if aliases:
            self._aliases[name] = aliases
        try:
            specs = layout(stored)
        except ValueError as error:
            raise ArtifactError(
                f"{name} cannot be written: {error}", where=str(self._out)
            ) from error
        shards = _shards(specs, shard_bytes)
        if len(shards) == 1:
            write_tensors(self.file(name + _SUFFIX), stored, metadata)
            return
        where = {}
        for number, names in enumerate(shards, 1):
            path = self.file(f"{name}-{number:05}-of-{len(shards):05}{_SUFFIX}")
            write_tensors(path, {key: stored[key] for key in names}, metadata)
            where |= dict.fromkeys(names, path.name)
        total = sum(spec.size for spec in specs.values())
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(where.items()))}
        self.json(name + _INDEX, index)

    def json(self, name: str, content: Any) -> None:
        """Write JSON: the same bytes for the same content, null for NaN."""
        self.text(name, manifests.pretty(content))

    def text(self, name: str, content: str) -> None:
        files.write_text(self.file(name), content)

    def file(self, name: str) -> Path:
        """A path in the draft that the caller writes to; its folder exists."""
        path = manifests.locate(self.folder, name)
        if name == manifests.FILE or path.exists():
            raise ArtifactError(f"{name} is written already", where=str(self._out))
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def describe(
        self,
        *,
        seed: int | None = None,
        device: str | None = None,
        plugin: Mapping[str, str] | None = None,
        inputs: Sequence[Mapping[str, Any]] = (),
        parents: Sequence[Mapping[str, Any]] = (),
        **facts: Any,
    ) -> None:
        """Say how the artifact came about; `facts` is whatever else the kind records.

        Paths of inputs and parents are relative to the artifact, so that both can move together.
        """
        try:
            told = {
                "seed": seed,
                "device": device,
                "plugin": Plugin.model_validate(dict(plugin)).model_dump() if plugin else None,
                "inputs": [_source(item) for item in inputs],
                "parents": [_source(item) for item in parents],
            }
        except ValidationError as error:
            raise ArtifactError(
                f"the lineage is incomplete: {error}", where=str(self._out)
            ) from error
        self._fields |= {key: value for key, value in told.items() if value not in (None, [])}
        self._fields["facts"] |= manifests.plain(facts)

    def seal(self) -> None:
        """Hash every file, then write the manifest."""
        fields = {
            "format": f"mirctl-artifact/{manifests.FORMAT}",
            **self._fields,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": manifests.versions(),
            "commit": manifests.git_commit(),
            "files": {name: _record(self.folder, name) for name in _names(self.folder)},
            "aliases": self._aliases,
        }
        fields["digest"] = manifests.digest(fields)
        Manifest.model_validate(fields)
        files.write_text(self.folder / manifests.FILE, manifests.pretty(fields))


@contextmanager
def create(out: Path, kind: str, schema: int = 1, force: bool = False) -> Iterator[Draft]:
    """Write a new artifact: it appears at `out` once the block ends well, else nothing does."""
    with files.atomic_folder(Path(out), force=force) as folder:
        draft = Draft(folder, Path(out), kind, schema)
        yield draft
        draft.seal()


def _source(item: Mapping[str, Any]) -> dict[str, Any]:
    return Source.model_validate(manifests.plain(item)).model_dump(exclude_none=True)


def _untie(tensors: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, str]]:
    """Tensors that are one and the same memory, as {stored} and {alias: name of the stored one}."""
    stored: dict[str, Array] = {}
    aliases: dict[str, str] = {}
    first: dict[object, str] = {}
    for name, value in sorted(tensors.items()):
        place = _place(value)
        if place is not None and place in first:
            aliases[name] = first[place]
        else:
            stored[name] = value
            first[place] = name
    return stored, aliases


def _place(value: Array) -> object:
    """Where a tensor's data lie; None where it has none, so nothing can be tied to it."""
    if not isinstance(value, Tensor):
        place = value.__array_interface__["data"][0] if getattr(value, "size", 0) else None
        return place and (place, value.shape, value.strides, value.dtype)
    if value.numel() == 0 or value.is_meta:
        return None
    return value.device, value.data_ptr(), value.shape, value.stride(), value.dtype


def _shards(specs: Mapping[str, Spec], limit: int) -> list[list[str]]:
    """Names cut in order into groups of at most `limit` bytes; a larger tensor stands alone."""
    shards: list[list[str]] = []
    room = 0
    for name in sorted(specs):
        if not shards or specs[name].size > room:
            shards.append([])
            room = limit
        shards[-1].append(name)
        room -= specs[name].size
    return shards


def _names(folder: Path) -> list[str]:
    """Every file below a folder, in order; a link counts as a file."""
    found = []
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        found += [Path(place, name).relative_to(folder).as_posix() for name in names + links]
    return sorted(found)


def _record(folder: Path, name: str) -> dict[str, Any]:
    path = manifests.locate(folder, name)
    with open(path, "rb") as file:
        os.fsync(file.fileno())
    return {"size": path.stat().st_size, "sha256": files.sha256(path)}


class Joined(Mapping[str, Tensor]):
    """The tensors of one or several files as one mapping; an alias gives what it stands for."""

    def __init__(self, parts: Sequence[Tensors], aliases: Mapping[str, str]) -> None:
        owners = {name: part for part in parts for name in part}
        for alias, name in aliases.items():
            if alias in owners or name not in owners:
                raise ValueError(f"the alias {alias!r} of {name!r} is not valid")
        self.parts, self.aliases = tuple(parts), dict(aliases)
        self._owners = owners | {alias: owners[name] for alias, name in aliases.items()}

    def __getitem__(self, name: str) -> Tensor:
        return self._owners[name][self.aliases.get(name, name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._owners)

    def __len__(self) -> int:
        return len(self._owners)

    def spec(self, name: str) -> Spec:
        """Shape and type, without touching the data."""
        return self._owners[name].specs[self.aliases.get(name, name)]

    @property
    def metadata(self) -> dict[str, Any]:
        return self.parts[0].metadata


@dataclass(frozen=True)
class Artifact:
    """An opened artifact: its manifest fits its kind and its files have the sizes it lists."""

    folder: Path
    manifest: Manifest

    def path(self, name: str) -> Path:
        """The path of a file that the manifest lists."""
        if name not in self.manifest.files:
            known = ", ".join(self.manifest.files)
            raise ArtifactError(f"holds no {name}; it holds: {known}", where=str(self.folder))
        return manifests.locate(self.folder, name)

    def text(self, name: str) -> str:
        try:
            return self.path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ArtifactError(
                f"{name} cannot be read: {error}", where=str(self.folder)
            ) from error

    def json(self, name: str) -> Any:
        try:
            return manifests.parse_json(self.text(name))
        except ValueError as error:
            raise ArtifactError(f"{name} is no JSON: {error}", where=str(self.folder)) from error

    def groups(self) -> list[str]:
        """The names that `tensors` takes."""
        names = [name for name in self.manifest.files if not _SHARD.search(name)]
        ends = (_INDEX, _SUFFIX)
        return [name.removesuffix(e) for name in names for e in ends if name.endswith(e)]

    def tensors(self, name: str) -> Joined:
        """The tensors written under `name`, mapped."""
        if name not in self.groups():
            known = ", ".join(self.groups()) or "none"
            raise ArtifactError(
                f"holds no tensors {name!r}; it holds: {known}", where=str(self.folder)
            )
        aliases = self.manifest.aliases.get(name, {})
        sharded = name + _INDEX in self.manifest.files
        try:
            parts = self._shards(name) if sharded else [open_tensors(self.path(name + _SUFFIX))]
            return Joined(parts, aliases)
        except ValueError as error:
            raise ArtifactError(f"tensors {name!r}: {error}", where=str(self.folder)) from error

    def _shards(self, name: str) -> list[Tensors]:
        """Open the files an index names; it must name exactly the tensors they hold."""
        index = self.json(name + _INDEX)
        where = index.get("weight_map") if isinstance(index, dict) else None
        if not isinstance(where, dict) or not where:
            raise ValueError("the index has no weight_map")
        if not all(isinstance(file, str) and "/" not in file for file in where.values()):
            raise ValueError("the index names files outside its folder")
        parent = name.rpartition("/")[0]
        names = sorted(set(where.values()))
        parts = [open_tensors(self.path(f"{parent}/{file}" if parent else file)) for file in names]
        held = [(tensor, part.path.name) for part in parts for tensor in part]
        if sorted(held) != sorted(where.items()):
            raise ValueError("the index and the files disagree about the tensors they hold")
        return parts


def open_artifact(path: Path, kind: str | None = None, schema: int | None = None) -> Artifact:
    """Open an artifact; its bytes are trusted, `verify` compares them with the manifest.

    `schema` is the newest schema of the kind that the caller reads.
    """
    folder = Path(path)
    manifest = manifests.read_manifest(folder)
    if kind is not None and manifest.kind != kind:
        raise ArtifactError(f"is of kind {manifest.kind}, not {kind}", where=str(path))
    if schema is not None and manifest.schema_version > schema:
        plugin = manifest.plugin
        written = f"{plugin.name} {plugin.version}" if plugin else str(manifest.versions)
        raise ArtifactError(
            f"has schema {manifest.schema_version} of {manifest.kind}, and this version reads "
            f"{schema}: install the one that wrote it ({written})",
            where=str(path),
        )
    for name, record in manifest.files.items():
        file = manifests.locate(folder, name)
        if not file.is_file():
            raise ArtifactError(f"{name} is missing: the artifact is not whole", where=str(path))
        if file.stat().st_size != record.size:
            size = file.stat().st_size
            raise ArtifactError(f"{name} has {size} bytes, not {record.size}", where=str(path))
    return Artifact(folder, manifest)


def verify(path: Path) -> list[str]:
    """Every problem of an artifact, each naming its file; none means it is whole."""
    folder = Path(path)
    try:
        manifest = manifests.read_manifest(folder)
    except ArtifactError as error:
        return [str(error)]
    problems = []
    with console.progress("verify", len(manifest.files), "files") as advance:
        for name in manifest.files:
            problems += _file_problems(folder, name, manifest)
            advance(1)
    listed = {*manifest.files, manifests.FILE}
    extra = [name for name in _names(folder) if name not in listed and not name.startswith(".")]
    problems += [f"{name}: is not in the manifest" for name in extra]
    return problems or _group_problems(Artifact(folder, manifest))


def _file_problems(folder: Path, name: str, manifest: Manifest) -> list[str]:
    record = manifest.files[name]
    try:
        file = manifests.locate(folder, name)
        if not file.is_file():
            return [f"{name}: is missing"]
        size = file.stat().st_size
        if size != record.size:
            return [f"{name}: has {size} bytes, not {record.size}"]
        if files.sha256(file) != record.sha256:
            return [f"{name}: its bytes changed (sha256 differs)"]
        if name.endswith(_SUFFIX):
            check_tensors(file)
    except (ArtifactError, OSError) as error:
        return [f"{name}: {error}"]
    return []


def _group_problems(art: Artifact) -> list[str]:
    """Whether shards, indexes and aliases fit together, once each file is whole."""
    problems = []
    for group in art.groups():
        try:
            art.tensors(group)
        except ArtifactError as error:
            problems.append(f"{group}: {error.message}")
    strangers = set(art.manifest.aliases) - set(art.groups())
    return problems + [f"{group}: has aliases, but no tensors" for group in sorted(strangers)]
