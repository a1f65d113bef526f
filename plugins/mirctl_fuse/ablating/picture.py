"""An ablation as a picture: quality by number of modalities, and what every other change does."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mirctl import pareto
from mirctl.sequences.standing import Metrics
from mirctl_fuse.ablating.contestants import RECIPE, Contestant
from mirctl_fuse.ablating.report import QUALITY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURES = ("ablation.svg", "ablation.png")
ROW = 0.27
"""Inches of a name."""
MANY = 6
"""So many names beside each other would touch."""
GROUPS = {"without": "one modality less", "cross": "exchange", "fusion": "fusion",
          "method": "other methods"}  # fmt: skip


def draw(folder: Path, compared: Sequence[Contestant], metrics: Metrics) -> None:
    """ablation.svg and .png; nothing where there is nothing to compare."""
    from matplotlib.figure import Figure

    curve = [one for one in compared if one.first and f"{one.name}.{QUALITY}" in metrics]
    curve = sorted(curve, key=lambda one: len(one.first))
    others = [one for one in compared
              if one.part in GROUPS and f"{one.name}.{QUALITY}-{RECIPE}" in metrics]  # fmt: skip
    widths = [4.6] * (len(curve) > 1) + [5.6] * bool(others)
    if not widths:
        return
    height = max(3.4, 1.2 + ROW * len(others))
    figure = Figure(figsize=(sum(widths), height), layout="constrained")
    axes = list(figure.subplots(1, len(widths), squeeze=False, width_ratios=widths)[0])
    if len(curve) > 1:
        _curve(axes.pop(0), curve, metrics)
    if others:
        _differences(axes.pop(0), others, metrics)
    pareto.save(figure, folder, PICTURES)


def _curve(ax: "Axes", curve: Sequence[Contestant], metrics: Metrics) -> None:
    """One modality, two, three, ...: a line and its interval."""
    entries = [metrics[f"{one.name}.{QUALITY}"] for one in curve]
    counts = [len(one.first) for one in curve]
    colour = pareto.COLOURS[0]
    ax.fill_between(counts, [e["low"] for e in entries], [e["high"] for e in entries],
                    color=colour, alpha=0.14, linewidth=0)  # fmt: skip
    ax.plot(counts, [e["value"] for e in entries], color=colour, marker="o", linewidth=1.6)
    added = [f"{'+ ' * (len(one.first) > 1)}{one.first[-1]}" for one in curve]
    ax.set_xticks(counts, added, rotation=0 if len(added) < MANY else 30)
    ax.set_ylim(bottom=0)
    ax.margins(x=0.1)
    ax.set_ylabel("NDCG@10, 95 % over users")
    ax.set_title("Modalities, added from left to right", fontsize=10)
    _plainly(ax, "y")


def _differences(ax: "Axes", others: Sequence[Contestant], metrics: Metrics) -> None:
    """A line each with its interval, a colour for each part that is varied."""
    parts = list(dict.fromkeys(one.part for one in others))
    for row, one in enumerate(others):
        entry = metrics[f"{one.name}.{QUALITY}-{RECIPE}"]
        bars = [[max(entry["value"] - entry["low"], 0)], [max(entry["high"] - entry["value"], 0)]]
        number = parts.index(one.part)
        label = GROUPS[one.part] if others.index(one) == _first_of(one.part, others) else None
        ax.errorbar(
            [entry["value"]], [row], xerr=bars, fmt=pareto.MARKS[number], capsize=3,
            color=pareto.COLOURS[number], linewidth=1.4, markersize=5, label=label,
        )  # fmt: skip
    ax.axvline(0, color="#444", linewidth=0.9)
    ax.set_yticks(range(len(others)), [pareto.plain(one.name) for one in others])
    ax.set_ylim(len(others) - 0.5, -0.5)
    ax.margins(x=0.12)
    ax.set_xlabel("NDCG@10 minus that of the recipe, 95 % over users")
    ax.set_title("One change at a time", fontsize=10)
    ax.legend(frameon=False, fontsize=8, loc="best")
    _plainly(ax, "x")


def _first_of(part: str, others: Sequence[Contestant]) -> int:
    return next(n for n, one in enumerate(others) if one.part == part)


def _plainly(ax: "Axes", axis: str) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis=axis, alpha=0.25, linewidth=0.6)
