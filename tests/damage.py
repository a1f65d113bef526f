"""Artifacts whose files were changed and sealed again: damage that no checksum shows."""

import hashlib
import json

from mirctl.artifact import manifest as manifests
from mirctl.artifact import open_tensors, write_tensors


def seal(folder):
    """Let the manifest fit the files, as somebody with intent would."""
    path = folder / manifests.FILE
    fields = json.loads(path.read_text())
    fields["files"] = {
        name: {
            "size": (folder / name).stat().st_size,
            "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
        }
        for name in manifests.names(folder)
        if name != manifests.FILE
    }
    path.write_text(manifests.text(fields))


def text(name, content):
    return lambda folder: (folder / name).write_text(content)


def gone(name):
    return lambda folder: (folder / name).unlink()


def tensors(group, change):
    """Change each tensor of a group; None leaves it out."""

    def rewrite(folder):
        path = folder / f"{group}.safetensors"
        new = {name: change(name, value.clone()) for name, value in open_tensors(path).items()}
        path.unlink()
        write_tensors(path, {name: value for name, value in new.items() if value is not None})

    return rewrite
