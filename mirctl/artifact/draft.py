"""Writing an artifact's folder: whole or not at all."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mirctl import distributed, files
from mirctl.artifact import card, origin
from mirctl.artifact import manifest as manifests
from mirctl.artifact.group import SHARD_BYTES, write_group
from mirctl.artifact.manifest import Plugin, Source
from mirctl.artifact.store import METRICS
from mirctl.artifact.tensors import Array
from mirctl.errors import ArtifactError


class Draft:
    """An artifact while it is written. Every name is a path relative to the artifact's folder."""

    def __init__(self, folder: Path, out: Path, kind: str, schema: int) -> None:
        self.folder = folder
        self._out = Path(os.path.abspath(out))
        self._fields: dict[str, Any] = {"kind": kind, "schema_version": schema, "facts": {}}
        self._aliases: dict[str, dict[str, str]] = {}
        self._words: card.Words | None = None

    def tensors(
        self,
        name: str,
        tensors: Mapping[str, Array],
        *,
        shard_bytes: int = SHARD_BYTES,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Write NAME.safetensors, or shards and their index; tied tensors are stored once."""
        try:
            aliases = write_group(
                self.file, name, tensors, shard_bytes=shard_bytes, metadata=metadata
            )
        except ValueError as error:
            raise ArtifactError(
                f"{name} cannot be written: {error}", where=str(self._out)
            ) from error
        if aliases:
            self._aliases[name] = aliases

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

    def card(self, words: card.Words) -> None:
        """Let README.md be a card: these words, the metrics, and what `describe` is told."""
        self._words = words

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
            first = manifests.first_problem(error)
            raise ArtifactError(
                f"the lineage is incomplete: {first}", where=str(self._out)
            ) from error
        self._fields |= {key: value for key, value in told.items() if value not in (None, [])}
        self._fields["facts"] |= manifests.plain(facts)

    def seal(self) -> None:
        """Write the card, hash every file, then write the manifest."""
        fields = {
            "format": f"mirctl-artifact/{manifests.FORMAT}.{manifests.MINOR}",
            **self._fields,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": origin.versions(),
            "commit": origin.git_commit(),
        }
        if self._words:
            self.text(card.FILE, card.written(self._words, fields, self._metrics()))
        fields |= {
            "files": {name: _record(self.folder, name) for name in manifests.names(self.folder)},
            "aliases": self._aliases,
        }
        for place, _, _ in os.walk(self.folder):
            files.sync_folder(Path(place))
        files.write_text(self.folder / manifests.FILE, manifests.text(fields))
        try:
            manifests.read_manifest(self.folder)
        except ArtifactError as error:
            raise ArtifactError(
                f"cannot be written: {error.message}", where=str(self._out)
            ) from error

    def _metrics(self) -> dict[str, Any]:
        path = self.folder / METRICS
        return manifests.parse_json(path.read_text(encoding="utf-8")) if path.exists() else {}


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


def _record(folder: Path, name: str) -> dict[str, Any]:
    path = manifests.locate(folder, name)
    with open(path, "rb") as file:
        os.fsync(file.fileno())
    return {"size": path.stat().st_size, "sha256": files.sha256(path)}
