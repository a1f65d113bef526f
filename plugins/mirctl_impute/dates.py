"""Dates and times as text, and as seconds since 1970.

Formats are those of Python's strptime, and %-d, %-m, %-H: written without a zero in front.
"""

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1)
FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%Y-%m-%d %H:%M:%S%z",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S.%f%z",
    "%Y-%m-%dT%H:%M:%S.%f%z",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y",
    "%d/%m/%Y %H:%M",
    "%H:%M:%S",
    "%H:%M",
)
"""Tried in this order: a column in which no day is above 12 reads as month/day."""


BARE = re.compile("%-([dmHI])")
NUMERIC = re.compile("%-?([a-zA-Z])")
WORDS = "aAbBpzZcxX%"
"""Directives that stand for no group of digits."""


def fits(text: str, format: str) -> bool:
    """Is this text a date of this format?"""
    try:
        seconds(text, format)
    except (ValueError, OverflowError, re.error):  # re.error: a directive that stands twice
        return False
    return True


def seconds(text: str, format: str) -> float:
    """Seconds since 1970, negative before; a ValueError where the text is no such date."""
    when = datetime.strptime(text, BARE.sub(r"%\1", format))
    if when.tzinfo is not None:
        when = when.astimezone(UTC).replace(tzinfo=None)
    return (when - EPOCH).total_seconds()


def text(value: float, format: str) -> str:
    """Seconds since 1970 as text; with a time zone in the format, in UTC."""
    when = EPOCH + timedelta(seconds=value)
    if "%z" in format:
        when = when.replace(tzinfo=UTC)
    # strftime does not pad years before 1000, which strptime wants.
    format = BARE.sub(lambda m: when.strftime(f"%{m[1]}").removeprefix("0"), format)
    return when.strftime(format.replace("%Y", f"{when.year:04}"))


class Padding:
    """Which groups of digits, by their place in a text, are written with a zero in front, and which
    with one digit alone."""

    def __init__(self) -> None:
        self.zeros: set[int] = set()
        self.alone: set[int] = set()

    def update(self, text: str) -> None:
        """Learn from a text."""
        for place, digits in enumerate(re.findall(r"\d+", text)):
            if len(digits) == 1:
                self.alone.add(place)
            elif digits[0] == "0":
                self.zeros.add(place)

    def of(self, format: str) -> str:
        """The format as these texts write it: days and months without zeros in front where some are
        and none is padded, and so with hours."""
        codes = [c for c in NUMERIC.findall(format) if c not in WORDS]
        for part in ("dm", "HI"):
            places = {place for place, code in enumerate(codes) if code in part}
            if places & self.alone and not places & self.zeros:
                format = re.sub(f"%([{part}])", r"%-\1", format)
        return format
