"""Plots as SVG whose colours are the page's, so that they follow light and dark."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mirctl_impute.columns import Column, NumberColumn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, REAL, MADE = "#010101", "#020202", "#030303", "#040404"
COLOURS = {INK: "var(--ink)", SOFT: "var(--soft)", REAL: "var(--real)", MADE: "var(--made)"}
"""What stands for the page's colours until the SVG is written."""
MOST_BARS = 8
BINS = 28
TALL = 0.7
"""Share of a bar beside which the others would not be seen: then heights are logarithms."""
STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 8,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.formatter.useoffset": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
}
_NAMED = re.compile(r' id="[A-Za-z0-9]+_\d+"')
_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure in inches on no ground."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    axes.patch.set_alpha(0)
    return figure, axes


def _svg(draw: Callable[[Axes], None], width: float, height: float, label: str) -> str:
    """What `draw(axes)` draws, as an SVG to put into a page."""
    import matplotlib

    with matplotlib.rc_context({**STYLE, "svg.hashsalt": label}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of glyphs that the measuring font lacks
        figure, axes = _figure(width, height)
        draw(axes)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = _METADATA.sub("", _NAMED.sub("", _PROLOGUE.sub("", out.getvalue())))
    for mark, colour in COLOURS.items():
        text = text.replace(mark, colour)
    return text.replace("<svg ", '<svg role="img" ', 1)


def column(learned: Column, real: np.ndarray, made: np.ndarray, label: str) -> str:
    """One column (n,) of both tables, side by side."""
    real, made = real[~np.isnan(real)], made[~np.isnan(made)]
    if isinstance(learned, NumberColumn):
        return _svg(lambda axes: _histogram(axes, learned, real, made), 2.4, 1.5, label)
    return _svg(lambda axes: _bars(axes, learned, real, made), 2.4, 1.5, label)


def _histogram(axes: Axes, learned: NumberColumn, real: np.ndarray, made: np.ndarray) -> None:
    from matplotlib.ticker import NullLocator

    low, high = np.quantile(real, [0.01, 0.99]) if len(real) else (0, 1)
    if low == high:
        low, high = min(real.min(), low - 0.5), max(real.max(), high + 0.5)
    edges = np.linspace(low, high, BINS + 1)
    if learned.kind == "integer" and high - low <= BINS:
        edges = np.arange(low, high + 2) - 0.5
    tallest = 0.0
    for values, colour, filled in ((real, REAL, True), (made, MADE, False)):
        if len(values):
            shares = np.histogram(values.clip(edges[0], edges[-1]), edges)[0] / len(values)
            tallest = max(tallest, shares.max())
            axes.stairs(
                shares, edges, fill=filled, color=colour, alpha=0.45 if filled else 1,
                linewidth=1.3,
            )  # fmt: skip
    if tallest > TALL:
        axes.set_yscale("log")
        axes.text(0.98, 0.9, "log scale", ha="right", transform=axes.transAxes, color=SOFT)
    axes.yaxis.set_major_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.spines["left"].set_visible(False)
    _number_ticks(axes, learned, edges)


def _number_ticks(axes: Axes, learned: NumberColumn, edges: np.ndarray) -> None:
    if learned.kind == "date":
        ticks = np.linspace(edges[0], edges[-1], 3)
        axes.set_xticks(ticks, learned.text(ticks))
        for tick, side in zip(axes.get_xticklabels(), ("left", "center", "right"), strict=True):
            tick.set_horizontalalignment(side)
    else:
        axes.locator_params(axis="x", nbins=4)


def _bars(axes: Axes, learned: Column, real: np.ndarray, made: np.ndarray) -> None:
    shares = [
        np.bincount(x.astype(int), minlength=learned.categories) / max(len(x), 1)
        for x in (real, made)
    ]
    order = np.argsort(-shares[0], kind="stable")[:MOST_BARS]
    names = [_short(learned.spellings[i].strip()) for i in order]
    shown = [x[order] for x in shares]
    if learned.categories > MOST_BARS:
        names = [*names[:-1], f"{learned.categories - MOST_BARS + 1:,} others"]
        shown = [np.append(x[order[:-1]], 1 - x[order[:-1]].sum()) for x in shares]
    places = np.arange(len(names))
    axes.barh(places - 0.2, shown[0], 0.4, color=REAL, alpha=0.45)
    axes.barh(places + 0.2, shown[1], 0.4, color=MADE)
    axes.set_yticks(places, names, fontsize=7.5 if len(places) < MOST_BARS else 7)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.locator_params(axis="x", nbins=3)


def _short(name: str, most: int = 16) -> str:
    return name if len(name) <= most else name[: most - 1] + "\u2026"


def heat(values: np.ndarray, names: list[str], label: str, *, signed: bool = False) -> str:
    """A matrix of associations, its strength as the strength of the colour."""
    blue, orange, grey = (0.18, 0.45, 0.80), (0.90, 0.42, 0.10), (0.5, 0.5, 0.5, 0.25)
    scale = max(0.2, float(np.nanmax(np.abs(values)))) if signed else 1.0
    picture = np.zeros((*values.shape, 4))
    picture[..., :3] = np.where((values < 0)[..., None], blue, orange) if signed else blue
    picture[..., 3] = np.nan_to_num(np.abs(values) / scale).clip(0, 1)
    picture[np.isnan(values)] = grey

    def draw(axes: Axes) -> None:
        axes.imshow(picture, interpolation="none", aspect="equal")
        size = min(7.0, 230 / max(len(names), 1))
        axes.set_xticks(range(len(names)), [_short(n, 12) for n in names], rotation=90)
        axes.set_yticks(range(len(names)), [_short(n, 12) for n in names])
        axes.tick_params(length=0, labelsize=size)
        for spine in axes.spines.values():
            spine.set_visible(True)

    return _svg(draw, 3.4, 3.4, label)


def distances(made: np.ndarray, holdout: np.ndarray, label: str) -> str:
    """How far rows (n,) lie from the closest real row."""
    top = float(np.quantile(np.concatenate([made, holdout]), 0.995)) or 1.0
    edges = np.linspace(0, top, 50)

    def draw(axes: Axes) -> None:
        for values, colour, filled in ((holdout, REAL, True), (made, MADE, False)):
            shares = np.histogram(values.clip(0, top), edges)[0] / len(values)
            axes.stairs(
                shares, edges, fill=filled, color=colour, alpha=0.45 if filled else 1,
                linewidth=1.3,
            )  # fmt: skip
            axes.axvline(np.quantile(values, 0.05), color=colour, linewidth=1, linestyle=":")
        axes.set_xlabel("distance to the closest row of the real table")
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)

    return _svg(draw, 9.5, 2.4, label)


