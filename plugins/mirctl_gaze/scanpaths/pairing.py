"""Which scanpaths are compared with which."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError, UsageError
from mirctl_gaze.scanpaths.comparing import Pair
from mirctl_gaze.scanpaths.paths import Scanpath
from mirctl_gaze.scanpaths.reading import Reader, files_of


@dataclass(frozen=True)
class Pairs:
    """Scanpaths, and pairs of their places."""

    paths: list[Scanpath]
    count: int
    each: Iterator[Pair]


def asked(
    a: str | None, b: str | None, matrix: Path | None, out: str | None, reader: Reader
) -> Pairs:
    """The pairs that a command line means."""
    if matrix is not None:
        return every_two(reader.tables(files_of(matrix, out)))
    if b is None:
        return in_each_trial(reader.table(a))
    return across(reader.table(a), reader.table(b), a, b)


def refuse_unclear(a: str | None, b: str | None, matrix: Path | None) -> None:
    """Raise a UsageError where it is not said what is compared with what."""
    if matrix is not None and (a is not None or b is not None):
        raise UsageError(f"--matrix {matrix} compares all its scanpaths: leave {a or b!r} out")
    if matrix is None and a is None:
        raise UsageError("name tables A and B, or one of several readers, or --matrix FOLDER")
    if a == b == "-":
        raise UsageError("two tables cannot both come from stdin: save one in a file")


def every_two(paths: list[Scanpath]) -> Pairs:
    """Each scanpath with each later one."""
    if len(paths) < 2:
        raise DataError("there is one scanpath only: nothing to compare it with")
    return Pairs(paths, len(paths) * (len(paths) - 1) // 2, combinations(range(len(paths)), 2))


def in_each_trial(paths: list[Scanpath]) -> Pairs:
    """Each reader of a trial with each later one."""
    groups = [places for places in _by_trial(paths, 0).values() if len(places) > 1]
    if not groups:
        raise DataError("no trial has two readers: name a second table, or use --matrix")
    count = sum(len(places) * (len(places) - 1) // 2 for places in groups)
    return Pairs(paths, count, (pair for places in groups for pair in combinations(places, 2)))


def across(a: list[Scanpath], b: list[Scanpath], a_name: str, b_name: str) -> Pairs:
    """The scanpaths of a with those of b on the same trial; if there is one each, these two."""
    if len(a) == len(b) == 1:
        return Pairs([*a, *b], 1, iter([(0, 1)]))
    ours, theirs = _by_trial(a, 0), _by_trial(b, len(a))
    shared = [trial for trial in ours if trial in theirs]
    if not shared:
        raise DataError(
            f"has no trial of {b_name} (its first is {a[0].trial!r}, that one's {b[0].trial!r}): "
            "only scanpaths on the same trial are compared",
            where=a_name,
        )
    alone = len(ours) + len(theirs) - 2 * len(shared)
    if alone:
        console.warn(f"{counted(alone, 'trial')} in one of the tables only: left out")
    count = sum(len(ours[trial]) * len(theirs[trial]) for trial in shared)
    each = ((i, j) for trial in shared for i in ours[trial] for j in theirs[trial])
    return Pairs([*a, *b], count, each)


def _by_trial(paths: Sequence[Scanpath], start: int) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for place, path in enumerate(paths, start):
        found.setdefault(path.trial, []).append(place)
    return found
