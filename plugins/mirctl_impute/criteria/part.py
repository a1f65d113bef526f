"""What a criterion finds."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Metrics = dict[str, dict[str, Any]]


@dataclass
class Part:
    """Metrics, and what people should know of them.

    Each metric has a `value` (None where it is undefined), `real`, the same of real rows against
    real rows, `n`, `unit`, and `low` and `high` where a 95 % interval is honest.
    """

    metrics: Metrics = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    """What is wrong with the table."""
    notes: list[str] = field(default_factory=list)
    """What was sampled, split, left out: how the numbers came about."""


def some(rows: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """At most so many of the rows (n, columns), in their order."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(rng.choice(len(rows), most, replace=False))]
