"""An ablation as a table for people, and as a table in a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mirctl import console, costs, tables
from mirctl.metrics import table
from mirctl.sequences import standing
from mirctl.sequences.standing import Metrics, Standing
from mirctl_fuse.ablating.contestants import RECIPE, Contestant

TABLE, DOCUMENT = "ablation.csv", "ablation.json"
QUALITY = "ndcg@10"
COSTS = ("epoch_seconds", "memory_bytes", "trainable_parameters")


def shown(
    compared: Sequence[Contestant], found: Sequence[Standing], metrics: Metrics,
    seconds: Mapping[str, float], workers: int,
) -> str:  # fmt: skip
    """A row each, and what the figures mean."""
    raced = sum(one.adapts for one in compared) > 1
    head = ["", "NDCG@10 [95 %]", "minus recipe [95 %]", "s/epoch", "memory", "trainable"]
    lines = [_line(s, metrics, raced) for s in found]
    under = "\n".join(_notes(found, raced, seconds, workers))
    return console.table(head + ["TPME"] * raced, lines) + "\n\n" + under


def _line(s: Standing, metrics: Metrics, raced: bool) -> list[str]:
    quality = ranged(metrics.get(f"{s.name}.{QUALITY}")) if s.values else "failed"
    paired = ranged(metrics.get(f"{s.name}.{QUALITY}-{RECIPE}"), sign=True)
    spent = [s.cost.text(key) for key in COSTS]
    tpme = ["" if s.tpme is None else f"{s.tpme:.3f}"] * raced
    return [s.name + "*" * s.stopped, quality, paired, *spent, *tpme]


def ranged(entry: dict[str, Any] | None, *, sign: bool = False) -> str:
    """A figure and its interval."""
    if entry is None:
        return ""
    plus = "+" if sign else ""
    value, low, high = (f"{entry[key]:{plus}.3f}" for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _notes(
    found: Sequence[Standing], raced: bool, seconds: Mapping[str, float], workers: int
) -> list[str]:
    seeds = max(len(s.values) for s in found)
    told = [
        f"NDCG@10: means over users and {console.counted(seeds, 'seed')}; intervals are bootstraps "
        "over users,",
        "differences over the same users and seeds. Memory: the most that a process which does",
        "nothing else held of its own; where it trained on CUDA, allocated there.",
    ]
    if raced:
        told += costs.told(standing.adapting(found))
    if any(s.stopped for s in found):
        told.append("*: stopped by --baseline-minutes; with more time it may be better.")
    if few := [f"{s.name} {len(s.values)}" for s in found if 0 < len(s.values) < seeds]:
        told.append(f"Seeds, where not {seeds}: {', '.join(few)}.")
    if seconds:
        each = ", ".join(f"{name} {spent:.0f} s" for name, spent in seconds.items())
        told.append(f"Encoded once, for all: {each}.")
    if workers > 1:
        told.append(f"--jobs {workers}: seconds are those of a machine that runs shared.")
    return told


def write(
    folder: Path, compared: Sequence[Contestant], found: Sequence[Standing], metrics: Metrics
) -> None:
    """ablation.csv: a row each, and a column an end of each interval."""
    told = {
        one.name: {"name": one.name, "varied": one.part, "seeds": len(s.values),
                   "stopped": s.stopped}
        for one, s in zip(compared, found, strict=True)
    }  # fmt: skip
    tables.write_rows(folder / TABLE, table.by_name(told, metrics))
