"""Dates and times as text, and as seconds since 1970."""

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


def fits(text: str, format: str) -> bool:
    """Is this text a date of this format?"""
    try:
        seconds(text, format)
    except (ValueError, OverflowError, re.error):  # re.error: a directive that stands twice
        return False
    return True


def seconds(text: str, format: str) -> float:
    """Seconds since 1970, negative before; a ValueError where the text is no such date."""
    when = datetime.strptime(text, format)
    if when.tzinfo is not None:
        when = when.astimezone(UTC).replace(tzinfo=None)
    return (when - EPOCH).total_seconds()


def text(value: float, format: str) -> str:
    """Seconds since 1970 as text; with a time zone in the format, in UTC."""
    when = EPOCH + timedelta(seconds=value)
    if "%z" in format:
        when = when.replace(tzinfo=UTC)
    # strftime does not pad years before 1000, which strptime wants.
    return when.strftime(format.replace("%Y", f"{when.year:04}"))
