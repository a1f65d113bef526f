"""`mirctl hub pull`: an artifact of the hub in the cache, or in a folder of its own."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirctl import console, files
from mirctl.artifact import verify
from mirctl.artifact.manifest import read_manifest
from mirctl.console import counted
from mirctl.errors import ArtifactError
from mirctl.hub import artifacts


@dataclass(frozen=True)
class Placed:
    """An artifact of the hub, and the folder where it was wanted."""

    folder: Path
    pulled: artifacts.Pulled

    def facts(self) -> dict[str, Any]:
        """What a program wants to know."""
        manifest = read_manifest(self.folder)
        return {
            "artifact": self.folder,
            "repo": self.pulled.repo,
            "commit": self.pulled.commit,
            "digest": manifest.digest,
            "bytes": sum(record.size for record in manifest.files.values()),
            "left_there": self.pulled.strangers,
        }


def pull(name: str, out: Path | None, *, force: bool = False) -> Placed:
    """Get it, and with `out` also copy it there; both are whole or not there at all."""
    if out is not None:
        files.refuse_to_overwrite(files.target(out), force=force)
    pulled = artifacts.pull(name)
    if pulled.strangers:
        left = ", ".join(pulled.strangers[:5])
        count = counted(len(pulled.strangers), "file")
        console.say(f"left there, as no part of it: {count}: {left}")
    console.say(f"{pulled.repo} at commit {pulled.commit}")
    if out is None:
        return Placed(pulled.folder, pulled)
    with files.atomic_folder(out, force=force) as folder:
        shutil.copytree(pulled.folder, folder, dirs_exist_ok=True)
        if problems := verify(folder):
            raise ArtifactError("; ".join(problems), where=str(out))
    return Placed(out, pulled)
