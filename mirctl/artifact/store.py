"""Opening an artifact, and checking that it is whole."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from mirctl import console, files, places, plugins, yaml12
from mirctl.artifact import manifest as manifests
from mirctl.artifact.manifest import INDEX, MOST_VALUES, SUFFIX, Manifest
from mirctl.artifact.tensors import Spec, Tensors, check_tensors, open_tensors
from mirctl.errors import ArtifactError, MissingError, blamed_on_the_artifact

METRICS, RECIPE = "metrics.json", "recipe.yaml"
T = TypeVar("T")
_LARGEST_TEXT = 256 << 20
_SHARD = re.compile(r"-\d{5}-of-\d{5}\.safetensors$")


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
            path = self.path(name)
            if path.stat().st_size > _LARGEST_TEXT:
                raise ValueError(f"larger than {_LARGEST_TEXT} bytes")
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise ArtifactError(
                f"{name} cannot be read: {error}", where=str(self.folder)
            ) from error

    def json(self, name: str, most_values: int | None = None) -> Any:
        try:
            return manifests.parse_json(self.text(name), most_values)
        except ValueError as error:
            raise ArtifactError(f"{name} is no JSON: {error}", where=str(self.folder)) from error

    def checked(self, name: str, kind: type[T]) -> T:
        """A JSON file as a type of pydantic's, strictly; what does not fit is an ArtifactError."""
        self.json(name)  # pydantic lets repeated keys pass
        try:
            return TypeAdapter(kind).validate_json(self.text(name), strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, (name, *first["loc"])))
            raise ArtifactError(f"{place}: {first['msg']}", where=str(self.folder)) from error

    def metrics(self) -> dict[str, Any]:
        """metrics.json: each a number, or an object with a `value`; empty where there is none."""
        found = self.json(METRICS, MOST_VALUES) if METRICS in self.manifest.files else {}
        if not isinstance(found, dict):
            raise ArtifactError(f"{METRICS} is no object of metrics", where=str(self.folder))
        for name, entry in found.items():
            value = entry.get("value", "") if isinstance(entry, dict) else entry
            if value is not None and type(value) not in (int, float):
                raise ArtifactError(f"{METRICS}: {name} is no number", where=str(self.folder))
        return found

    def recipe(self) -> tuple[dict[str, Any], yaml12.Marks]:
        """recipe.yaml, and where in it each key stands; empty where there is none."""
        if RECIPE not in self.manifest.files:
            return {}, {}
        where = str(self.folder / RECIPE)
        with blamed_on_the_artifact():
            found, marks = yaml12.load(self.text(RECIPE), where)
        if not isinstance(found, dict):
            raise ArtifactError("a recipe is a mapping of keys to values", where=where)
        return found, marks

    def groups(self) -> list[str]:
        """The names that `tensors` takes."""
        names = [name for name in self.manifest.files if not _SHARD.search(name)]
        return [group_of(name) for name in names if name.endswith((INDEX, SUFFIX))]

    def tensors(self, name: str) -> Joined:
        """The tensors written under `name`, mapped."""
        if name not in self.groups():
            known = ", ".join(self.groups()) or "none"
            raise ArtifactError(
                f"holds no tensors {name!r}; it holds: {known}", where=str(self.folder)
            )
        aliases = self.manifest.aliases.get(name, {})
        sharded = name + INDEX in self.manifest.files
        try:
            parts = self._shards(name) if sharded else [open_tensors(self.path(name + SUFFIX))]
            return Joined(parts, aliases)
        except ValueError as error:
            raise ArtifactError(f"tensors {name!r}: {error}", where=str(self.folder)) from error

    def expected_tensors(
        self, group: str, expected: Mapping[str, tuple[torch.dtype, Sequence[int]]]
    ) -> dict[str, Tensor]:
        """The tensors of a group, if names, types and shapes are these and all numbers finite."""
        found = self.tensors(group)
        if other := sorted(found.keys() ^ expected.keys()):
            state = "has no place in" if other[0] in found else "is missing in"
            raise ArtifactError(f"tensor {other[0]!r} {state} {group}", where=str(self.folder))
        for name, (dtype, shape) in expected.items():
            spec = found.spec(name)
            problem = None
            if (spec.dtype, tuple(spec.shape)) != (dtype, tuple(shape)):
                problem = f"is {spec.dtype} {list(spec.shape)}, not {dtype} {list(shape)}"
            elif dtype.is_floating_point and not found[name].isfinite().all():
                problem = "holds what is no finite number"
            if problem:
                told = f"tensor {name!r} of {group} {problem}"
                raise ArtifactError(told, where=str(self.folder))
        return {name: found[name] for name in expected}

    def _shards(self, name: str) -> list[Tensors]:
        """Open the files an index names; it must name exactly the tensors they hold."""
        index = self.json(name + INDEX, MOST_VALUES)
        where = index.get("weight_map") if isinstance(index, dict) else None
        if not isinstance(where, dict) or not where:
            raise ValueError("the index has no weight_map")
        if not all(isinstance(file, str) and "/" not in file for file in where.values()):
            raise ValueError("the index names files outside its folder")
        parent = name.rpartition("/")[0]
        names = sorted({f"{parent}/{file}" if parent else file for file in where.values()})
        if stray := sorted(set(_shard_files(self.manifest, name)) - set(names)):
            raise ValueError(f"the index does not name the shard {stray[0]}")
        parts = [open_tensors(self.path(file)) for file in names]
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
        with files.unreadable_is(ArtifactError, folder / name):
            file = manifests.locate(folder, name)
            size = file.stat().st_size if places.seen(file).is_file() else None
        if size is None:
            raise ArtifactError(f"{name} is missing: the artifact is not whole", where=str(path))
        if size != record.size:
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
    extra = [
        name for name in manifests.names(folder) if name not in listed and not name.startswith(".")
    ]
    problems += [f"{name}: is not in the manifest" for name in extra]
    art = Artifact(folder, manifest)
    return problems or _group_problems(art) or _content_problems(art)


