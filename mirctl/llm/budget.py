"""What was asked and answered, counted, and the budget that ends it."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from mirctl.console import counted
from mirctl.llm.answers import Problem

BYTES_PER_TOKEN = 3
"""Of a text whose tokens nobody counted; real ones take about four."""


def estimated(text: str) -> int:
    """Tokens of a text, rather too many than too few."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


@dataclass
class Meter:
    """Counts requests and tokens for several threads, and holds them to a budget."""

    most_requests: int | None = None
    most_tokens: int | None = None
    requests: int = 0
    retried: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    estimated: int = 0
    """Replies whose tokens nobody counted."""
    cached: int = 0
    """Replies that were there already."""
    reasked: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """By kind."""
    _held: int = 0
    _free: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def take(self, tokens: int, *, wait: bool, again: bool = False) -> Problem | None:
        """Set aside what a request may cost; or why it may not be asked.

        With `wait` it waits for others that may give back what they have set aside.
        """
        with self._free:
            while wait and self._held and not self._fits(tokens):
                self._free.wait()
            if self.most_requests is not None and self.requests >= self.most_requests:
                return _used_up(counted(self.most_requests, "request"))
            if not self._fits(tokens):
                return _used_up(counted(self.most_tokens, "token"))
            self.requests += 1
            self.retried += again
            self._held += tokens
            return None

    def give(self, tokens: int, prompt: int = 0, answer: int = 0, *, guessed: bool = False) -> None:
        """Give back what was set aside, and count what it did cost."""
        with self._free:
            self._held -= tokens
            self.estimated += guessed
            self.prompt_tokens += prompt
            self.answer_tokens += answer
            self._free.notify_all()

    def _fits(self, tokens: int) -> bool:
        used = self.prompt_tokens + self.answer_tokens + self._held
        return self.most_tokens is None or used + tokens <= self.most_tokens

    def facts(self) -> dict[str, int | dict[str, int]]:
        """For a report."""
        names = ("requests", "retried", "prompt_tokens", "answer_tokens", "estimated", "cached")
        return {**{name: getattr(self, name) for name in names},
                "reasked": self.reasked, "failed": dict(sorted(self.failed.items()))}  # fmt: skip


def _used_up(what: str) -> Problem:
    return Problem("budget", f"not asked: the budget of {what} is used up")
