"""Writing an artifact's folder: whole or not at all."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from mirctl import distributed, files
from mirctl.artifact import manifest as manifests
from mirctl.artifact.manifest import INDEX, SUFFIX, Manifest, Plugin, Source
from mirctl.artifact.tensors import Array, Spec, layout, write_tensors
from mirctl.errors import ArtifactError

SHARD_BYTES = 5_000_000_000


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
            write_tensors(self.file(name + SUFFIX), stored, metadata)
            return
        where = {}
        for number, names in enumerate(shards, 1):
            path = self.file(f"{name}-{number:05}-of-{len(shards):05}{SUFFIX}")
            write_tensors(path, {key: stored[key] for key in names}, metadata)
            where |= dict.fromkeys(names, path.name)
        total = sum(spec.size for spec in specs.values())
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(where.items()))}
        self.json(name + INDEX, index)

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
            "files": {name: _record(self.folder, name) for name in manifests.names(self.folder)},
            "aliases": self._aliases,
        }
        fields["digest"] = manifests.digest(fields)
        Manifest.model_validate(fields)
        files.write_text(self.folder / manifests.FILE, manifests.pretty(fields))


@contextmanager
def create(out: Path, kind: str, schema: int = 1, force: bool = False) -> Iterator[Draft]:
    """Write a new artifact: it appears at `out` once the block ends well, else nothing does.

    Of several processes only the first one writes: for the others the job is done here.
    """
    if distributed.rank():
        raise distributed.Done
    out = files.target(out)
    with files.atomic_folder(out, force=force) as folder:
        draft = Draft(folder, out, kind, schema)
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


def _record(folder: Path, name: str) -> dict[str, Any]:
    path = manifests.locate(folder, name)
    with open(path, "rb") as file:
        os.fsync(file.fileno())
    return {"size": path.stat().st_size, "sha256": files.sha256(path)}
