"""A comparison as tables for people, as a table in a file, and as a picture."""

from collections.abc import Sequence
from pathlib import Path

from mirctl import console, costs, pareto, tables
from mirctl_adapt.comparing import standing
from mirctl_adapt.comparing.standing import COLD, Metrics, Standing

TABLE = "comparison.csv"
DOCUMENT = "comparison.json"


def shown(found: Sequence[Standing], metrics: Metrics, against: str) -> str:
    """Quality, cost, and what the stars mean."""
    return f"{_quality(found, metrics, against)}\n\n{_cost(found)}\n\n{_notes(found, against)}"


def _quality(found: Sequence[Standing], metrics: Metrics, against: str) -> str:
    head = ["method", "seeds", "NDCG@10 [95 %]", f"minus {against} [95 %]", "HR@10", "cold HR@20"]
    lines = []
    for s in found:
        if not s.values:
            lines.append([s.name, "failed", "", "", "", ""])
            continue
        paired = metrics.get(f"{s.name}.ndcg@10-{against}")
        cold = metrics[f"{s.name}.{COLD}"]["value"]
        lines.append(
            [
                s.name + "*" * s.stopped,
                str(len(s.values)),
                _ranged(metrics[f"{s.name}.ndcg@10"]),
                _ranged(paired, sign=True) if paired else "",
                f"{metrics[f'{s.name}.hr@10']['value']:.4f}",
                "" if cold is None else f"{cold:.4f}",
            ]
        )
    return console.table(head, lines)


def _ranged(entry: dict[str, float], *, sign: bool = False) -> str:
    plus = "+" if sign else ""
    value, low, high = (f"{entry[key]:{plus}.4f}" for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _cost(found: Sequence[Standing]) -> str:
    head = ["method", "rate", "s/step", "s/epoch", "epochs", "trainable", "memory", "CPU s", "TPME"]
    told = ("step_seconds", "epoch_seconds", "epochs", "trainable_parameters")
    told += ("memory_bytes", "cpu_seconds")
    lines = [
        [
            s.name + "*" * s.stopped,
            "" if s.rate is None else f"{s.rate:g}",
            *(s.cost.text(key) for key in told),
            "" if s.tpme is None else f"{s.tpme:.3f}",
        ]
        for s in found
    ]
    return console.table(head, lines)


def _notes(found: Sequence[Standing], against: str) -> str:
    told = [
        "Quality: means over users and seeds; intervals are bootstraps over users, and differences",
        f"from {against} are over the same users and seeds.",
        "Memory: the most that a process which does nothing else held of its own; where it trained",
        "on CUDA, allocated there.",
    ]
    if adapting := standing.adapting(found):
        told += costs.told(adapting)
    if any(s.stopped for s in found):
        told.append("*: stopped by --baseline-minutes; with more time it may be better.")
    return "\n".join(told)


def write(folder: Path, found: Sequence[Standing], metrics: Metrics) -> None:
    """comparison.csv: a row a method, and a column an end of each interval."""
    rows = []
    for s in found:
        own = {k.removeprefix(f"{s.name}."): m for k, m in metrics.items() if _is_of(k, s.name)}
        row: dict[str, object] = {"method": s.name, "seeds": len(s.values), "stopped": s.stopped}
        for key, entry in own.items():
            row[key] = entry["value"]
            row |= {f"{key}.{end}": entry[end] for end in ("low", "high") if end in entry}
        rows.append(row)
    keys = list(dict.fromkeys(key for row in rows for key in row))
    tables.write_rows(folder / TABLE, [{key: row.get(key) for key in keys} for row in rows])


def _is_of(key: str, name: str) -> bool:
    return key.startswith(f"{name}.")


def draw(folder: Path, found: Sequence[Standing], metrics: Metrics) -> None:
    """pareto.svg and .png: quality against seconds an epoch; the area of a point is memory."""
    alike = len({s.cost.memory for s in found if s.cost.memory}) == 1
    points = []
    for s in found:
        if s.values:
            entry, spent = metrics[f"{s.name}.ndcg@10"], s.cost.values
            ends = (entry["value"], spent.get("epoch_seconds"), entry["low"], entry["high"])
            held = spent.get("memory_bytes") if alike else None
            points.append(pareto.Point(s.name, *ends, held, s.stopped))
    pareto.draw(folder, points, "NDCG@10, 95 % over users")
