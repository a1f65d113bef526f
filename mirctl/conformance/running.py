"""Running a command line: in this process with its streams apart, or in one of its own."""

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

HOUSE = {0, 2, 3, 4, 5}
"""Exit codes that are right for a command whose files are missing."""
INTERRUPTED = 130
SECONDS = 120


@dataclass(frozen=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str


def run(*arguments: object) -> Ran:
    """Run a command line in this process: run("recipe", "list") -> code, out, err."""
    from mirctl import cli, console

    out, err = _stream(), _stream()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = cli.run_command([str(argument) for argument in arguments])
        except SystemExit as error:  # a command that leaves in its own way
            code = error.code if isinstance(error.code, int) else 1
        finally:
            console.configure(quiet=False)
    return Ran(code, _text(out), _text(err))


def called(*arguments: object) -> Ran:
    """As `run`, for a check: Ctrl-C stops the checks, not only what one of them called."""
    ran = run(*arguments)
    if ran.code == INTERRUPTED:
        raise KeyboardInterrupt
    return ran


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True
    )


def _text(stream: io.TextIOWrapper) -> str:
    return stream.buffer.getvalue().decode(errors="backslashreplace")


def python(*arguments: object, stdin: str = "", closed: bool = False, **environment: str) -> Ran:
    """Run Python with this process' import path; `closed`: there is no stdin at all."""
    path = os.pathsep.join(part or os.getcwd() for part in sys.path)
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" "$@" <&-', *command] if closed else command,
        input=stdin,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=SECONDS,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )
    return Ran(done.returncode, done.stdout, done.stderr)
