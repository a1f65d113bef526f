"""A picture of a comparison: measures against the share of holes, a line a method."""

from pathlib import Path

from mirctl import files, pareto
from mirctl.errors import UsageError
from mirctl_impute.comparing.holes import label
from mirctl_impute.comparing.plan import FILL, Plan
from mirctl_impute.comparing.summary import Metrics
from mirctl_impute.rivals.needs import require

SHOWN = {
    "nrmse": "nrmse (lower is better)",
    "accuracy": "accuracy (higher is better)",
    "wd": "wd (lower is better)",
}
APART = 0.004
"""So far methods stand beside each other, that no bar hides another."""


def check(plan: Plan, path: Path, *, force: bool) -> None:
    """Refuse what cannot be drawn or written, before any work."""
    if plan.task != FILL:
        raise UsageError("--plot is of holes: it goes with --task fill")
    if path.suffix not in (".svg", ".png"):
        raise UsageError(f"--plot {path}: write a .svg or .png")
    files.refuse_to_overwrite(path, force=force, marker=None)
    require(("matplotlib",), "--plot")


def draw(plan: Plan, metrics: Metrics, path: Path) -> None:
    """A column of pictures a mechanism, a row a measure; bars are 95 % intervals over seeds."""
    from matplotlib.figure import Figure

    shown = [n for n in SHOWN if any(key.partition("@")[0].endswith(f".{n}") for key in metrics)]
    across, down = len(plan.mechanisms), len(shown)
    figure = Figure(figsize=(3.6 * across + 1.8, 2.7 * down + 0.4), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False, sharex=True, sharey="row")
    for row, name in zip(axes, shown, strict=True):
        for ax, mechanism in zip(row, plan.mechanisms, strict=True):
            for number, method in enumerate(plan.methods):
                keys = [f"{method}.{name}@{label(mechanism, level)}" for level in plan.levels]
                points = [
                    (x, metrics[k]) for x, k in zip(plan.levels, keys, strict=True) if k in metrics
                ]
                places = [x + APART * (number - (len(plan.methods) - 1) / 2) for x, _ in points]
                halves = [m.get("high", m["value"]) - m["value"] for _, m in points]
                ax.errorbar(
                    places, [m["value"] for _, m in points], halves,
                    label=method, color=pareto.COLOURS[number % len(pareto.COLOURS)],
                    marker=pareto.MARKS[number % len(pareto.MARKS)], markersize=5, linewidth=1.6,
                    elinewidth=0.8,
                )  # fmt: skip
            ax.grid(alpha=0.25, linewidth=0.6)
            ax.spines[["top", "right"]].set_visible(False)
            ax.set_xticks(plan.levels, [f"{level:.0%}" for level in plan.levels])
        row[0].set_ylabel(SHOWN[name])
        low, high = row[0].get_ylim()
        row[0].set_ylim(max(low, 0), min(high, 1) if name == "accuracy" else high)
    for ax, mechanism in zip(axes[0], plan.mechanisms, strict=True):
        ax.set_title(mechanism, fontweight="bold")
    for ax in axes[-1]:
        ax.set_xlabel("hidden cells")
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right upper", frameon=False)
    pareto.save(figure, path.parent, [path.name])
