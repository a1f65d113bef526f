"""Running a command line: in this process with its streams apart, or in one of its own."""

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, TextIO

from mirctl.conformance import telling

HOUSE = {0, 2, 3, 4, 5}
"""Exit codes that are right for a command whose files are missing."""
SECONDS = 120
TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace", "write_through": True}


@dataclass(frozen=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str


def run(*arguments: object) -> Ran:
    """Run a command line in this process: run("recipe", "list") -> code, out, err."""
    out, err = _stream(), _stream()
    return Ran(_code(arguments, out, err), _text(out), _text(err))


def called(*arguments: object) -> Ran:
    """As `run`, for a check: without stdin, and with all that goes past sys.stdout, too."""
    telling.call(f"`{' '.join(('mirctl', *map(str, arguments)))}`")
    before = sys.stdin
    with _file_as(0), _file_as(1) as out, _file_as(2) as err:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (a new one each time)
        try:
            code = _code(arguments, _writer(1), _writer(2))
        finally:
            sys.stdin = before
        for stream in (sys.__stdout__, sys.__stderr__):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        ran = Ran(code, _content(out), _content(err))
    telling.call("")
    return ran


def _code(arguments: Iterable[object], out: TextIO, err: TextIO) -> int:
    from mirctl import cli, console

    with redirect_stdout(out), redirect_stderr(err):
        try:
            return cli.run_command([str(argument) for argument in arguments])
        except SystemExit as error:  # a command that leaves in its own way
            return error.code if isinstance(error.code, int) else 1
        finally:
            console.configure(quiet=False)


@contextmanager
def _file_as(handle: int) -> Iterator[BinaryIO]:
    """Inside, this handle of the process (0, 1, 2) is an empty file."""
    before = os.dup(handle)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), handle)
            yield file
    finally:
        os.dup2(before, handle)
        os.close(before)


def _writer(handle: int) -> TextIO:
    return io.TextIOWrapper(io.FileIO(handle, "w", closefd=False), **TEXT)


def _content(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode(errors="backslashreplace")


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), **TEXT)


def _text(stream: io.TextIOWrapper) -> str:
    return stream.buffer.getvalue().decode(errors="backslashreplace")


def import_path() -> str:
    """This process' import path, for PYTHONPATH."""
    return os.pathsep.join(map(os.path.abspath, sys.path))


def python(
    *arguments: object,
    stdin: str = "",
    closed: bool = False,
    timeout: float | None = SECONDS,
    **environment: str,
) -> Ran:
    """Run Python with this process' import path; `closed`: there is no stdin at all."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" "$@" <&-', *command] if closed else command,
        input=stdin,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": import_path(), **environment},
    )
    return Ran(done.returncode, done.stdout, done.stderr)
