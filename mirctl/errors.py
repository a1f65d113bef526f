"""One error type for each exit code. The command edge turns them into one clear message."""


class MirctlError(Exception):
    """Something a user can act on. `where` names the file, line, key or row."""

    code = 1

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
