"""Metrics as a table: a row each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mirctl import tables

COLUMNS = ("metric", "value", "low", "high", "n", "unit")


def write(target: Path, metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """Name, value, 95 % interval, count and unit of each metric, by the suffix of `target`."""
    rows = (
        {"metric": name, **{key: entry.get(key) for key in COLUMNS[1:]}}
        for name, entry in metrics.items()
    )
    tables.write_rows(target, rows, COLUMNS)
