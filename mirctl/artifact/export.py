"""An artifact as other tools expect a model: plain weights, a config, a card."""

import shutil
from pathlib import Path
from typing import Any

from mirctl import files
from mirctl.artifact import manifest as manifests
from mirctl.artifact.card import FILE as CARD
from mirctl.artifact.card import card
from mirctl.artifact.group import SHARD_BYTES, write_group
from mirctl.artifact.store import RECIPE, Artifact, open_artifact, verify
from mirctl.errors import ArtifactError
from mirctl.hub.artifacts import PICKLES

MODEL, CONFIG, ORIGIN = "model", "config.json", "mirctl.json"
_LEFT_OUT = {CARD, RECIPE, "efficiency.json", CONFIG, ORIGIN}


def export(
    path: Path, out: Path, *, force: bool = False, shard_bytes: int = SHARD_BYTES
) -> dict[str, int]:
    """Write the folder `out` as model hubs have it; returns the bytes of each file.

    Tied weights stand under each of their names, so that the file alone is the whole model. What
    tells of the machine that made it stays behind: the recipe's paths, the times.
    """
    if problems := verify(path):
        raise ArtifactError(f"is damaged: {problems[0]}", where=str(path))
    art = open_artifact(path)
    if loose := [name for name in art.manifest.files if Path(name).suffix.lower() in PICKLES]:
        told = f"holds {loose[0]}, which is no safetensors file, and could run code"
        raise ArtifactError(told, where=str(path))
    if MODEL not in art.groups():
        held = ", ".join(art.groups()) or "none"
        told = f"of kind {art.manifest.kind} has no tensors {MODEL!r} to export; it holds: {held}"
        raise ArtifactError(told, where=str(path))
    with files.atomic_folder(out, force=force, marker=ORIGIN) as folder:
        _write(art, folder, shard_bytes)
        return {name: (folder / name).stat().st_size for name in manifests.names(folder)}


def _write(art: Artifact, folder: Path, shard_bytes: int) -> None:
    def place(name: str) -> Path:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    groups = art.groups()
    for group in groups:
        write_group(place, group, art.tensors(group), shard_bytes=shard_bytes)
    files.write_text(folder / CONFIG, manifests.pretty(_config(art)))
    files.write_text(folder / ORIGIN, manifests.pretty(_origin(art)))
    files.write_text(folder / CARD, card(art))
    for name in art.manifest.files:
        if name not in _LEFT_OUT and ".safetensors" not in name:
            shutil.copyfile(art.path(name), place(name))


def _config(art: Artifact) -> dict[str, Any]:
    """What is known of the model; no `architectures`, since no other tool has its code.

    Facts stand below a key of their own: an artifact from elsewhere may call one `auto_map`, or by
    another name that makes a reader fetch code.
    """
    return {"library_name": "mirctl", "kind": art.manifest.kind, "facts": art.manifest.facts}


def _origin(art: Artifact) -> dict[str, Any]:
    told = ("kind", "schema_version", "created", "versions", "plugin", "seed")
    fields = art.manifest.model_dump(exclude_none=True)
    return {"digest": fields["digest"], **{key: fields[key] for key in told if key in fields}}
