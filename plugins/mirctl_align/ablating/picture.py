"""An ablation as a picture: what gaze adds to the text alone, and how much data that takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mirctl import pareto
from mirctl_align.ablating.standing import ACCURACY, Metrics, Standing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURES = ("ablation.svg", "ablation.png")
CONTROL = "#8a8f98"
ROW = 0.34
"""Inches of a name."""


def draw(folder: Path, found: Sequence[Standing], metrics: Metrics) -> None:
    """ablation.svg and .png: differences from the text alone, and accuracy by share of the pairs
    where there are several; nothing where nothing ended."""
    from matplotlib.figure import Figure

    compared = [s for s in found if f"{s.name}.{ACCURACY}-text" in metrics]
    curves = [(s, points) for s in found if len(points := _curve(s, found, metrics)) > 1]
    panels = bool(compared) + bool(curves)
    if not panels:
        return
    height = max(2.6 + 0.8 * bool(curves), 1.3 + ROW * len(compared))
    figure = Figure(figsize=(6.6 * panels, height), layout="constrained")
    axes = list(figure.subplots(1, panels, squeeze=False)[0])
    if compared:
        _differences(axes.pop(0), compared, metrics)
    if curves:
        _shares(axes.pop(0), curves)
    pareto.save(figure, folder, PICTURES)


def _differences(ax: "Axes", compared: Sequence[Standing], metrics: Metrics) -> None:
    """A line each with its interval; controls are grey."""
    for row, s in enumerate(compared):
        entry = metrics[f"{s.name}.{ACCURACY}-text"]
        value, low, high = (100 * entry[key] for key in ("value", "low", "high"))
        colour = CONTROL if s.contestant.shuffled else pareto.COLOURS[0]
        bars = [[max(value - low, 0.0)], [max(high - value, 0.0)]]
        ax.errorbar([value], [row], xerr=bars, fmt="o", color=colour, capsize=3, linewidth=1.4)
    ax.axvline(0, color="#444", linewidth=0.9)
    ax.set_yticks(range(len(compared)), [pareto.plain(s.name) for s in compared])
    ax.set_ylim(len(compared) - 0.5, -0.5)
    ax.margins(x=0.12)
    ax.set_xlabel("accuracy minus that of the text alone, points, 95 % over prompts")
    ax.set_title("What gaze adds; grey: the gaze of other texts", fontsize=10)
    _plainly(ax, "x")


def _curve(s: Standing, found: Sequence[Standing], metrics: Metrics) -> list[tuple[float, float]]:
    """(per cent of the pairs, accuracy) of one way to use gaze, by itself where it has all."""
    if s.contestant.share < 1 or s.contestant.shuffled:
        return []
    same = [(o.contestant.share, metrics.get(f"{o.name}.{ACCURACY}"))
            for o in found if o.whole == s.contestant]  # fmt: skip
    return sorted((100 * share, entry["value"]) for share, entry in same if entry)


def _shares(ax: "Axes", curves: Sequence[tuple[Standing, list[tuple[float, float]]]]) -> None:
    for number, (s, points) in enumerate(curves):
        mark, colour = (some[number % len(some)] for some in (pareto.MARKS, pareto.COLOURS))
        label = pareto.plain(s.name)
        ax.plot(*zip(*points, strict=True), color=colour, marker=mark, label=label)
        if s.contestant == s.contestant.text_only:
            ax.axhline(points[-1][1], color=colour, linewidth=0.9, linestyle="--")
    ax.set_xlabel("per cent of the pairs to learn from")
    ax.set_ylabel("accuracy")
    ax.set_title("How much data that takes; dashed: the text alone with all", fontsize=10)
    ax.legend(frameon=False, fontsize=9)
    _plainly(ax, "both")


def _plainly(ax: "Axes", axis: str) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis=axis, alpha=0.25, linewidth=0.6)
