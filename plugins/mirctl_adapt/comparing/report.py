"""A comparison as tables for people, as a table in a file, and as a picture."""

import io
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mirctl import console, files, tables
from mirctl_adapt.comparing.standing import COLD, Metrics, Standing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE, PICTURES = "comparison.csv", ("pareto.svg", "pareto.png")
DOCUMENT = "comparison.json"
COLOURS = ("#0b6fb8", "#d1600a", "#2a8a4a", "#9b4bb0", "#8a6d1f", "#c2365c", "#4b4f58", "#1b9e9e")
MARKS = "osD^vPX*"


def shown(found: Sequence[Standing], metrics: Metrics, against: str) -> str:
    """Quality, cost, and what the stars mean."""
    return f"{_quality(found, metrics, against)}\n\n{_cost(found)}\n\n{_notes(found, against)}"


def _quality(found: Sequence[Standing], metrics: Metrics, against: str) -> str:
    head = ["method", "seeds", "NDCG@10 [95 %]", f"minus {against} [95 %]", "HR@10", "cold HR@20"]
    lines = []
    for s in found:
        if not s.values:
            lines.append([s.name, "failed", "", "", "", ""])
            continue
        paired = metrics.get(f"{s.name}.ndcg@10-{against}")
        cold = metrics[f"{s.name}.{COLD}"]["value"]
        lines.append(
            [
                s.name + "*" * s.stopped,
                str(len(s.values)),
                _ranged(metrics[f"{s.name}.ndcg@10"]),
                _ranged(paired, sign=True) if paired else "",
                f"{metrics[f'{s.name}.hr@10']['value']:.4f}",
                "" if cold is None else f"{cold:.4f}",
            ]
        )
    return console.table(head, lines)


def _ranged(entry: dict[str, float], *, sign: bool = False) -> str:
    plus = "+" if sign else ""
    value, low, high = (f"{entry[key]:{plus}.4f}" for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _cost(found: Sequence[Standing]) -> str:
    head = ["method", "rate", "s/step", "s/epoch", "epochs", "trainable", "memory", "CPU s", "TPME"]
    tell: dict[str, Callable[[float], str]] = {
        "step_seconds": _short,
        "epoch_seconds": _short,
        "epochs": _short,
        "trainable_parameters": lambda v: f"{v:,.0f}",
        "memory_bytes": lambda v: console.size_text(int(v)),
        "cpu_seconds": lambda v: f"{v:.0f}",
    }
    lines = [
        [
            s.name + "*" * s.stopped,
            "" if s.rate is None else f"{s.rate:g}",
            *(say(s.cost[key]) if key in s.cost else "" for key, say in tell.items()),
            "" if s.tpme is None else f"{s.tpme:.3f}",
        ]
        for s in found
    ]
    return console.table(head, lines)


def _short(value: float) -> str:
    """Three digits, and every one before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _notes(found: Sequence[Standing], against: str) -> str:
    adapting = [s.name for s in found if s.tpme is not None]
    told = [
        "Quality: means over users and seeds; intervals are bootstraps over users, and differences",
        f"from {against} are over the same users and seeds.",
        "Memory: the most that a process which does nothing else held of its own.",
    ]
    if adapting:
        told += [
            "TPME: .45 s/epoch + .10 trainable + .45 memory, each from 0 to 1, less is better;",
            f"over {', '.join(adapting)}.",
        ]
    if any(s.stopped for s in found):
        told.append("*: stopped by --baseline-minutes; with more time it may be better.")
    return "\n".join(told)


def write(folder: Path, found: Sequence[Standing], metrics: Metrics) -> None:
    """comparison.csv: a row a method, and a column an end of each interval."""
    rows = []
    for s in found:
        own = {k.removeprefix(f"{s.name}."): m for k, m in metrics.items() if _is_of(k, s.name)}
        row: dict[str, object] = {"method": s.name, "seeds": len(s.values), "stopped": s.stopped}
        for key, entry in own.items():
            row[key] = entry["value"]
            row |= {f"{key}.{end}": entry[end] for end in ("low", "high") if end in entry}
        rows.append(row)
    keys = list(dict.fromkeys(key for row in rows for key in row))
    tables.write_rows(folder / TABLE, [{key: row.get(key) for key in keys} for row in rows])


def _is_of(key: str, name: str) -> bool:
    return key.startswith(f"{name}.")


def check_pictures() -> bool:
    """Can pictures be drawn here?"""
    if find_spec("matplotlib"):
        return True
    console.warn("no picture will be drawn: pip install 'mirctl[plots]'")
    return False


def draw(folder: Path, found: Sequence[Standing], metrics: Metrics) -> None:
    """pareto.svg and .png: quality against seconds an epoch; the area of a point is memory."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 4.6), layout="constrained")
    ax = figure.subplots()
    _points(ax, [s for s in found if s.values and "epoch_seconds" in s.cost], metrics)
    for s in found:
        if s.values and "epoch_seconds" not in s.cost:
            _level(ax, s.name, metrics[f"{s.name}.ndcg@10"]["value"])
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    ax.set_xscale("log")
    ax.margins(x=0.2)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("seconds an epoch (log scale)")
    ax.set_ylabel("NDCG@10, 95 % over users")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.set_title("Quality against time; a point's area is memory", fontsize=10)
    for name in PICTURES:
        content = io.BytesIO()
        kind = name.rpartition(".")[2]
        about = {"Date": None} if kind == "svg" else {}  # the same figures make the same file
        figure.savefig(content, format=kind, dpi=160, metadata=about)
        files.write_bytes(folder / name, content.getvalue())


def _points(ax: "Axes", timed: Sequence[Standing], metrics: Metrics) -> None:
    """The methods that train, and a line through those that none beats in both."""
    most = max(s.cost.get("memory_bytes", 0.0) for s in timed) or 1.0
    points = []
    for number, s in enumerate(timed):
        entry, x = metrics[f"{s.name}.ndcg@10"], s.cost["epoch_seconds"]
        y, colour = entry["value"], COLOURS[number % len(COLOURS)]
        bars = [[y - entry["low"]], [entry["high"] - y]]
        ax.errorbar([x], [y], bars, color=colour, linewidth=1, capsize=2)
        area = 30 + 270 * s.cost.get("memory_bytes", 0.0) / most
        face = "none" if s.stopped else colour
        ax.scatter(
            [x], [y], s=area, facecolors=face, edgecolors=colour, alpha=0.85, zorder=3,
            marker=MARKS[number % len(MARKS)], label=s.name + "*" * s.stopped,
        )  # fmt: skip
        points.append((x, y))
    ax.plot(*zip(*_front(points), strict=True), color="#888", linewidth=1, linestyle="--", zorder=1)


def _level(ax: "Axes", name: str, value: float) -> None:
    """A method that does not train, as a line across."""
    ax.axhline(value, color="#999", linewidth=0.8, linestyle=":")
    ax.annotate(
        name, (1, value), xycoords=("axes fraction", "data"), xytext=(-4, 3), ha="right",
        textcoords="offset points", fontsize=9, color="#666",
    )  # fmt: skip


def _front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """What no other point beats in both time and quality, fastest first."""
    best, kept = float("-inf"), []
    for x, y in sorted(points, key=lambda point: (point[0], -point[1])):
        if y > best:
            best = y
            kept.append((x, y))
    return kept
