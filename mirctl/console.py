"""People read stderr, programs read stdout: the only place that prints."""

import codecs
import json
import math
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mirctl.errors import RunError
from mirctl.masking import masked

_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_quiet = False
_aside = False
_rank = 0
_log: Path | None = None


def open_streams() -> None:
    """Make stdin, stdout and stderr usable, however this process was started.

    A closed one lends its number to the next file that is opened: what is printed would go there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(handle, mode, encoding="utf-8"))
    codecs.register_error("as-in-json", _as_in_json)
    sys.stdout.reconfigure(errors="as-in-json")


def _as_in_json(error: UnicodeError) -> tuple[str, int]:
    """Letters that stdout's encoding lacks, and bytes of names that are no letters, as \\u00e9."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def configure(*, quiet: bool) -> None:
    """Silence everything on stderr but warnings and errors."""
    global _quiet
    _quiet = quiet


def follow(rank: int) -> None:
    """In a process that is not the first of several nothing is said or written but errors."""
    global _rank
    _rank = rank


def is_quiet() -> bool:
    """Did the user ask for --quiet?"""
    return _quiet


@contextmanager
def aside() -> Iterator[None]:
    """Inside, `say` goes to the log alone: what a part of a larger work has to say of itself."""
    global _aside
    before, _aside = _aside, True
    try:
        yield
    finally:
        _aside = before


def log_to(path: Path | None) -> None:
    """Also write what people are told into a file, with the time; None stops that."""
    global _log
    _log = path


def say(message: str) -> None:
    """Tell a person something; silent with --quiet."""
    _to_log(message)
    if not (_quiet or _aside or _rank):
        _to_stderr(message)


def warn(message: str) -> None:
    """Tell a person what they should know even with --quiet."""
    _to_log(f"warning: {message}")
    if not _rank:
        _to_stderr(f"warning: {message}")


def error(message: str, *, once: bool = False, rank: int | None = None) -> None:
    """Say why a command failed; `once`: of several processes the first one says it for all;
    `rank`: of the process that failed, where that may be another one."""
    if once and _rank:
        return
    failed = _rank if rank is None else rank
    who = f"process {failed}: " if failed else ""
    _to_stderr(f"{who}error: {message}")


def trace(failure: BaseException) -> None:
    """Show where in the code a command failed."""
    import traceback

    _to_stderr("".join(traceback.format_exception(failure)).rstrip())


class StdoutError(RunError):
    """What reads our stdout takes no more, as a full disk does."""


def harmless(text: str) -> str:
    """What would act on a terminal as \\x1b and the like; tabs and line ends stay.

    Names and words of files come from anywhere.
    """
    return _ACTING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def emit(text: str) -> None:
    """Write one line of data to stdout."""
    if _rank:
        return
    with _refusals():
        sys.stdout.write(masked(text) + "\n")


def emit_bytes(content: bytes) -> None:
    """Write a block of data to stdout, after all text so far, and hand it on at once."""
    if _rank:
        return
    with _refusals():
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def flush() -> None:
    """Hand on to stdout all that was written."""
    with _refusals():
        sys.stdout.flush()


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StdoutError(f"cannot be written: {error.strerror}", where="stdout") from error


def document(content: dict[str, Any]) -> None:
    """Write the one JSON document of a --json command to stdout."""
    emit(json.dumps(_finite(content), ensure_ascii=False, indent=2, default=str))
    flush()


@contextmanager
def progress(label: str, total: int, unit: str = "items") -> Iterator[Callable[[int], None]]:
    """Show rate and time left of work that lasts more than two seconds; yields `advance(n)`.

    A `total` of 0 is one that nobody knows.

    A terminal gets one line that redraws itself and goes at the end, a log one line every ten
    seconds.
    """
    bar = _Bar(label, total, unit)
    try:
        yield bar.advance
    finally:
        bar.close()


class _Bar:
    def __init__(self, label: str, total: int, unit: str) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done = 0
        self.live = (
            sys.stderr is not None and sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        )
        self.start = time.monotonic()
        # A log wants a line only of what lasts; a person wants to see that something moves.
        self.next = self.start + (2.0 if self.live else 10.0)
        self.drawn = False

    def advance(self, count: int = 1) -> None:
        self.done += count
        now = time.monotonic()
        if _quiet or _rank or now < self.next:
            return
        self.next = now + (0.2 if self.live else 10.0)
        self._draw(now)

    def close(self) -> None:
        if not self.drawn:
            return
        if self.live:
            _to_people("\r\x1b[2K")
        else:
            _to_stderr(self._line(time.monotonic()))

    def _draw(self, now: float) -> None:
        self.drawn = True
        if self.live:
            _to_people("\r\x1b[2K" + self._line(now))
        else:
            _to_stderr(self._line(now))

    def _line(self, now: float) -> str:
        rate = self.done / max(now - self.start, 1e-9)
        if not self.total:
            return f"{self.label}: {self.done} {self.unit}, {rate:.3g}/s"
        left = duration((self.total - self.done) / rate) if rate else "?"
        return f"{self.label}: {self.done}/{self.total} {self.unit}, {rate:.3g}/s, {left} left"


def duration(seconds: float) -> str:
    """Seconds as people say them: 8 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def counted(count: int, noun: str, several: str = "") -> str:
    """1 row, 1,200 rows; `several` is the noun's plural where an s does not make it."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"


def size_text(count: int) -> str:
    """Bytes as people say them: 812 B, 4.2 MB."""
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"


def width() -> int | None:
    """Columns of the terminal that shows stdout; None where it goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table(columns: list[str], rows: list[list[str]], left: Collection[int] = (0,)) -> str:
    """Plain aligned columns, those of these numbers left, the others right."""
    cells = [[harmless(c).replace("\n", "\\n") for c in row] for row in (columns, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    lines = [
        "  ".join(
            c.ljust(w) if i in left else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    return "\n".join(line.rstrip() for line in lines)


def _to_log(message: str) -> None:
    if _log is not None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        encoding = {"encoding": "utf-8", "errors": "backslashreplace"}
        with suppress(OSError), _log.open("a", **encoding) as file:
            file.write(f"{stamp} {masked(harmless(message))}\n")


def _to_people(text: str) -> None:
    """Nobody reading stderr any more is no reason to stop the work."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(masked(text))
        sys.stderr.flush()


def _to_stderr(message: str) -> None:
    _to_people(harmless(message) + "\n")


def _finite(value: Any) -> Any:
    """JSON has no NaN: an undefined figure is null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
