"""A scanpath: fixations in their order, as large as they last."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mirctl_gaze.plots.canvas import INK, MANY, SOFT, Canvas, drawing
from mirctl_gaze.scanpaths.paths import Scanpath

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AREA = 520.0
"""Points² of the longest fixation."""
SMALLEST = 60.0
"""A number can still be read on it."""
NUMBERED = 100
"""Numbers that can be told apart at most: of more fixations each tenth, or hundredth, has one."""


def draw(path: Scanpath, canvas: Canvas, out: Path, title: str) -> None:
    """Numbered fixations, joined by lines; darker is later."""
    x, y = path.points
    lasting = np.full(len(path), np.nan) if path.duration is None else path.duration
    longest = np.nanmax(lasting, initial=0.0)
    share = np.ones(len(path)) * 0.4 if path.duration is None else lasting / (longest or 1.0)
    areas = np.maximum(AREA * share, SMALLEST)
    with drawing(canvas, out, title) as axes:
        from matplotlib import colormaps

        colours = colormaps["Blues"](np.linspace(0.15, 0.65, len(path)))
        flat = len(path) > MANY
        axes.plot(x, y, color=SOFT, linewidth=0.9, alpha=0.7, zorder=3, rasterized=flat)
        step = 1
        while len(path) > NUMBERED * step:
            step *= 10
        numbered = range(0, len(path), step)
        for first, last in pairwise([*numbered, len(path)]):  # a later one covers earlier numbers
            some = slice(first, last)
            axes.scatter(
                x[some], y[some], s=areas[some], c=colours[some], edgecolors="white",
                linewidths=0.8, alpha=0.9 if canvas.bare else 0.75, zorder=4, rasterized=flat,
            )  # fmt: skip
            axes.text(
                x[first], y[first], str(first + 1), ha="center", va="center", zorder=4,
                fontsize=6.5, color=INK, clip_on=True, rasterized=flat,
            )  # fmt: skip
        if path.duration is not None and longest:
            _legend(axes, longest)


def _legend(axes: Axes, longest: float) -> None:
    """Two circles that say how long is how large."""
    step = 10 ** np.floor(np.log10(longest))
    whole = np.floor(longest / step) * step
    for lasting in (whole / 4, whole):
        area = max(AREA * lasting / longest, SMALLEST)
        axes.scatter([], [], s=area, color=SOFT, alpha=0.5, label=f"{lasting:g} ms")
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8, labelspacing=1.2,
        handletextpad=0.9,
    )  # fmt: skip
