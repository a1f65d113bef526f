"""What a sweep found: a row for each cell, and means over seeds."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from mirctl import console, tables
from mirctl.metrics.seeds import interval
from mirctl.steps.graph import Cell, Pipeline
from mirctl.steps.running import Outcome

FILE = "sweep.csv"
ENDED = ("failed", "left out")


@dataclass(frozen=True)
class Row:
    """One cell, or several that only seeds tell apart; metrics as `STEP.METRIC`."""

    values: dict[str, Any]
    state: str
    seconds: float
    metrics: dict[str, dict[str, Any]]
    sources: dict[str, str]
    """Metric -> own name of the step that it is of."""

    def as_json(self) -> dict[str, Any]:
        named = ("values", "state", "seconds", "metrics")
        return {name: getattr(self, name) for name in named}


def rows(pipeline: Pipeline, outcomes: Mapping[str, Outcome]) -> list[Row]:
    """One for each cell; what cells share counts in each of them."""
    return [_row(cell, outcomes) for cell in pipeline.cells]


def _row(cell: Cell, outcomes: Mapping[str, Outcome]) -> Row:
    found = {of: outcomes[name] for of, name in cell.steps.items()}
    metrics, sources = {}, {}
    for of, outcome in found.items():
        for metric, entry in outcome.metrics.items():
            name = f"{of}.{metric}" if of else metric
            metrics[name], sources[name] = entry, cell.steps[of]
    states = [outcome.state for outcome in found.values()]
    state = next((ended for ended in ENDED if ended in states), "done")
    return Row(cell.values, state, sum(o.seconds for o in found.values()), metrics, sources)


def over_seeds(cells: list[Row]) -> list[Row]:
    """Means of the cells that only seeds tell apart, with 95 % intervals by Student's t; nothing
    where no seed is swept. A setting of which a cell failed has the mean of the others, and says
    so by its n."""
    groups: dict[str, list[Row]] = {}
    for row in cells:
        if not any(map(_is_seed, row.values)):
            return []
        groups.setdefault(json.dumps(_setting(row), sort_keys=True), []).append(row)
    return [_mean(group) for group in groups.values()]


def _is_seed(key: str) -> bool:
    return key.rpartition(".")[2] == "seed"


def _setting(row: Row) -> dict[str, Any]:
    return {key: value for key, value in row.values.items() if not _is_seed(key)}


def _mean(group: list[Row]) -> Row:
    whole = [row for row in group if row.state == "done"]
    names = dict.fromkeys(name for row in whole for name in row.metrics)
    metrics = {name: entry for name in names if (entry := _mean_of(whole, name))}
    state = "done" if len(whole) == len(group) else f"{len(whole)} of {len(group)}"
    seconds = mean(row.seconds for row in whole) if whole else 0.0
    return Row(_setting(group[0]), state, seconds, metrics, {})


def _mean_of(whole: list[Row], name: str) -> dict[str, Any]:
    by_step = {row.sources[name]: row.metrics[name] for row in whole if name in row.metrics}
    entries = [*by_step.values()]  # a step that no seed reaches is one, in however many cells
    values = [entry["value"] for entry in entries if entry["value"] is not None]
    if not values or len(values) < len(entries):
        return {}
    found: dict[str, Any] = {"value": mean(values), "n": len(values), "of": "seeds"}
    half = interval(values)
    if half is not None:
        found |= {"low": found["value"] - half, "high": found["value"] + half}
    return found | ({"unit": entries[0]["unit"]} if "unit" in entries[0] else {})


def write(folder: Path, cells: list[Row]) -> Path:
    """sweep.csv: values, state, seconds, and each metric with its interval."""
    names = list(dict.fromkeys(name for row in cells for name in row.metrics))
    table = []
    for row in cells:
        line = {key: _text(value) for key, value in row.values.items()}
        line |= {"state": row.state, "seconds": f"{row.seconds:.3f}"}
        for name in names:
            entry = row.metrics.get(name, {})
            line |= {name: entry.get("value")}
            line |= {f"{name}.{end}": entry.get(end) for end in ("low", "high")}
        table.append(line)
    tables.write_rows(folder / FILE, table)
    return folder / FILE


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def shown(cells: list[Row], width: int | None) -> str:
    """A table for people, of the metrics that are no part of another; means with intervals.

    What is wider than `width` goes on below, with the settings again.
    """
    names = list(dict.fromkeys(name for row in cells for name in row.metrics if "/" not in name))
    fixed = len(cells[0].values) + 2
    rows = [
        [
            *map(_text, row.values.values()),
            row.state,
            f"{row.seconds:.1f}",
            *(_figure(row.metrics.get(name)) for name in names),
        ]
        for row in cells
    ]
    rows.insert(0, _short([*cells[0].values, "state", "seconds", *names]))
    parts = []
    for places in _parts(
        [max(map(len, column)) for column in zip(*rows, strict=True)], fixed, width
    ):
        head, *lines = ([row[place] for place in places] for row in rows)
        parts.append(console.table(head, lines))
    return "\n\n".join(parts)


def _parts(widths: list[int], fixed: int, room: int | None) -> list[list[int]]:
    """The columns of each part: the `fixed` ones, and as many of the others as there is room."""
    parts = [[*range(fixed)]]
    for place in range(fixed, len(widths)):
        taken = sum(widths[other] + 2 for other in parts[-1])
        if room is not None and len(parts[-1]) > fixed and taken + widths[place] > room:
            parts.append([*range(fixed)])
        parts[-1].append(place)
    return parts


def _short(names: list[str]) -> list[str]:
    """The shortest end of each dotted name that is the end of no other."""
    count = Counter(end for name in names for end in _ends(name))
    return [next((end for end in _ends(name) if count[end] == 1), name) for name in names]


def _ends(name: str) -> list[str]:
    """c, b.c and a.b.c of a.b.c; a number such as the 5 of p@0.5 is no name."""
    parts = name.split(".")
    return [".".join(parts[i:]) for i in reversed(range(len(parts))) if parts[i][:1].isalpha()]


def _figure(entry: dict[str, Any] | None) -> str:
    if entry is None or entry["value"] is None:
        return ""
    if entry.get("of") == "seeds" and "low" in entry:
        return f"{entry['value']:.4f} [{entry['low']:.4f}, {entry['high']:.4f}]"
    return f"{entry['value']:.4f}"
