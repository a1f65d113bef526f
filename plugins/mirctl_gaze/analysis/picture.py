"""Differences of all measures in one picture, in standard deviations, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mirctl import pareto
from mirctl.console import harmless
from mirctl_gaze.analysis.results import Result, Source

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVEL = 0.05
APART = 0.28
"""Between the points of two sources, where measures are 1 apart."""


def draw(sources: Mapping[str, Source], correction: str, path: Path) -> None:
    """A row a measure, a colour a source; what is significant is filled."""
    import matplotlib
    from matplotlib.figure import Figure

    measures = list(dict.fromkeys(name for source in sources.values() for name in source.results))
    with matplotlib.rc_context({"svg.fonttype": "none", "text.parse_math": False}):
        figure = Figure(figsize=(6.4, 1.4 + 0.4 * len(measures)), layout="constrained")
        axes = figure.subplots()
        axes.axvline(0, color="#888", linewidth=1)
        for number, (name, source) in enumerate(sources.items()):
            colour = pareto.COLOURS[number]
            axes.plot([], [], "o", color=colour, label=name)
            for place, measure in enumerate(measures):
                result = source.results.get(measure, Result())
                middle = (len(sources) - 1) / 2
                _point(axes, place + APART * (number - middle), result, colour)
        axes.set_yticks(range(len(measures)), [harmless(name) for name in measures])
        axes.set_ylim(len(measures) - 0.5, -0.5)
        axes.set_xlabel("chosen less rejected, in standard deviations of the differences")
        how = "" if correction == "none" else f", {correction}"
        axes.set_title(f"95 % intervals; filled: p < {LEVEL} (Wilcoxon{how})", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", alpha=0.25, linewidth=0.6)
        if len(sources) > 1:
            figure.legend(loc="outside right upper", frameon=False)
        pareto.save(figure, path.parent, [path.name])


def _point(axes: Axes, height: float, result: Result, colour: str) -> None:
    size = result.value("d_z")
    if size != size or not size:
        return
    deviation = result.difference / size
    ends = (result.difference - result.low, result.high - result.difference)
    bars = [[max(end / deviation, 0.0)] for end in ends]
    face = colour if result.p_wilcoxon < LEVEL else "white"
    axes.errorbar(
        [size], [height], xerr=bars, fmt="o", color=colour, markerfacecolor=face, capsize=2,
        linewidth=1.2,
    )  # fmt: skip
