"""Locks among processes and threads: a folder is held by whoever has the lock file in it.

A folder may be removed while others wait for it: they then hold the lock of a dead file, notice,
and begin anew.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mirctl import console, files
from mirctl.errors import RunError, UsageError

LOCK, USE = ".lock", ".use"
"""Held by one who writes; shared by all who read what is written."""
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
PATIENCE = 2.0
"""Seconds of waiting before people are told."""


class NoLocks(RunError):
    """The file system cannot lock."""


@contextmanager
def held(folder: Path, what: str) -> Iterator[None]:
    """Make the folder where it is missing and hold it alone; waits, and says so: `what` is busy."""
    handle = _acquire(folder, what)
    try:
        yield
    finally:
        os.close(handle)


def share(folder: Path) -> int | None:
    """Say that a folder is in use until the returned handle is closed; None where that cannot be
    said, as in a folder that only lets read: nobody can remove it either.
    """
    try:
        handle = os.open(folder / USE, _OPEN, 0o666)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
    except OSError:
        os.close(handle)
        return None
    return handle


@contextmanager
def held_if_free(folder: Path, lock: str = LOCK) -> Iterator[bool]:
    """Hold an existing folder if nobody has it; False where somebody does, or it is gone.

    With `lock` USE: if nobody shares it.
    """
    try:
        handle = os.open(folder / lock, _OPEN, 0o666)
    except (FileNotFoundError, NotADirectoryError):
        yield False
        return
    try:
        yield _taken(handle, folder) and _is_current(handle, folder / lock)
    finally:
        os.close(handle)


@contextmanager
def alone(folder: Path, what: str) -> Iterator[None]:
    """Make the folder where it is missing and hold it; a UsageError where `what` is at work there.

    Where the file system has no locks that is told, and it is used all the same.
    """
    with files.refusals_are_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            with files.refusals_are_errors(folder):
                free = stack.enter_context(held_if_free(folder))
        except NoLocks:
            console.warn(f"{folder.parent} has no locks: let no other run write to the same --out")
            free = True
        if not free:
            raise UsageError(
                f"{what} is at work here: wait for it, or choose another --out", where=str(folder)
            )
        yield


def _acquire(folder: Path, what: str) -> int:
    """Wait for the lock of a folder and return its handle; closing that sets the lock free."""
    while True:
        with files.refusals_are_errors(folder):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                handle = os.open(folder / LOCK, _OPEN, 0o666)
            except FileNotFoundError:
                continue
            except NotADirectoryError as error:
                raise UsageError("is not a folder", where=error.filename) from error
            except FileExistsError as error:
                if os.path.isdir(error.filename) or not os.path.lexists(error.filename):
                    continue  # it was there, and then removed, and perhaps is again
                raise UsageError("is not a folder", where=error.filename) from error
        try:
            _wait(handle, folder, what)
            if _is_current(handle, folder / LOCK):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _wait(handle: int, folder: Path, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not _taken(handle, folder):
        if time.monotonic() > end:
            console.say(f"waiting for another process that works on {what}")
            fcntl.flock(handle, fcntl.LOCK_EX)
            return
        time.sleep(0.05)


def _taken(handle: int, folder: Path) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EINTR):
            return False
        raise NoLocks(
            f"its file system has no locks ({error.strerror}): choose another folder (the cache's "
            "is MIRCTL_CACHE)",
            where=str(folder),
        ) from error
    return True


def _is_current(handle: int, file: Path) -> bool:
    """False where the folder was removed while we waited: we then hold the lock of a dead file."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(file))
    except FileNotFoundError:
        return False
