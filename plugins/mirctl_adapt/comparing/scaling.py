"""Quality against the size of the encoder: what `--encoders` adds to tables and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirctl import console, costs, pareto, recipe
from mirctl.encode.layers import Cached
from mirctl.encode.states import States
from mirctl.pareto import Point
from mirctl.sequences.standing import Metrics
from mirctl.steps.graph import Pipeline
from mirctl_adapt import layers
from mirctl_adapt.comparing.contestants import Contestant
from mirctl_adapt.comparing.encoders import Encoders
from mirctl_adapt.comparing.racing import Encoded
from mirctl_adapt.config import AdaptConfig

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURES = ("scaling.svg", "scaling.png")
STATE_BYTES = 2
UNITS = {"encoder_parameters": "parameters", "encoder_seconds": "s", "states_bytes": "bytes"}
APART = 1.02
"""Points of two methods stand so far apart, or the intervals of one would hide the other's."""
CLOSE = 0.2
"""Of the axis: sizes that are closer have no room for two names beside each other."""


@dataclass(frozen=True)
class Size:
    """One encoder, as it was raced."""

    name: str
    model: str
    shape: str
    """Layers x width."""
    kept: int
    """The most layers that a method read."""
    parameters: int | None
    seconds: float | None
    """Of encoding every item once."""
    bytes: int
    """Of its states in the cache."""


def sizes(
    encoders: Encoders, contestants: Sequence[Contestant], line: Pipeline, encoded: Encoded
) -> list[Size]:
    """Of every encoder whose states are there."""
    kept = _kept(encoders.tower, line, encoded)
    found = []
    for name, model in encoders.models.items():
        steps = [one.step for one in contestants if one.encoder == name and one.step in kept]
        if steps:
            states = encoded.states[steps[0]][encoders.tower]
            most = max(kept[step] for step in steps)
            found.append(_size(name, model, states, most))
    return found


def _kept(tower: str, line: Pipeline, encoded: Encoded) -> dict[str, int]:
    """Step -> how many layers of the tower it reads."""
    found: dict[str, int] = {}
    for step in line.steps.values():
        states = encoded.states.get(step.of, {})
        if tower in states and step.of not in found:
            model = recipe.resolve(AdaptConfig, step.recipe).model
            cached = {name: Cached(s.layers, s.widths) for name, s in states.items()}
            with console.aside():
                found[step.of] = len(layers.choose(model, cached)[tower])
    return found


def _size(name: str, model: str, states: States, kept: int) -> Size:
    cached = Cached(states.layers, states.widths)
    low, high = min(states.widths), max(states.widths)
    shape = f"{cached.layers} x {high if low == high else f'{low}..{high}'}"
    taken = states.distinct * sum(states.widths) * STATE_BYTES
    return Size(name, model, shape, kept, states.parameters, states.seconds, taken)


def metrics(found: Sequence[Size], contestants: Sequence[Contestant]) -> Metrics:
    """`METHOD@ENCODER.encoder_parameters` and the like."""
    told: Metrics = {}
    by_name = {size.name: size for size in found}
    for one in contestants:
        if size := by_name.get(one.encoder):
            values = (size.parameters, size.seconds, size.bytes)
            for (key, unit), value in zip(UNITS.items(), values, strict=True):
                if value is not None:
                    told[f"{one.name}.{key}"] = {"value": value, "unit": unit}
    return told


def names(contestants: Sequence[Contestant]) -> list[str]:
    """All that `metrics` may hold."""
    return [f"{one.name}.{key}" for one in contestants if one.encoder for key in UNITS]


def shown(encoders: Encoders, found: Sequence[Size]) -> str:
    """A row an encoder."""
    head = [f"{encoders.tower} encoder", "layers x width", "kept", "parameters", "encoding",
            "states", "model"]  # fmt: skip
    rows = [
        [
            size.name,
            size.shape,
            str(size.kept),
            "" if size.parameters is None else _millions(size.parameters),
            "" if size.seconds is None else f"{costs.short(size.seconds)} s",
            console.size_text(size.bytes),
            size.model,
        ]
        for size in found
    ]
    return console.table(head, rows, left=(0, 6))


def _millions(count: float) -> str:
    return f"{count / 1e6:,.1f} M" if count >= 1e5 else f"{count:,.0f}"


def draw(
    folder: Path, encoders: Encoders, contestants: Sequence[Contestant], metrics: Metrics
) -> None:
    """scaling.svg and .png: quality against the parameters of the encoder, a line a method; nothing
    where no size is known."""
    from matplotlib.figure import Figure

    curves = _curves(contestants, metrics)
    if not curves:
        return
    figure = Figure(figsize=(7.5, 4.6), layout="constrained")
    ax = figure.subplots()
    ax.set_xscale("log")
    for number, (kind, points) in enumerate(curves.items()):
        apart = APART ** (number - (len(curves) - 1) / 2)
        _curve(ax, number, kind, [(size * apart, entry) for size, entry in points])
    others = [one.name for one in contestants if not one.encoder]
    found = {name: metrics.get(f"{name}.ndcg@10") for name in others}
    pareto.levels(ax, [Point(n, entry["value"], None) for n, entry in found.items() if entry])
    _name_sizes(ax, contestants, metrics)
    ax.margins(x=0.15, y=0.15)
    ax.set_xlabel(f"parameters of the {pareto.plain(encoders.tower)} encoder (log scale)")
    ax.set_ylabel("NDCG@10, 95 % over users")
    ax.set_title("Quality against the size of the encoder", fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25, linewidth=0.6)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    pareto.save(figure, folder, PICTURES)


def _curves(
    contestants: Sequence[Contestant], metrics: Metrics
) -> dict[str, list[tuple[float, dict[str, Any]]]]:
    """Method -> (parameters, quality) of each encoder that it ended on, the smallest first."""
    found: dict[str, list[tuple[float, dict[str, Any]]]] = {}
    for one in contestants:
        size = metrics.get(f"{one.name}.encoder_parameters")
        entry = metrics.get(f"{one.name}.ndcg@10")
        if size and entry:
            found.setdefault(one.kind, []).append((size["value"], entry))
    return {kind: sorted(points, key=itemgetter(0)) for kind, points in found.items()}


def _curve(
    ax: "Axes", number: int, kind: str, points: Sequence[tuple[float, dict[str, Any]]]
) -> None:
    sizes, values = [size for size, _ in points], [entry["value"] for _, entry in points]
    bars = [
        [entry["value"] - entry["low"] for _, entry in points],
        [entry["high"] - entry["value"] for _, entry in points],
    ]
    colour, mark = (some[number % len(some)] for some in (pareto.COLOURS, pareto.MARKS))
    ax.errorbar(sizes, values, bars, color=colour, marker=mark, markersize=6, linewidth=1.2,
                elinewidth=1, capsize=2, label=kind)  # fmt: skip


def _name_sizes(ax: "Axes", contestants: Sequence[Contestant], metrics: Metrics) -> None:
    """Each encoder's name under its size; one that is close to the last stands a line lower."""
    sizes = {
        one.encoder: metrics[key]["value"]
        for one in contestants
        if (key := f"{one.name}.encoder_parameters") in metrics
    }
    labels, before, lower = [], 0.0, False
    close = (max(sizes.values()) / min(sizes.values())) ** CLOSE
    for name, size in sorted(sizes.items(), key=itemgetter(1)):
        lower = size < before * close and not lower
        labels.append("\n\n" * lower + f"{pareto.plain(name)}\n{_millions(size)}")
        before = size
    ax.set_xticks(sorted(sizes.values()), labels)
    ax.set_xticks([], minor=True)
