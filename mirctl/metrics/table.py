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


def by_name(
    told: Mapping[str, Mapping[str, Any]], metrics: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """A row for each name, with what is `told` of it and its metrics `NAME.MEASURE`: a column each,
    and one an end of each interval."""
    rows = []
    for name, first in told.items():
        row = dict(first)
        for key, entry in metrics.items():
            if key.startswith(f"{name}."):
                measure = key.removeprefix(f"{name}.")
                row[measure] = entry["value"]
                row |= {f"{measure}.{end}": entry[end] for end in ("low", "high") if end in entry}
        rows.append(row)
    keys = list(dict.fromkeys(key for row in rows for key in row))
    return [{key: row.get(key) for key in keys} for row in rows]
