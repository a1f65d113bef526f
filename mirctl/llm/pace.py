"""When the next request may go to a server, and how long one waits after trouble."""

import random
import re
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_WAIT, LONGEST_BACKOFF = 0.5, 60.0
"""Seconds before the second try; it doubles with each."""


class Pace:
    """Requests of all threads, one after the other in time."""

    def __init__(self, per_minute: float | None) -> None:
        self.gap = 60.0 / per_minute if per_minute else 0.0
        self.next = 0.0
        self.lock = threading.Lock()

    def wait(self, stop: threading.Event) -> None:
        """Until this thread may ask, or nobody should."""
        with self.lock:
            now = time.monotonic()
            at = max(self.next, now)
            self.next = at + self.gap
        if at > now:
            stop.wait(at - now)

    def hold(self, seconds: float) -> None:
        """Nobody asks before that: the server said so."""
        with self.lock:
            self.next = max(self.next, time.monotonic() + seconds)


def backoff(tried: int) -> float:
    """Seconds before the next try, not the same for all who wait."""
    return min(FIRST_WAIT * 2.0 ** (tried - 1), LONGEST_BACKOFF) * random.uniform(0.75, 1.25)


def retry_after(told: str) -> float | None:
    """Seconds that a header asks for, in either of its forms; None where it makes no sense."""
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", told.strip()):
        return float(told)
    try:
        at = parsedate_to_datetime(told)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
