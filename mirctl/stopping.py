"""The first Ctrl-C or SIGTERM asks work to stop at a good place; the second is as usual."""

import signal
from collections.abc import Iterator
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

    try:
        before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: nobody can press Ctrl-C here
        yield stop
        return
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
