"""A fixation map: where gaze stayed, blurred as far as the eye sees sharply."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mirctl_gaze.plots.canvas import INK, MANY, Canvas, colour_bar, drawing
from mirctl_gaze.scanpaths.paths import Scanpath

CELLS = 400
"""Of the map along its longer side."""
SQUARE = 100.0
"""Pixels along the side of the area that figures are given for."""
BLOCK = 4096
DENSE = 1000
"""Dots that would hide the map."""
COLOURS = ("#ffffff", "#fde9b5", "#f9b65c", "#ea6a2c", "#b3201f")


def density(points: np.ndarray, weights: np.ndarray, canvas: Canvas, sigma: float) -> np.ndarray:
    """Weight in each 100 x 100 pixels (rows, columns) of points (2, n) blurred by a Gaussian."""
    cell = max(canvas.width, canvas.height) / CELLS
    columns = _middles(canvas.left, canvas.right, cell)
    rows = _middles(canvas.top, canvas.bottom, cell)
    total = np.zeros((len(rows), len(columns)))
    for start in range(0, points.shape[1], BLOCK):
        some = slice(start, start + BLOCK)
        across = _bell(columns[:, None] - points[0, some], sigma)
        down = _bell(rows[:, None] - points[1, some], sigma)
        total += (down * weights[some]) @ across.T
    return total * SQUARE**2


def _middles(start: float, stop: float, cell: float) -> np.ndarray:
    """Of cells about as wide as `cell` that fill the whole; one at least."""
    count = max(1, round((stop - start) / cell))
    return start + (np.arange(count) + 0.5) * ((stop - start) / count)


def _bell(away: np.ndarray, sigma: float) -> np.ndarray:
    return np.exp(-0.5 * (away / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


def draw(
    paths: Sequence[Scanpath], canvas: Canvas, out: Path, title: str, sigma: float | None
) -> None:
    """Fixation time, or their number where durations are not known, over the stimulus."""
    points = np.concatenate([path.points for path in paths], axis=1)
    timed = all(path.duration is not None for path in paths)
    weights = np.concatenate([path.duration for path in paths]) if timed else None
    unit = "ms" if timed else "fixations"
    wide = sigma or float(np.hypot(canvas.width, canvas.height)) / 40
    total = density(points, np.ones(points.shape[1]) if weights is None else weights, canvas, wide)
    with drawing(canvas, out, title) as axes:
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LinearSegmentedColormap

        colours = LinearSegmentedColormap.from_list("gaze", COLOURS)
        top = total.max() or 1.0
        shown = axes.imshow(
            total, extent=(canvas.left, canvas.right, canvas.bottom, canvas.top), cmap=colours,
            vmin=0, vmax=top, alpha=None if canvas.bare else np.clip(total / top * 2, 0, 0.75),
            zorder=3, aspect="equal", interpolation="bilinear",
        )  # fmt: skip
        count = points.shape[1]
        axes.plot(
            *points, ".", color=INK, markersize=1.6, alpha=0.55 if count < DENSE else 0.2, zorder=4,
            rasterized=count > MANY,
        )  # fmt: skip
        scale = ScalarMappable(shown.norm, colours)
        colour_bar(axes, scale, f"{unit} in {SQUARE:g} x {SQUARE:g} px")
