"""What stands at a path: a refusal is not taken for absence, nor a link for a file."""

import errno
import os
from pathlib import Path

from mirctl.errors import UsageError

NOTHING = (errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP)
"""What the system says where nothing is."""


def seen(path: Path) -> Path:
    """The path, once the system told what stands there, or that nothing does.

    What it refuses to tell is raised; `Path.exists` of Python 3.14 would say that nothing is there.
    """
    try:
        path.stat()
    except ValueError:  # no file has such a name
        pass
    except OSError as error:
        if error.errno not in NOTHING:
            raise
    return path


def may_write(path: Path) -> bool:
    """Does the system let this process write there?"""
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def refuse_links(path: Path, above: Path) -> None:
    """Raise a UsageError where `path`, or a folder between it and `above`, is a link: what is
    written there would stand elsewhere.
    """
    below = path.relative_to(above)
    for part in (above / parent for parent in (below, *list(below.parents)[:-1])):
        if part.is_symlink():
            told = f"is a link to {os.readlink(part)}, and nothing is written through it: remove it"
            raise UsageError(told, where=str(part))


def refuse_links_in(folder: Path) -> None:
    """Raise a UsageError where a folder is a link, or holds one, a pipe or a device anywhere."""
    refuse_links(folder, folder.parent)
    for place, folders, names in os.walk(folder):
        for path in (Path(place, name) for name in folders + names):
            refuse_links(path, path.parent)
            if not (path.is_file() or path.is_dir()) and path.exists():
                raise UsageError("is a pipe or a device: remove it", where=str(path))
