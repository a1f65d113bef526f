"""manifest.json: what an artifact is, where it came from, and the sha256 of each of its files."""

import hashlib
import json
import math
import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from mirctl import __version__, files, places
from mirctl.errors import ArtifactError

FORMAT, MINOR = 1, 1
"""1.1 brought the checksum."""
FILE = "manifest.json"
SUFFIX, INDEX = ".safetensors", ".safetensors.index.json"
MOST_FILES = 100_000
MOST_VALUES = 1_000_000
"""In one document; a legible header of 100,000 tensors has about half as many."""
LARGEST = 32 << 20
_UNCOUNTED = ("created", "digest", "checksum")
_ZEROS = "0" * 64
_FORMAT_TEXT = re.compile(r"mirctl-artifact/([1-9]\d{0,8})(?:\.(\d{1,9}))?")
_SHA256 = r"^[0-9a-f]{64}$"


class _Part(BaseModel):
    """A newer minor format may add fields: they are kept, not refused."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class FileRecord(_Part):
    """One file of the artifact."""

    size: int = Field(ge=0, description="Bytes")
    sha256: str = Field(pattern=_SHA256, description="Of the file's bytes")


class Source(_Part):
    """An input, or a parent artifact."""

    name: str = Field(description="Key of the recipe, or what else tells it from the others")
    sha256: str = Field(description="Of an input's bytes, or a parent's digest")
    path: str | None = Field(None, description="Relative to the artifact; may be dropped")
    size: int | None = Field(None, description="Bytes")


class Plugin(_Part):
    """The plugin that wrote the artifact."""

    name: str
    version: str


class Manifest(_Part):
    """manifest.json of a mirctl artifact."""

    format: str = Field(
        pattern=f"^{_FORMAT_TEXT.pattern}$", description="mirctl-artifact/MAJOR[.MINOR]"
    )
    kind: str = Field(description="plugin/what: who can load it")
    schema_version: int = Field(description="Of the kind, counted by its plugin")
    created: str = Field(description="UTC, ISO 8601")
    versions: dict[str, str] = Field(description="mirctl, Python and libraries that wrote it")
    plugin: Plugin | None = None
    seed: int | None = Field(None, description="Of everything random in the run")
    device: str | None = Field(None, description="As torch names it")
    inputs: list[Source] = Field([], description="What the run read")
    parents: list[Source] = Field([], description="Artifacts it was made from")
    commit: str | None = Field(None, description="git commit of the working directory")
    facts: dict[str, JsonValue] = Field({}, description="Whatever else the kind records")
    files: dict[str, FileRecord] = Field(
        max_length=MOST_FILES, description="Every file but manifest.json, by relative path"
    )
    aliases: dict[str, dict[str, str]] = Field(
        {}, description="By group: tied tensor -> the tensor stored in its place"
    )
    digest: str = Field(pattern=_SHA256, description="Identity of the artifact")
    checksum: str | None = Field(
        None, pattern=_SHA256, description="Of this file's bytes with zeros in these 64 places"
    )


def schema() -> dict[str, Any]:
    """The JSON schema of manifest.json."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, **Manifest.model_json_schema()}


