"""What wrote an artifact: versions and commit."""

import platform
import subprocess
from importlib import metadata

from mirctl import __version__

LIBRARIES = ("torch", "transformers", "numpy", "safetensors")


def versions() -> dict[str, str]:
    """Of mirctl, Python and the libraries; importing those to ask them would be slow."""
    found = {"mirctl": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_commit() -> str | None:
    """The commit checked out in the working directory, where there is one."""
    try:
        asked = subprocess.run(
            ["git", "rev-parse", "--verify", "HEAD"], capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip() or None if asked.returncode == 0 else None
