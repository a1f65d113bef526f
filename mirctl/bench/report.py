"""Artifacts beside each other: tables for people, a table in a file, a picture, warnings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirctl import console, costs, pareto, tables
from mirctl.bench.reading import FIGURES, Row, spent, utf8

TABLE = "bench.csv"
MOST_NAMES, MOST_DRAWN = 6, 200
"""In a line of people's text, and in a picture."""
Metrics = dict[str, dict[str, Any]]
_COLUMNS = {
    "epoch_seconds": "s/epoch",
    "epochs": "epochs",
    "cpu_seconds": "CPU s",
    "trainable_parameters": "trainable",
    "memory_bytes": "memory",
}


def metrics(rows: Sequence[Row]) -> Metrics:
    """`NAME.METRIC`, for a document and `--require`; what is not recorded has no value."""
    told: Metrics = {}
    tpme = costs.tpme(spent(rows))
    for row in rows:
        if row.metric is not None:
            told[f"{row.name}.{row.metric}"] = {"value": None, **row.quality}
        units = {**costs.UNITS, **row.cost.units()}
        for key, unit in units.items():
            told[f"{row.name}.{key}"] = {"value": row.cost.values.get(key), "unit": unit}
        unit = "0..1, less is better"
        told[f"{row.name}.tpme"] = {"value": tpme.get(row.name), "unit": unit}
    return told


def facts(row: Row) -> dict[str, Any]:
    """What is no figure."""
    told = row.art.manifest
    return {
        "name": row.name,
        "artifact": str(row.art.folder),
        "kind": told.kind,
        "digest": told.digest,
        "seed": told.seed,
        "metric": row.metric,
        "less_is_better": row.less,
        "stopped": row.cost.stopped,
        "memory": row.cost.memory,
        "place": row.place or None,
    }


def shown(rows: Sequence[Row]) -> str:
    """Quality, cost, and what they mean."""
    return f"{_quality(rows)}\n\n{_cost(rows)}\n\n{_notes(rows)}"


def _quality(rows: Sequence[Row]) -> str:
    lines = [
        [_starred(row), row.art.manifest.kind, row.metric or "", _ranged(row), _count(row)]
        for row in rows
    ]
    return console.table(["artifact", "kind", "metric", "value [95 %]", "n"], lines, left=(0, 1, 2))


def _cost(rows: Sequence[Row]) -> str:
    tpme = costs.tpme(spent(rows))
    lines = [
        [
            _starred(row),
            *(row.cost.text(key) for key in _COLUMNS),
            f"{tpme[row.name]:.3f}" if row.name in tpme else "",
        ]
        for row in rows
    ]
    return console.table(["artifact", *_COLUMNS.values(), "TPME"], lines)


def _starred(row: Row) -> str:
    return row.name + "*" * row.cost.stopped


def _ranged(row: Row) -> str:
    """The value, and its interval where there is one."""
    known = row.quality
    if "value" not in known:
        return ""
    ends = f" [{known['low']:.4f}, {known['high']:.4f}]" if {"low", "high"} <= known.keys() else ""
    return f"{known['value']:.4f}{ends}"


def _count(row: Row) -> str:
    return f"{row.quality['n']:,}" if "n" in row.quality else ""


def _notes(rows: Sequence[Row]) -> str:
    told = [
        "Memory: the most that the run held, allocated on CUDA where it used that, else RAM of its",
        "own. What is empty was not recorded.",
        *costs.told(spent(rows)),
    ]
    if any(row.cost.stopped for row in rows):
        told.append("*: its time was over before the end; with more it may be better.")
    return "\n".join(told)


def warnings(rows: Sequence[Row]) -> list[str]:
    """Why figures are not to be compared."""
    found = [_other_work(rows), _other_data(rows), _other_places(rows)]
    if without := [row.name for row in rows if costs.FILE not in row.art.manifest.files]:
        found.append(f"{_listed(without)}: no {costs.FILE}, so what it cost is not known")
    return [console.harmless(told) for told in found if told]


def _other_work(rows: Sequence[Row]) -> str:
    kinds = list(dict.fromkeys(row.art.manifest.kind for row in rows))
    if len(kinds) > 1:
        told = f"{_listed(kinds)} are different work"
        return f"neither quality, seconds an epoch nor TPME can be compared: {told}"
    named = list(dict.fromkeys(row.metric for row in rows if row.metric is not None))
    if len(named) < 2:
        return ""
    return f"quality cannot be compared: {', '.join(named)} are different metrics; see --metric"


def _other_data(rows: Sequence[Row]) -> str:
    """Inputs below the recipe's `data` are what quality is measured on."""
    by_name: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        for item in row.art.manifest.inputs:
            if item.name.startswith("data."):
                by_name.setdefault(item.name, {}).setdefault(item.sha256, []).append(row.name)
    for key, several in by_name.items():
        if len(several) > 1:
            first, *others = several.values()
            other = _listed([name for names in others for name in names])
            return f"quality cannot be compared: {key} of {other} is not that of {_listed(first)}"
    return ""


def _other_places(rows: Sequence[Row]) -> str:
    by_place: dict[str, list[str]] = {}
    for row in rows:
        if row.place:
            by_place.setdefault(row.place, []).append(row.name)
    if len(by_place) < 2:
        return ""
    each = "; ".join(f"{_listed(names)} on {place}" for place, names in by_place.items())
    return f"seconds, memory and TPME cannot be compared: {each}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def write(target: Path, rows: Sequence[Row]) -> None:
    """A row an artifact."""
    tpme = costs.tpme(spent(rows))
    table = []
    for row in rows:
        told = {**facts(row), "artifact": utf8(str(row.art.folder))}
        line = {"name": told.pop("name"), "kind": told.pop("kind"), "metric": told.pop("metric")}
        line |= {key: row.quality.get(key) for key in (*FIGURES, "unit")}
        line |= {key: row.cost.values.get(key) for key in costs.UNITS}
        table.append({**line, "tpme": tpme.get(row.name), **told})
    tables.write_rows(target, table)


def undrawable(rows: Sequence[Row]) -> str:
    """Why there is no picture; empty where there is one."""
    if len(rows) > MOST_DRAWN:
        return f"they are more than {MOST_DRAWN}"
    if len({row.metric for row in rows if row.metric is not None}) > 1:
        return "quality is of different metrics"
    if not any("value" in row.quality and "epoch_seconds" in row.cost.values for row in rows):
        return "of no artifact both quality and seconds an epoch are known"
    return ""


def draw(folder: Path, rows: Sequence[Row]) -> None:
    """Quality against seconds an epoch, with the interval; the area of a point is memory."""
    alike = len({row.cost.memory for row in rows if row.cost.memory}) == 1
    shown = [row for row in rows if "value" in row.quality]
    points = []
    for row in shown:
        told, cost = row.quality, row.cost.values
        ends = (told["value"], cost.get("epoch_seconds"), told.get("low"), told.get("high"))
        held = cost.get("memory_bytes") if alike else None
        points.append(pareto.Point(row.name, *ends, held, row.cost.stopped))
    less = any(row.less for row in shown)
    label = f"{shown[0].metric}, less is better" if less else f"{shown[0].metric}"
    pareto.draw(folder, points, label, less=less)