def canonical(value: Any) -> str:
    """JSON with one spelling: sorted keys, no spaces."""
    return json.dumps(
        plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def pretty(value: Any) -> str:
    """JSON for people, the same bytes for the same value; keys keep their order."""
    return json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Only what JSON has: numbers of arrays become Python's, NaN and infinity become null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return value.as_posix()
    if getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def parse_json(text: str, most_values: int | None = None) -> Any:
    """Read JSON; a ValueError for repeated keys, endless numbers and endless nesting, and for more
    than `most_values`: they are counted by their commas before any memory is set aside for them.
    """
    if most_values is not None and text.count(",") > most_values:
        raise ValueError(f"it holds more than {most_values:,} values")
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_finite,
            parse_float=_finite,
            parse_int=_countable,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the name {_short(twice)} occurs twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{_short(text)} is no finite number")
    return number


def _countable(text: str) -> int:
    if len(text) > 300:  # beyond that it could not be compared with a fraction
        raise ValueError(f"{_short(text)} is too large a number")
    return int(text)


def _short(text: str) -> str:
    return ascii(text if len(text) <= 80 else text[:77] + "...")


def check_inside(name: str) -> None:
    """Raise a ValueError unless `name` is a plain relative path that stays in its folder."""
    parts = name.split("/")
    if not name or len(name) > 1000:
        raise ValueError(f"the file name {_short(name)} is empty or too long")
    if any(part in ("", ".", "..") for part in parts) or re.match(r"[A-Za-z]:", name):
        raise ValueError(f"the file name {_short(name)} leads out of the folder")
    if not name.isprintable() or "\\" in name:
        raise ValueError(f"the file name {_short(name)} holds a character that is not allowed")


def names(folder: Path) -> list[str]:
    """Every file below a folder, in order; a link counts as a file."""
    found = []
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        found += [Path(place, name).relative_to(folder).as_posix() for name in names + links]
    return sorted(found)


def locate(folder: Path, name: str) -> Path:
    """The path of a listed file; a name or a link that leads out of the folder is refused."""
    try:
        check_inside(name)
    except ValueError as error:
        raise ArtifactError(str(error), where=str(folder)) from error
    path = folder
    for part in name.split("/"):
        path = path / part
        if path.is_symlink():
            raise ArtifactError(
                "is a symbolic link, which an artifact may not hold", where=str(path)
            )
    return path


def digest(fields: Mapping[str, Any]) -> str:
    """The identity of an artifact: sha256 of its manifest without time and places.

    Input paths do not count, so they can be dropped before an artifact is shared.
    """
    counted = {key: value for key, value in fields.items() if key not in _UNCOUNTED}
    for key in ("inputs", "parents"):
        items = counted.get(key, [])
        counted[key] = [{k: v for k, v in item.items() if k != "path"} for item in items]
    return hashlib.sha256(canonical(counted).encode()).hexdigest()


def text(fields: Mapping[str, Any]) -> str:
    """manifest.json with the digest and the checksum that fit the other fields."""
    told = {key: value for key, value in fields.items() if key not in ("digest", "checksum")}
    spelled = pretty({**told, "digest": digest(told), "checksum": _ZEROS})
    before, _, after = spelled.rpartition(_ZEROS)
    return before + hashlib.sha256(spelled.encode()).hexdigest() + after


def _fits(raw: bytes, checksum: str) -> bool:
    """Has no byte of a manifest changed, not even in what the digest leaves out?"""
    zeroed = raw.replace(checksum.encode(), _ZEROS.encode())
    return hashlib.sha256(zeroed).hexdigest() == checksum


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of an artifact's folder."""
    folder = Path(folder)
    try:
        with files.unreadable_is(ArtifactError, folder):
            return _parse(_file(folder))
    except ValidationError as error:
        raise ArtifactError(first_problem(error), where=str(folder / FILE)) from error
    except ValueError as error:
        raise ArtifactError(f"cannot be read: {error}", where=str(folder / FILE)) from error


def first_problem(error: ValidationError) -> str:
    """Which key, and what is wrong with it."""
    first = error.errors()[0]
    return f"{_short('.'.join(map(str, first['loc'])))[1:-1]}: {first['msg']}"


def _file(folder: Path) -> Path:
    if not places.seen(folder).is_dir():
        problem = "is a file, not an artifact's folder" if folder.exists() else "does not exist"
        raise ArtifactError(problem, where=str(folder))
    path = locate(folder, FILE)
    if not places.seen(path).is_file():
        raise ArtifactError(f"is no mirctl artifact: it has no {FILE}", where=str(folder))
    return path


def _parse(path: Path) -> Manifest:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"larger than {LARGEST} bytes")
    raw = path.read_bytes()
    fields = parse_json(raw.decode(), MOST_VALUES)
    found = fields.get("format") if isinstance(fields, dict) else None
    match = _FORMAT_TEXT.fullmatch(found) if isinstance(found, str) else None
    if match is None:
        raise ValueError("it is not the manifest of a mirctl artifact")
    if int(match[1]) > FORMAT:
        raise ArtifactError(
            f"is in format {match[1]}; mirctl {__version__} reads up to {FORMAT}: "
            "install a newer one with `pip install --upgrade mirctl`",
            where=str(path),
        )
    manifest = Manifest.model_validate(fields)
    if digest(fields) != manifest.digest:
        raise ValueError("its content does not match its digest: it was changed or damaged")
    if manifest.checksum is None and int(match[2] or 0) >= 1:
        raise ValueError("its checksum is missing: it was changed or damaged")
    if manifest.checksum is not None and not _fits(raw, manifest.checksum):
        raise ValueError("its bytes do not match its checksum: it was changed or damaged")
    for name in manifest.files:
        check_inside(name)
    return manifest
