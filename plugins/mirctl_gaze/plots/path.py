"""A scanpath: fixations in their order, as large as they last."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mirctl_gaze.plots.canvas import INK, SOFT, Canvas, drawing
from mirctl_gaze.scanpaths.paths import Scanpath

AREA = 260.0
"""Points² of the longest fixation."""
SMALLEST = 26.0
NUMBERED = 100
"""Fixations that get each a number; of more, every tenth."""


def draw(path: Scanpath, canvas: Canvas, out: Path, title: str) -> None:
    """Numbered fixations, joined by lines; darker is later."""
    x, y = path.points
    lasting = np.full(len(path), np.nan) if path.duration is None else path.duration
    longest = np.nanmax(lasting, initial=0.0)
    share = np.ones(len(path)) * 0.4 if path.duration is None else lasting / (longest or 1.0)
    areas = np.maximum(AREA * share, SMALLEST)
    with drawing(canvas, out, title) as axes:
        from matplotlib import colormaps

        order = np.linspace(0.25, 0.95, len(path))
        colours = colormaps["Blues"](order)
        axes.plot(x, y, color=SOFT, linewidth=0.9, alpha=0.7, zorder=3)
        axes.scatter(x, y, s=areas, c=colours, edgecolors="white", linewidths=0.7, zorder=4)
        every = 1 if len(path) <= NUMBERED else 10
        for number in range(0, len(path), every):
            axes.text(
                x[number], y[number], str(number + 1), ha="center", va="center", zorder=5,
                fontsize=6.5, color="white" if order[number] > 0.55 else INK, clip_on=True,
            )  # fmt: skip
        if path.duration is not None and longest:
            _legend(axes, longest)


def _legend(axes, longest: float) -> None:
    """Two circles that say how long is how large."""
    step = 10 ** np.floor(np.log10(longest))
    whole = np.floor(longest / step) * step
    for lasting in (whole / 4, whole):
        area = max(AREA * lasting / longest, SMALLEST)
        axes.scatter([], [], s=area, color=SOFT, alpha=0.5, label=f"{lasting:g} ms")
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=8,
        borderaxespad=0.1, handletextpad=0.4,
    )  # fmt: skip
