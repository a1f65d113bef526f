"""A comparison as tables for people, as a table in a file, and as a picture."""

from collections.abc import Sequence
from pathlib import Path

from mirctl import console, costs, pareto, tables
from mirctl.metrics import table
from mirctl.sequences import standing
from mirctl.sequences.standing import COLD, Metrics, Standing
from mirctl_adapt.comparing.contestants import AT

TABLE = "comparison.csv"
DOCUMENT = "comparison.json"


def shown(
    found: Sequence[Standing], metrics: Metrics, against: str, encoders: str, notes: Sequence[str]
) -> str:
    """Quality, cost, encoders where there are several, and what the stars mean."""
    under = "\n".join([*_notes(found, against), *notes])
    tables = (_quality(found, metrics, against), _cost(found), encoders, under)
    return "\n\n".join(filter(None, tables))


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


def _notes(found: Sequence[Standing], against: str) -> list[str]:
    told = [
        "Quality: means over users and seeds; intervals are bootstraps over users, and differences",
        f"from {_meant(found, against)} are over the same users and seeds.",
        "Memory: the most that a process which does nothing else held of its own; where it trained",
        "on CUDA, allocated there.",
    ]
    if adapting := standing.adapting(found):
        told += costs.told(adapting)
    if any(s.stopped for s in found):
        told.append("*: stopped by --baseline-minutes; with more time it may be better.")
    most = max(len(s.values) for s in found)
    if few := [f"{s.name} {len(s.values)}" for s in found if 0 < len(s.values) < most]:
        each = ", ".join(few)
        told.append(f"Seeds, where not {most}: {each}; differences are over those that both have.")
    return told


def _meant(found: Sequence[Standing], against: str) -> str:
    """What the differences are from; see contestants.reference."""
    if against.startswith(AT):
        return f"the same method {against}"
    known = any(s.name == against for s in found)
    return against if known else f"{against} on the same encoder"


def write(folder: Path, found: Sequence[Standing], metrics: Metrics) -> None:
    """comparison.csv: a row a method, and a column an end of each interval."""
    told = {s.name: {"method": s.name, "seeds": len(s.values), "stopped": s.stopped} for s in found}
    tables.write_rows(folder / TABLE, table.by_name(told, metrics))


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
