"""A picture: quality against what training costs, and recall against what a search costs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirctl import console, pareto
from mirctl.bench.reading import Row
from mirctl_fuse.benching.measuring import RECALL, Measured
from mirctl_fuse.benching.report import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEXTS = {
    "memory_bytes": lambda value: console.size_text(int(value)),
    "size_bytes": lambda value: console.size_text(int(value)),
    "trainable_parameters": lambda value: f"{value / 1e6:g}M" if value >= 1e6 else f"{value:,.0f}",
}
TRAINING = {
    "epoch_seconds": "seconds an epoch",
    "memory_bytes": "memory",
    "trainable_parameters": "trainable parameters",
}
SEARCHING = {
    "p50_ms": "ms of one query, p50",
    "size_bytes": "size of the index",
    "build_seconds": "seconds to build",
}
Points = Mapping[str, tuple[Mapping[str, float | None], Mapping[str, Any]]]
"""Name -> (costs, quality with its interval)."""


def draw(folder: Path, rows: Sequence[Row], measured: Sequence[Measured]) -> None:
    """pareto.svg and .png: a panel a cost, in each a line through what nothing beats in both."""
    parts = [
        (_of_models(rows), _quality(rows), TRAINING, any(row.less for row in rows)),
        (_of_ways(measured), RECALL, SEARCHING, False),
    ]
    parts = [part for part in parts if part[0]]
    if not parts:
        return
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4 * len(parts)), layout="constrained")
    for line, (points, quality, panels, less) in zip(
        figure.subplots(len(parts), 3, squeeze=False), parts, strict=True
    ):
        for ax, (cost, label) in zip(line, panels.items(), strict=True):
            _panel(ax, points, cost, less=less)
            ax.set_xlabel(label)
            ax.set_ylabel(pareto.plain(quality))
        line[-1].legend(
            loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=8,
        )  # fmt: skip
    pareto.save(figure, folder, pareto.PICTURES)


def _of_models(rows: Sequence[Row]) -> Points:
    """Of one metric alone: others are not to be compared."""
    shown = [row for row in rows if "value" in row.quality]
    if len({row.metric for row in shown}) != 1:
        return {}
    return {row.name: (row.cost.values, row.quality) for row in shown}


def _quality(rows: Sequence[Row]) -> str:
    return next((row.metric for row in rows if row.metric is not None), "")


def _of_ways(measured: Sequence[Measured]) -> Points:
    return {
        f"{one.made.name}, {way.name}": (figures(way), way.recall)
        for one in measured
        for way in one.ways
        if way.recall is not None
    }


def _panel(ax: "Axes", points: Points, cost: str, *, less: bool) -> None:
    known = []
    for number, (name, (spent, quality)) in enumerate(points.items()):
        colour = pareto.COLOURS[number % len(pareto.COLOURS)]
        turn = number // len(pareto.COLOURS)
        mark = pareto.MARKS[(number + turn) % len(pareto.MARKS)]
        at, value = spent.get(cost), quality["value"]
        told = ([at], [value]) if at else ([], [])
        ax.scatter(*told, color=colour, marker=mark, s=45, zorder=3, label=pareto.plain(name))
        if at:
            low, high = quality.get("low", value), quality.get("high", value)
            ax.plot([at, at], [low, high], color=colour, linewidth=1)
            known.append((at, value))
    if known:
        best = pareto.front(known, less=less)
        ax.plot(*zip(*best, strict=True), color="#888", linewidth=1, linestyle="--", zorder=1)
        pareto.numbers(ax, TEXTS.get(cost, "{:g}".format))
    ax.tick_params(labelsize=8)
    ax.tick_params(which="minor", labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25, linewidth=0.6)
