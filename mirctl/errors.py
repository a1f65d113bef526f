"""One error type for each exit code. The command edge turns them into one clear message."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

MOST_COMPARED = 50_000
"""Names that are looked at for a near one: of a million it would take minutes."""


def suggest(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """'; did you mean ...?' with the nearest known name, or '; ' and what else may help."""
    from difflib import get_close_matches

    close = get_close_matches(name, [*islice(known, MOST_COMPARED)], n=1)
    told = f"did you mean {close[0]!r}?" if close else otherwise
    return f"; {told}" if told else ""


class MirctlError(Exception):
    """Something a user can act on. `where` names the file, line, key or row."""

    code = 1
    rank: int | None = None
    """The process that failed, where another one tells of it."""

    def __init__(self, message: str, *, where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class RunError(MirctlError):
    """The run itself failed, or a required metric was missed."""

    code = 1


class UsageError(MirctlError):
    """Wrong arguments, or a wrong recipe."""

    code = 2


class DataError(MirctlError):
    """Input data that cannot be used."""

    code = 3


class ArtifactError(MirctlError):
    """A damaged or incompatible artifact."""

    code = 4


class MissingError(MirctlError):
    """Weights, an extra, the network, a device or a plugin is not there."""

    code = 5


class Interrupted(MirctlError):
    """Ctrl-C arrived; what was done so far is on disk."""

    code = 130


@contextmanager
def blamed_on_the_artifact(applies: bool = True) -> Iterator[None]:
    """A wrong recipe is its writer's fault, unless it stands in an artifact."""
    try:
        yield
    except UsageError as error:
        if not applies:
            raise
        raise ArtifactError(error.message, where=error.where) from error
