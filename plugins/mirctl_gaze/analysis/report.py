"""Statistics as a table, as metrics, and as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any

from mirctl import console
from mirctl.console import counted
from mirctl.tables import new_table
from mirctl_gaze.analysis.results import Result, Source

COLUMNS = {
    "measure": "text", "source": "text", "pairs": "int64", "readers": "int64",
    **dict.fromkeys(
        ("chosen", "rejected", "difference", "low", "high", "t", "p_t_raw", "p_t", "wilcoxon",
         "p_wilcoxon_raw", "p_wilcoxon", "d_z", "rank_biserial", "rho"),
        "double",
    ),
    "rho_pairs": "int64", "reasons": "text",
}  # fmt: skip
BESIDE = {
    "difference": ("low", "high", "chosen", "rejected"), "p_t": ("t", "p_t_raw"),
    "p_wilcoxon": ("wilcoxon", "p_wilcoxon_raw"), "d_z": (), "rank_biserial": (),
}  # fmt: skip
"""Metrics, and what stands in their entries, too."""
Sources = Mapping[str, Source]


def write(target: str, kind: str, sources: Sources) -> None:
    """A row a measure and source."""
    rows = [_cells(*row) for row in _rows(sources)]
    with new_table(target, list(COLUMNS), COLUMNS, kind) as table:
        table.write({name: [row[name] for row in rows] for name in COLUMNS})


def metrics(sources: Sources) -> dict[str, dict[str, Any]]:
    """`TRT.difference` and so on; those of predictions are called `synthetic.TRT.difference`."""
    found = {}
    for measure, source, result in _rows(sources):
        name = measure if source == "real" else f"{source}.{measure}"
        for statistic, more in BESIDE.items():
            entry = _metric(result.value(statistic), result.pairs)
            entry |= {other: _known(result.value(other)) for other in more}
            found[f"{name}.{statistic}"] = entry
        if source != "real":
            found[f"{name}.rho"] = _metric(result.rho, result.rho_pairs)
    return found


def measured() -> list[str]:
    """Names that --require may ask for, of any measure, read or predicted."""
    return [*(f"*.{statistic}" for statistic in BESIDE), "synthetic.*.rho"]


def undefined(sources: Sources) -> dict[str, str]:
    """What is not defined, and why."""
    return {
        measure if source == "real" else f"{source}.{measure}": result.tested.reasons
        for measure, source, result in _rows(sources)
        if result.tested.reasons
    }


def told(sources: Sources, correction: str) -> str:
    """What was compared, and a table; of several sources side by side."""
    heading = "; ".join(
        f"{name}: {_counts(source)}" if len(sources) > 1 else _counts(source)
        for name, source in sources.items()
    )
    how = "not corrected" if correction == "none" else f"corrected by {correction}"
    notes = f"p of Wilcoxon's test, {how} over the measures; 95 % intervals in brackets"
    table = _beside(sources) if len(sources) > 1 else _alone(sources["real"])
    return f"{heading}\n{notes}\n\n{table}"


def _counts(source: Source) -> str:
    pairs = counted(len(source.pairs.names), "pair")
    readers = counted(len(source.pairs.readers), "reader")
    return f"{pairs} by {readers}" if source.pairs.by_reader else pairs


def _alone(source: Source) -> str:
    columns = ["measure", "pairs", "chosen", "rejected", "difference", "p", "p (t)", "d_z", "r"]
    rows = []
    for name, result in source.results.items():
        row = [name, f"{result.pairs:,}", _short(result.chosen), _short(result.rejected)]
        row += [_difference(result), _chance(result.p_wilcoxon), _chance(result.p_t)]
        rows.append([*row, *(_share(result.value(size)) for size in ("d_z", "rank_biserial"))])
    return console.table(columns, rows)


def _beside(sources: Sources) -> str:
    columns = ["measure"]
    for name in sources:
        columns += [name, "p", "d_z"]
    measures = dict.fromkeys(name for source in sources.values() for name in source.results)
    rows = []
    for measure in measures:
        row, rho = [measure], "-"
        for source in sources.values():
            result = source.results.get(measure, Result())
            row += [_difference(result), _chance(result.p_wilcoxon), _share(result.value("d_z"))]
            rho = _share(result.rho)
        rows.append([*row, rho])
    return console.table([*columns, "rho"], rows)


def _rows(sources: Sources) -> Iterator[tuple[str, str, Result]]:
    """Measure by measure, real and predicted one after the other."""
    for measure in dict.fromkeys(m for source in sources.values() for m in source.results):
        for name, source in sources.items():
            if measure in source.results:
                yield measure, name, source.results[measure]


def _cells(measure: str, source: str, result: Result) -> dict[str, str | None]:
    numbers = {
        name: repr(result.value(name))
        for name, held in COLUMNS.items()
        if held == "double" and not isnan(result.value(name))
    }
    counts = {
        name: str(getattr(result, name)) if getattr(result, name) else None
        for name in ("readers", "rho_pairs")
    }
    texts = {"measure": measure, "source": source, "reasons": result.tested.reasons or None}
    return {**dict.fromkeys(COLUMNS), "pairs": str(result.pairs), **counts, **numbers, **texts}


def _metric(value: float, count: int) -> dict[str, Any]:
    return {"value": _known(value), "n": count}


def _known(value: float) -> float | None:
    return None if isnan(value) else value


def _difference(result: Result) -> str:
    if isnan(result.difference):
        return "-"
    if isnan(result.low):
        return _short(result.difference)
    return f"{_short(result.difference)} [{result.low:.3g}, {result.high:.3g}]"


def _short(value: float) -> str:
    return "-" if isnan(value) else f"{value:.4g}"


def _share(value: float) -> str:
    return "-" if isnan(value) else f"{value:.2f}"


def _chance(value: float) -> str:
    if isnan(value):
        return "-"
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"
