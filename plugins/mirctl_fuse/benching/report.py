"""Indexes beside each other: a table for people, one in a file, a document."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import torch

from mirctl import console, costs, tables
from mirctl.bench import reading as recorded
from mirctl.bench import report as models
from mirctl.efficiency import Meter
from mirctl_fuse.benching.measuring import RECALL, K, Measured, Way
from mirctl_fuse.benching.reading import Found

TABLE = "search.csv"
UNITS = {
    "queries_per_second": "queries a second, all at once",
    "p50_ms": "ms of one query",
    "p99_ms": "ms of one query",
    "size_bytes": "bytes",
    "build_seconds": "s",
}
COLUMNS = ["index", "asked", "build s", "size", RECALL, "queries/s", "p50 ms", "p99 ms"]
WIDTH = 80


def figures(way: Way) -> dict[str, float | None]:
    """By the keys of UNITS."""
    held = (way.per_second, way.p50_ms, way.p99_ms, way.size_bytes, way.build_seconds)
    return dict(zip(UNITS, held, strict=True))


def metrics(measured: Sequence[Measured]) -> models.Metrics:
    """`INDEX.WAY.FIGURE`, without blanks: `index.a_text.p50_ms`."""
    told: models.Metrics = {}
    for one in measured:
        for way in one.ways:
            start = f"{one.made.name}.{way.name.replace(' ', '_')}"
            if way.recall is not None:
                told[f"{start}.{RECALL}"] = way.recall
            known = {key: value for key, value in figures(way).items() if value is not None}
            told |= {f"{start}.{k}": {"value": v, "unit": UNITS[k]} for k, v in known.items()}
    return told


def document(
    found: Found, measured: Sequence[Measured], place: torch.device, out: Path | None
) -> dict[str, Any]:
    """What is no figure."""
    told = {"out": str(out)} if out is not None else {}
    over = [*costs.tpme(recorded.spent(found.models))]
    return {
        **told,
        "artifacts": [models.facts(row) for row in found.models],
        "tpme_over": over,
        "indexes": [_facts(one) for one in measured],
        "measured_on": {"device": str(place), **_machine(place)},
    }


def _facts(one: Measured) -> dict[str, Any]:
    made = one.made
    return {
        "name": made.name,
        "artifact": str(made.art.folder),
        "digest": made.art.manifest.digest,
        "model": made.model.name if made.model else None,
        "items": len(made.index),
        "queries": one.queries,
        "ways": [way.name for way in one.ways],
    }


def _machine(place: torch.device) -> Mapping[str, Any]:
    return Meter(place).report()["machine"]


def shown(found: Found, measured: Sequence[Measured], place: torch.device) -> str:
    """What `mirctl bench` shows of the models, then how their indexes are searched."""
    parts = [models.shown(found.models)] if found.models else []
    if measured:
        lines = [_line(one, way) for one in measured for way in one.ways]
        parts += [console.table(COLUMNS, lines, left=(0, 1)), _notes(measured, place)]
    return "\n\n".join(parts)


def _line(one: Measured, way: Way) -> list[str]:
    recall = "" if way.recall is None else f"{way.recall['value']:.3f}"
    size = "" if way.size_bytes is None else console.size_text(way.size_bytes)
    return [
        one.made.name, way.name, _short(way.build_seconds), size, recall,
        _short(way.per_second), _short(way.p50_ms), _short(way.p99_ms),
    ]  # fmt: skip


def _short(value: float | None) -> str:
    return "" if value is None else costs.short(value)


def _notes(measured: Sequence[Measured], place: torch.device) -> str:
    machine = _machine(place)
    on = machine["cuda"] or machine["cpu"] or machine["processor"]
    cores = console.counted(machine["cores"], "core")
    asked = "; ".join(f"{one.made.name} by {one.queries}" for one in measured)
    told = (
        f"Measured now on {place.type} ({on}, {cores}, "
        f"{console.counted(machine['threads'], 'thread')}): the {K} best for each query, many at "
        f"once (queries/s) and one after the other (p50, p99); {asked}. Exact search and the "
        "approximate one are of vectors that are there; of a user or a text the model makes them, "
        "too. Build: from the items to vectors (what is cached takes no time), then what "
        "approximate search learns. Size: of all spaces."
    )
    return "\n".join(wrap(told, WIDTH, **costs.WHOLE_WORDS))


def warnings(found: Found, measured: Sequence[Measured]) -> list[str]:
    """What is not known, and what was not measured on the same items."""
    told = [f"{one.made.name}: {problem}" for one in measured for problem in one.problems]
    counts = {len(one.made.index) for one in measured}
    if len(counts) > 1:
        told.append("searches cannot be compared: the indexes hold different numbers of items")
    told += [f"{one.made.name}: what it took to be made is not recorded" for one in measured
             if costs.FILE not in one.made.art.manifest.files]  # fmt: skip
    return [console.harmless(line) for line in told]


def write(target: Path, measured: Sequence[Measured]) -> None:
    """A row a way to ask an index."""
    rows = []
    for one in measured:
        facts = _facts(one)
        ways = {"index": facts.pop("name")}
        del facts["ways"]
        for way in one.ways:
            recall = (way.recall or {}).get("value")
            rows.append({**ways, "asked": way.name, RECALL: recall, **figures(way), **facts})
    if rows:
        tables.write_rows(target, rows)
