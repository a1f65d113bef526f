"""A picture of quality against time, in which what nothing beats in both is a line."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mirctl import console, files

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PICTURES = ("pareto.svg", "pareto.png")
COLOURS = ("#0b6fb8", "#d1600a", "#2a8a4a", "#9b4bb0", "#8a6d1f", "#c2365c", "#4b4f58", "#1b9e9e")
MARKS = "osD^vPX*"


@dataclass(frozen=True)
class Point:
    """One method, or one artifact."""

    name: str
    value: float
    seconds: float | None
    """An epoch; None of what does not train, which is a line across."""
    low: float | None = None
    high: float | None = None
    memory: float | None = None
    """Bytes, where those of all points are of one memory."""
    stopped: bool = False
    """Its time was over before it had trained to the end."""


def check() -> bool:
    """Can pictures be drawn here?"""
    if find_spec("matplotlib"):
        return True
    console.warn("no picture will be drawn: pip install 'mirctl[plots]'")
    return False


def draw(folder: Path, points: Sequence[Point], quality: str, *, less: bool = False) -> None:
    """pareto.svg and .png; the area of a point is memory. `less`: the better quality is less."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 4.6), layout="constrained")
    ax = figure.subplots()
    timed = [point for point in points if point.seconds is not None]
    _points(ax, timed, less=less)
    for point in points:
        if point.seconds is None:
            level(ax, point.name, point.value)
    if timed:
        figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    ax.set_xscale("log")
    ax.margins(x=0.2)
    if all(point.value >= 0 for point in points):
        ax.set_ylim(bottom=0)
    ax.set_xlabel("seconds an epoch (log scale)")
    ax.set_ylabel(plain(quality))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25, linewidth=0.6)
    area = "; a point's area is memory" if any(point.memory for point in timed) else ""
    ax.set_title(f"Quality against time{area}", fontsize=10)
    save(figure, folder, PICTURES)


def save(figure: "Figure", folder: Path, names: Sequence[str]) -> None:
    """Write a picture under each name, in the form that its end tells."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "pareto"}):
        for name in names:
            content = io.BytesIO()
            kind = name.rpartition(".")[2]
            about = {"Date": None} if kind == "svg" else {}  # the same figures make the same file
            figure.savefig(content, format=kind, dpi=160, metadata=about)
            files.write_bytes(folder / name, content.getvalue())


def _points(ax: "Axes", timed: Sequence[Point], *, less: bool) -> None:
    """What trains, and a line through what none beats in both."""
    most = max((point.memory or 0.0 for point in timed), default=0.0) or 1.0
    for number, point in enumerate(timed):
        x, y, colour = [point.seconds], point.value, COLOURS[number % len(COLOURS)]
        if point.low is not None and point.high is not None:
            bars = [[max(y - point.low, 0.0)], [max(point.high - y, 0.0)]]
            ax.errorbar(x, [y], bars, color=colour, linewidth=1, capsize=2)
        face = "none" if point.stopped else colour
        ax.scatter(
            x, [y], s=30 + 270 * (point.memory or 0.0) / most, facecolors=face, edgecolors=colour,
            alpha=0.85, zorder=3, marker=MARKS[number % len(MARKS)],
            label=plain(point.name) + "*" * point.stopped,
        )  # fmt: skip
    best = front([(point.seconds, point.value) for point in timed], less=less)
    if best:
        ax.plot(*zip(*best, strict=True), color="#888", linewidth=1, linestyle="--", zorder=1)


def level(ax: "Axes", name: str, value: float) -> None:
    """What has no place along the other axis, as a line across."""
    ax.axhline(value, color="#999", linewidth=0.8, linestyle=":")
    ax.annotate(
        plain(name), (1, value), xycoords=("axes fraction", "data"), xytext=(-4, 3), ha="right",
        textcoords="offset points", fontsize=9, color="#666",
    )  # fmt: skip


def plain(text: str) -> str:
    """A name as it is: a dollar would begin a formula, and a label that begins with _ is hidden."""
    shown = console.harmless(text).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def front(
    points: Sequence[tuple[float, float]], *, less: bool = False
) -> list[tuple[float, float]]:
    """What no other point beats in both time and quality, fastest first."""
    sign = -1 if less else 1
    best, kept = float("-inf"), []
    for x, y in sorted(points, key=lambda point: (point[0], -sign * point[1])):
        if sign * y > best:
            best = sign * y
            kept.append((x, y))
    return kept
