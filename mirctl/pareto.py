"""A picture of quality against time, in which what nothing beats in both is a line."""

import io
import warnings
from collections.abc import Callable, Sequence
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
IN_COLUMN, IN_LABEL = 20, 3
"""Names in a column of the legend, and beside a line."""


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

    timed = [point for point in points if point.seconds is not None]
    columns = -(-len(timed) // IN_COLUMN)
    figure = Figure(figsize=(6 + 2.5 * columns, 4.6), layout="constrained")
    ax = figure.subplots()
    _points(ax, timed, less=less)
    levels(ax, points)
    if timed:
        legend = figure.legend(loc="outside right upper", frameon=False, fontsize=9, ncols=columns)
        for mark in legend.legend_handles:
            mark.set_sizes([50])
    _scale(ax, points)
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

    with matplotlib.rc_context({"svg.hashsalt": "pareto"}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font lacks is drawn as a box
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
        turn = number // len(COLOURS)  # a colour that comes again has another mark
        if point.low is not None and point.high is not None:
            bars = [[max(y - point.low, 0.0)], [max(point.high - y, 0.0)]]
            ax.errorbar(x, [y], bars, color=colour, linewidth=1, capsize=2)
        face = "none" if point.stopped else colour
        ax.scatter(
            x, [y], s=30 + 270 * (point.memory or 0.0) / most, facecolors=face, edgecolors=colour,
            alpha=0.85, zorder=3, marker=MARKS[(number + turn) % len(MARKS)],
            label=plain(point.name) + "*" * point.stopped,
        )  # fmt: skip
    best = front([(point.seconds, point.value) for point in timed], less=less)
    if best:
        ax.plot(*zip(*best, strict=True), color="#888", linewidth=1, linestyle="--", zorder=1)


def levels(ax: "Axes", points: Sequence[Point]) -> None:
    """What does not train, as lines across; near ones share a label."""
    values = [0.0, *(point.value for point in points)]
    near = (max(values) - min(values)) / 30
    groups: list[list[Point]] = []
    for point in sorted(points, key=lambda point: point.value):
        if point.seconds is not None:
            continue
        ax.axhline(point.value, color="#999", linewidth=0.8, linestyle=":")
        if groups and point.value - groups[-1][-1].value <= near:
            groups[-1].append(point)
        else:
            groups.append([point])
    for group in groups:
        names = [plain(point.name) for point in group[:IN_LABEL]]
        more = len(group) - IN_LABEL
        ax.annotate(
            ", ".join(names) + (f" and {more} more" if more > 0 else ""), (1, group[-1].value),
            xycoords=("axes fraction", "data"), xytext=(-4, 3), textcoords="offset points",
            ha="right", fontsize=9, color="#666",
        )  # fmt: skip


def _scale(ax: "Axes", points: Sequence[Point]) -> None:
    """Seconds as plain numbers, on a log scale; no quality below 0 where none is."""
    numbers(ax)
    if all(point.value >= 0 for point in points):
        ax.set_ylim(bottom=0)


def numbers(ax: "Axes", text: Callable[[float], str] = "{:g}".format) -> None:
    """A log scale across, with plain numbers, or as `text` tells them."""
    from matplotlib.ticker import FuncFormatter

    ax.set_xscale("log")
    ax.margins(x=0.2, y=0.1)
    low, high = ax.get_xlim()
    # as many numbers as there is room for, by their first digit
    first = "123456789" if high < 3 * low else "125" if high < 50 * low else "1"
    told = FuncFormatter(lambda value, _: text(value) if f"{value:e}"[0] in first else "")
    ax.xaxis.set_major_formatter(told)
    ax.xaxis.set_minor_formatter(told)


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
