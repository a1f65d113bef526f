"""One situation that every method is put into, and what became of a method in it."""

import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

Values = dict[str, float]


class Case(Protocol):
    """A situation: holes made in one way, or one split."""

    label: str
    seed: int

    def run(self, method: str) -> Any:
        """What the method makes."""

    def measure(self, made: Any) -> tuple[Values, dict[str, Any]]:
        """Its measures by name, and whatever else is to be told."""


@dataclass(frozen=True)
class Planned:
    """A case that is still to be made."""

    label: str
    seed: int
    make: Callable[[], Case]


@dataclass(frozen=True)
class Outcome:
    """A method's measures in one case, or why there are none."""

    case: str
    seed: int
    method: str
    cpu_seconds: float
    values: Values = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


def cpu_seconds() -> float:
    """CPU seconds of this process so far, all threads and ended children."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)
