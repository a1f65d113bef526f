"""Column names: which are there, which are missing."""

from collections import Counter
from collections.abc import Sequence

from mirctl.errors import DataError, suggest


def refuse_repeated(names: list[str], where: str, hint: str = "") -> list[str]:
    """The names, if each stands there once; `hint` tells what may be wrong."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        listed = ", ".join(repr(name) for name in sorted(twice))
        raise DataError(f"has more than one column {listed}{hint}", where=where)
    return names


def require_columns(wanted: Sequence[str], present: Sequence[str], where: str) -> None:
    """Raise a DataError that names the first missing column and the nearest one."""
    for name in wanted:
        if name in present:
            continue
        guess = suggest(name, present)
        listed = ", ".join(present)
        raise DataError(f"has no column {name!r}{guess} (its columns: {listed})", where=where)
