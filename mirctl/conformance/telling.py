"""What a process that checks a plugin tells the one that waits for it.

Each message is a JSON object: {"call": what is under way}, {"check", "problem"}, {"done": check}.
"""

import json
import os
from multiprocessing.connection import Connection


class _Teller:
    """Knows nobody until `to` is called, as where the checks run without a process of their own."""

    def __init__(self) -> None:
        self.pipe: Connection | None = None
        self.owner = os.getpid()
        self.check = ""

    def to(self, pipe: Connection) -> None:
        self.pipe = pipe

    def send(self, **message: str) -> None:
        if self.pipe is None:
            return
        if os.getpid() != self.owner:  # a copy that a plugin's fork() sent back to us
            problem = "forks, and the copy comes back: end it with os._exit, or use subprocess"
            self._send({"check": self.check, "problem": problem})
            os._exit(0)
        self._send(message)

    def _send(self, message: dict[str, str]) -> None:
        self.pipe.send_bytes(json.dumps(message).encode())


_teller = _Teller()
tell_to = _teller.to


def begin(check: str) -> None:
    """A check begins."""
    _teller.check = check
    call("")


def call(what: str) -> None:
    """Something of the plugin is called now, or, if empty, no more."""
    _teller.send(call=what)


def problem(text: str) -> None:
    """What the check found wrong."""
    _teller.send(check=_teller.check, problem=text)


def done() -> None:
    """The check is through."""
    _teller.send(done=_teller.check)
