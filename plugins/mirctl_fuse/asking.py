"""What the command line of a search asks for."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mirctl.errors import UsageError
from mirctl_fuse import searching

Asked = Iterable[tuple[Mapping[str, Any], str]]
"""What a query says, and where it stands."""


def queries(stdin: str | None, told: Mapping[str, str | Path | None], by: Sequence[str]) -> Asked:
    """The lines of stdin, or one query of the options."""
    asked = {word: str(value) for word, value in told.items() if value is not None}
    for pair in by:
        name, sign, value = pair.partition("=")
        if not sign or name in asked:
            raise UsageError(f"--by {pair}: write NAME=VALUE, each name once")
        asked[name] = value
    if (stdin is None) == (not asked):
        raise UsageError(
            "ask in one way: --text, --image, --audio, --video, --by, --user, or - for stdin"
        )
    if stdin not in (None, "-"):
        raise UsageError(f"{stdin!r} is not understood: - reads queries from stdin")
    return searching.from_stdin() if stdin else [(asked, "the query")]
