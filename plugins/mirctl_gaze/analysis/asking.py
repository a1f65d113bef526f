"""What a command line or a recipe asks of `gaze analyse`, checked before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mirctl.errors import UsageError
from mirctl_gaze.asking import names, refuse_two_from_stdin


@dataclass(frozen=True)
class Asked:
    """Which tables are compared, and how."""

    table: str | None
    """It has both kinds; else the next two are there."""
    chosen: str | None
    rejected: str | None
    synthetic: tuple[str, ...]
    measures: list[str] | None
    correction: str
    seed: int
    out: str | None
    """- is stdout, None nowhere."""
    picture: Path | None = None


def asked(
    table: str | None, chosen: str | None, rejected: str | None, synthetic: Sequence[str],
    out: str | None, *, measures: str | None, correction: str, seed: int,
    picture: Path | None = None,
) -> Asked:  # fmt: skip
    """What options or a recipe say, checked before anything is read."""
    if table is None and (chosen is None or rejected is None):
        raise UsageError(
            "name tables with --chosen and --rejected, or one TABLE that has both: trials T.1 "
            "(chosen) and T.2, T.3, ... (rejected)"
        )
    if table is not None and (chosen is not None or rejected is not None):
        raise UsageError(f"{table!r} has both kinds: leave out {chosen or rejected!r}, or it")
    if len(synthetic) > 2:
        raise UsageError(
            f"--synthetic is given {len(synthetic)} times: name one table of both kinds, or that "
            "of chosen and that of rejected texts"
        )
    given = [name for name in (table, chosen, rejected, *synthetic) if name is not None]
    refuse_two_from_stdin(*given)
    if twice := next((name for name in given if given.count(name) > 1), None):
        raise UsageError(f"{twice!r} is named twice: name TABLE alone where it has both kinds")
    listed = names(measures)
    return Asked(table, chosen, rejected, tuple(synthetic), listed, correction, seed, out, picture)