def scatter(truth: np.ndarray, filled: np.ndarray, label: str) -> str:
    """True numbers (n,) against filled ones."""

    def draw(axes: Axes) -> None:
        low, high = np.quantile(np.concatenate([truth, filled]), [0.005, 0.995])
        margin = (high - low) * 0.05 or 0.5
        axes.axline((low, low), slope=1, color=SOFT, linewidth=0.8)
        axes.set_xlim(low - margin, high + margin)
        axes.set_ylim(low - margin, high + margin)
        axes.scatter(truth, filled, s=6, color=MADE, alpha=0.5, linewidths=0)
        axes.set_xlabel("truth")
        axes.set_ylabel("filled")
        axes.locator_params(nbins=4)

    return _svg(draw, 2.4, 2.0, label)


def accuracies(names: list[str], right: list[float], most: list[float], label: str) -> str:
    """Share of right categories by column, beside that of the most frequent one."""

    def draw(axes: Axes) -> None:
        places = np.arange(len(names))
        axes.barh(places, right, 0.6, color=MADE)
        axes.scatter(most, places, marker="|", s=90, color=INK, linewidths=1.5)
        axes.set_yticks(places, [_short(name, 20) for name in names])
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")

    return _svg(draw, 9.5, 0.5 + 0.22 * len(names), label)
