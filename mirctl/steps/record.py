"""`steps.json`: what each step was made from and what it made."""

import hashlib
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from types import NoneType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from mirctl import files
from mirctl.errors import ArtifactError

FILE, FORMAT = "steps.json", "mirctl-steps/1"
"""The file by which a folder is known to be a pipeline's."""
LOGS = "logs"
"""The folder for what steps say that run beside others."""
REST = 20
"""Times as long as a writing took, no next one is begun."""
Stamp = tuple[int, int, int, str]
"""Size, time of change in nanoseconds, inode, and the sha256 that was found then."""


def _has_value(metric: dict[str, Any]) -> dict[str, Any]:
    """Refuse a metric that cannot be shown."""
    if type(metric.get("value", "")) not in (int, float, NoneType):
        raise ValueError("a metric's value is no number")
    return metric


Metric = Annotated[dict[str, Any], AfterValidator(_has_value)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False)


class Watched(_Part):
    """A file or folder that a step reads."""

    key: str
    path: str
    how: Literal["file", "folder", "listing", "artifact"]
    """listing: names, sizes and times of its files count, not what is in them."""
    skip: list[str] = []


class Record(_Part):
    """One step."""

    state: Literal["open", "failed", "done"]
    asked: str
    """sha256 of the step as the recipe puts it, and of who reads it so."""
    job: dict[str, str]
    """Name and versions."""
    config: dict[str, Any]
    """As resolved, but for places."""
    watched: list[Watched]
    inputs: dict[str, str]
    """Key -> sha256."""
    needs: dict[str, str]
    """Key -> digest of the result of the step that stands there."""
    out: str
    files: dict[str, Stamp] = {}
    """Of the result; of one that is a file by the name "."."""
    metrics: dict[str, Metric] = {}
    seconds: float = 0.0

    @property
    def digest(self) -> str:
        """The identity of the result: sha256 over its files."""
        return text_digest({name: stamp[3] for name, stamp in self.files.items()})


class _Book(_Part):
    format: Literal["mirctl-steps/1"]
    steps: dict[str, Record] = {}


def text_digest(value: Any) -> str:
    """sha256 of a value's one spelling as JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@dataclass
class Records:
    """A pipeline's `steps.json`, in memory."""

    folder: Path
    steps: dict[str, Record] = field(default_factory=dict)
    rest_until: float = 0.0

    @classmethod
    def read(cls, folder: Path, *, force: bool) -> "Records":
        """What a folder's file says; nothing where there is none, or it is given up."""
        path = folder / FILE
        try:
            with files.unreadable_is(ArtifactError, path):
                content = path.read_bytes() if path.is_file() else None
            if content is None or force:
                return cls(folder)
            book = _Book.model_validate_json(content)
        except (ValidationError, ValueError) as error:
            told = "is damaged, or a newer mirctl's: --force runs every step again"
            raise ArtifactError(told, where=str(path)) from error
        return cls(folder, book.steps)

    def write_at_leisure(self) -> None:
        """Replace the file, unless many quick steps would spend their time with that: who is killed
        then does a few of them again."""
        begin = time.monotonic()
        if begin >= self.rest_until:
            self.write()
            self.rest_until = begin + REST * (time.monotonic() - begin)

    def write(self) -> None:
        """Replace the file."""
        book = _Book(format=FORMAT, steps=self.steps)
        files.write_text(self.folder / FILE, json.dumps(book.model_dump(), ensure_ascii=True))


def stamp(path: Path, known: Stamp | None) -> Stamp:
    """A file as it is now; hashed only where its size, time or inode are not the known ones."""
    stat = os.lstat(path)
    if not S_ISREG(stat.st_mode):
        return (0, 0, 0, "")  # a link or a pipe: no step leaves one
    state = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    return known if known and known[:3] == state else (*state, files.sha256(path))


def stamps(result: Path, known: dict[str, Stamp]) -> dict[str, Stamp]:
    """Every file of a result."""
    if not result.is_dir():
        return {".": stamp(result, known.get("."))}
    found = {}
    for place, _, names in os.walk(result):
        for name in names:
            path = Path(place, name)
            relative = path.relative_to(result).as_posix()
            found[relative] = stamp(path, known.get(relative))
    return dict(sorted(found.items()))


def problem(result: Path, record: Record) -> str | None:
    """Why a result is not what the step left there, or None."""
    try:
        found = stamps(result, record.files)
    except OSError:
        return "its result is gone"
    if {name: s[3] for name, s in found.items()} != {n: s[3] for n, s in record.files.items()}:
        return "its result was changed" if found else "its result is gone"
    record.files = found
    return None