def _file_problems(folder: Path, name: str, manifest: Manifest) -> list[str]:
    record = manifest.files[name]
    try:
        file = manifests.locate(folder, name)
        if not places.seen(file).is_file():
            return [f"{name}: is missing"]
        size = file.stat().st_size
        if size != record.size:
            return [f"{name}: has {size} bytes, not {record.size}"]
        if files.sha256(file) != record.sha256:
            return [f"{name}: its bytes changed (sha256 differs)"]
        if name.endswith(SUFFIX):
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
    problems += [f"{group}: has aliases, but no tensors" for group in sorted(strangers)]
    shards = [name for name in art.manifest.files if _SHARD.search(name)]
    joined = {name for group in art.groups() for name in _shard_files(art.manifest, group)}
    return problems + [f"{name}: no index names it" for name in shards if name not in joined]


def group_of(name: str) -> str:
    """The group of tensors that a file belongs to."""
    return _SHARD.sub("", name).removesuffix(INDEX).removesuffix(SUFFIX)


def _shard_files(manifest: Manifest, group: str) -> list[str]:
    """The shards of a group that the manifest lists."""
    return [name for name in manifest.files if _SHARD.sub("", name) == group != name]


def _content_problems(art: Artifact) -> list[str]:
    """What is wrong inside whole files: for everybody, and for the plugin of the kind."""
    kinds = {kind.kind: kind for kind in plugins.results("mirctl_artifact_kinds")}
    kind = kinds.get(art.manifest.kind)
    try:
        art.metrics()
        art.recipe()
        if kind is not None and art.manifest.schema_version <= kind.schema:
            plugins.import_function(kind.loader)(art.folder)
    except ArtifactError as error:
        return [str(error)]
    except MissingError as error:
        console.warn(f"not looked at by the plugin of {art.manifest.kind}: {error}")
    return []
