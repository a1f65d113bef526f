"""The one way this project writes to disk: whole or not at all."""

import ctypes
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from mirctl.errors import MirctlError, RunError, UsageError

DAY = 86400
MANIFEST = "manifest.json"
"""The file by which a folder is known to be an artifact."""


def file_mode() -> int:
    """What the umask makes of 0666; temporary files start at 0600 and would stay so."""
    return 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def full_disk_is_an_error(target: Path) -> Iterator[None]:
    """Turn a full disk into a message that names the target."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        refusal: BaseException | None = error
        while isinstance(refusal, RuntimeError):  # torch.save raises one of its own on top
            refusal = refusal.__context__
        if isinstance(refusal, OSError) and refusal.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RunError(
                "the disk is full: free some space and run again", where=str(target)
            ) from error
        raise


@contextmanager
def refusals_are_errors(target: Path) -> Iterator[None]:
    """Turn all of the operating system's refusals to write into messages that name the target."""
    try:
        with full_disk_is_an_error(target):
            yield
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise UsageError(
                "cannot be written: check its permissions", where=str(target)
            ) from error
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise UsageError(f"cannot be written: {error.strerror}", where=str(target)) from error
        if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.ENOENT):
            raise UsageError(
                f"cannot be written ({error.strerror}): is every folder above it a folder?",
                where=str(target),
            ) from error
        raise


def expanded(path: Path | str) -> Path:
    """The path with its `~` or `~name` as the home folder that is meant."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(
            "whose home is that? Write the whole path (the cache's is MIRCTL_CACHE)",
            where=str(path),
        ) from error


def _beside(path: Path, suffix: str) -> dict[str, Any]:
    """Where temporary things for `path` stand; a long name is cut, to leave room for more."""
    return {"prefix": f".{path.name[:40]}.", "suffix": suffix, "dir": path.parent}


@contextmanager
def unreadable_is(kind: type[MirctlError], place: Path | str) -> Iterator[None]:
    """Turn the operating system's refusals to read into errors of a kind that name the place."""
    try:
        with full_disk_is_an_error(Path(place)):
            yield
    except OSError as error:
        told = f"cannot be read: {error.strerror or error}"
        raise kind(told, where=str(error.filename or place)) from error


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path`; rename it over `path` once the block ends well."""
    path = Path(path)
    with refusals_are_errors(path):
        if os.path.lexists(path) and not (path.is_symlink() or path.is_file() or path.is_dir()):
            raise UsageError("is a pipe or a device, and stays one: name a file", where=str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(**_beside(path, ".tmp"))
    try:
        with full_disk_is_an_error(path), os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with refusals_are_errors(path):
            os.chmod(name, file_mode())
            os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def json_value(content: str | bytes) -> Any:
    """What JSON holds; a ValueError also where it is nested too deep to be read."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file atomically."""
    with atomic_file(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Write a whole UTF-8 file atomically."""
    write_bytes(path, content.encode())


@contextmanager
def atomic_folder(path: Path, *, force: bool = False, marker: str = MANIFEST) -> Iterator[Path]:
    """Give an empty folder beside `path`; put it in place of `path` once the block ends well.

    A `path` that exists is refused unless `force`; then the old folder stays whole until the new
    one takes its name.
    """
    path = target(path)
    refuse_to_overwrite(path, force=force, marker=marker)
    with refusals_are_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(path)
        work = Path(tempfile.mkdtemp(**_beside(path, ".tmp")))
    try:
        with full_disk_is_an_error(path):
            yield work
        with refusals_are_errors(path):
            os.chmod(work, 0o777 & ~_umask())
            replace_folder(work, path)
    finally:
        # After an exchange what was replaced stands here.
        if work.is_file():
            work.unlink()
        shutil.rmtree(work, ignore_errors=True)
    sync_folder(path.parent)


def _clear_leftovers(path: Path) -> None:
    """Remove the folders of writers that were killed: nothing in them changed for a day."""
    beside = {key: re.escape(str(value)) for key, value in _beside(path, ".tmp").items()}
    ours = re.compile(f"{beside['prefix']}[a-z0-9_]{{8}}{beside['suffix']}")
    with suppress(OSError):
        for name in filter(ours.fullmatch, os.listdir(path.parent)):
            place = path.parent / name
            if not place.is_symlink() and place.is_dir() and time.time() - _latest(place) > DAY:
                shutil.rmtree(place, ignore_errors=True)


def _latest(folder: Path) -> float:
    """When something in a folder changed last."""
    times = [folder.stat().st_mtime]
    for place, folders, names in os.walk(folder):
        for name in folders + names:
            with suppress(FileNotFoundError):
                times.append(os.lstat(os.path.join(place, name)).st_mtime)
    return max(times)


def target(path: Path) -> Path:
    """What is meant by a place to write to: of a link what it leads to, of `.` the folder."""
    path = Path(path)
    if os.path.islink(path) or path.name in ("", ".."):
        path = Path(os.path.realpath(path))
    if not path.name:
        raise UsageError("is no place for a result: name a new folder", where=str(path))
    return path


def refuse_to_overwrite(path: Path, *, force: bool, marker: str | None = MANIFEST) -> None:
    """Raise a UsageError where `path` exists and the user did not say --force.

    Even --force replaces only what it can have written: for a result that is a folder, an empty one
    or one that holds `marker`; for a result that is a file (`marker` None), a file.
    """
    with refusals_are_errors(path):
        problem = _in_the_way(Path(path), force=force, marker=marker)
    if problem:
        raise UsageError(problem, where=str(path))


def _in_the_way(path: Path, *, force: bool, marker: str | None) -> str | None:
    with suppress(FileNotFoundError, NotADirectoryError):
        path.stat()  # `exists` says nothing of links in a circle
    above = next((place for place in path.absolute().parents if place.exists()), None)
    if above is not None and not above.is_dir():
        return f"cannot be written: {above} is no folder"
    if not path.exists():
        return None
    if not force:
        return "exists already: choose another --out, or add --force"
    if marker is None and path.is_dir():
        return "is a folder, and the result is a file"
    if marker and path.is_dir() and any(path.iterdir()) and not (path / marker).is_file():
        made = f"it has no {marker}, so something else made it"
        return f"--force does not replace this folder: {made}"
    if marker and not path.is_dir():
        return "--force does not replace this file: the result is a folder"
    if marker and Path.cwd().is_relative_to(path.resolve()):
        return "--force does not replace the folder you are in"
    return None


def replace_folder(new: Path, path: Path) -> None:
    """Put `new` in the place of `path`; where the system can, both change places in one step."""
    if not path.exists():
        os.rename(new, path)
    elif not _exchange(new, path):
        old = Path(tempfile.mkdtemp(**_beside(path, ".old")))
        os.rename(path, old / path.name)
        try:
            os.rename(new, path)
        except BaseException:
            os.rename(old / path.name, path)
            raise
        finally:
            shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Let two paths change places atomically (Linux's renameat2); False where that is unknown."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    here, exchange = -100, 2
    return rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
