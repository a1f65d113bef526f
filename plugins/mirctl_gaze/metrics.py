"""Figures that a gate can be set on."""

from typing import Any

Metrics = dict[str, dict[str, Any]]


def metric(total: float, count: int, unit: str) -> dict[str, Any]:
    """A mean of `count` values; there is none of nothing."""
    return {"value": float(total) / count if count else None, "unit": unit, "n": int(count)}
