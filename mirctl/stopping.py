"""What Ctrl-C and SIGTERM do while work is under way, and who dies with whom."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mirctl import console


@dataclass
class Stop:
    asked: bool = False


@contextmanager
def interruptible() -> Iterator[Stop]:
    """The first Ctrl-C or SIGTERM asks the loop to stop after its step; the second is as usual."""
    stop = Stop()

    def ask(number: int, frame: object) -> None:
        stop.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        console.say("stopping after this step; once more to stop at once")

    with _handled_by(ask):
        yield stop


@contextmanager
def at_once() -> Iterator[None]:
    """Inside, a signal ends the process though it waits in a library, with nothing to clean up."""
    with _handled_by(signal.SIG_DFL):
        yield


@contextmanager
def _handled_by(handler: Callable[[int, object], None] | signal.Handlers) -> Iterator[None]:
    """Inside, Ctrl-C and SIGTERM are answered by this."""
    try:
        before = {s: signal.signal(s, handler) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: nobody can press Ctrl-C here
        before = {}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise a TimeoutError inside, once it takes longer. Only the main thread can be told, and only
    between two lines of Python: not while a library works."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"took longer than {seconds:g} s")

    try:
        handler = signal.signal(signal.SIGALRM, late)
    except ValueError:  # not the main thread
        yield
        return
    begin = time.monotonic()
    outer, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if outer:  # somebody else's
            left = outer - (time.monotonic() - begin)
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.001))


def interrupted(error: BaseException) -> bool:
    """Is it a Ctrl-C? Python 3.11 wraps one in a RuntimeError that comes while a class is made."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__
    return cause is not None


def die_with_parent(number: int) -> Callable[[], None] | None:
    """Where the system can (Linux), have a child get this signal when this process dies."""
    import ctypes  # help does without

    try:
        prctl = ctypes.CDLL(None).prctl
    except (AttributeError, OSError):
        return None
    set_signal = 1
    return lambda: prctl(set_signal, number)
