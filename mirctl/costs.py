"""What runs cost, from their `efficiency.json`, and TPME: one figure for it over a set of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean
from textwrap import wrap
from typing import Any

from mirctl import console
from mirctl.artifact import Artifact
from mirctl.errors import ArtifactError

FILE = "efficiency.json"
UNITS = {
    "step_seconds": "s",
    "step_cpu_seconds": "s",
    "epoch_seconds": "s",
    "epochs": "epochs reached",
    "trainable_parameters": "parameters",
    "memory_bytes": "bytes",
    "cpu_seconds": "s",
}
SHARES = {"epoch_seconds": 0.45, "trainable_parameters": 0.10, "memory_bytes": 0.45}
"""TPME's weights of time, parameters and memory (IISAN, Fu et al., SIGIR 2024)."""
WHOLE_WORDS = {"break_long_words": False, "break_on_hyphens": False}
CUDA, RAM = "CUDA", "RAM"


@dataclass(frozen=True)
class Cost:
    """Of one run, or the mean of several."""

    values: Mapping[str, float] = field(default_factory=dict)
    """By the keys of UNITS; what a run does not have is not there."""
    memory: str | None = None
    """What `memory_bytes` are of."""
    stopped: bool = False
    """Its time was over before it had trained to the end."""

    @property
    def whole(self) -> bool:
        """Does it have all that TPME is of?"""
        return all(key in self.values for key in SHARES)

    def units(self) -> dict[str, str]:
        """Key -> unit of what is there."""
        units = {**UNITS, "memory_bytes": f"bytes of {self.memory}"}
        return {key: unit for key, unit in units.items() if key in self.values}

    def text(self, key: str) -> str:
        """A figure for people; empty where it is not there."""
        if key not in self.values:
            return ""
        shown = _TEXTS.get(key, short)(self.values[key])
        return f"{shown} {self.memory}" if key == "memory_bytes" else shown


def short(value: float) -> str:
    """Three digits, and every one before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


_TEXTS: dict[str, Callable[[float], str]] = {
    "trainable_parameters": lambda value: f"{value:,.0f}",
    "memory_bytes": lambda value: console.size_text(int(value)),
    "cpu_seconds": lambda value: f"{value:,.0f}" if value >= 10 else f"{value:.2g}",
}


def recorded(art: Artifact) -> dict[str, Any]:
    """The artifact's efficiency.json; empty where it has none."""
    spent = art.json(FILE) if FILE in art.manifest.files else {}
    if not isinstance(spent, dict):
        raise ArtifactError(f"{FILE} is no object", where=str(art.folder))
    return spent


def cost(art: Artifact) -> Cost:
    """Of the run that made an artifact. Its memory is what its device runs out of first: allocated
    on CUDA where it put anything there, else anonymous resident memory."""
    spent = recorded(art)
    figures = {key: spent.get(key) for key in (*UNITS, "peak_cuda_bytes", "peak_anonymous_bytes")}
    for key, value in figures.items():
        if value is not None and not _is_cost(value):
            told = f"{FILE}: {key} is {str(value)[:40]!r}, no number from 0 on"
            raise ArtifactError(told, where=str(art.folder))
    on_cuda, held = figures.pop("peak_cuda_bytes"), figures.pop("peak_anonymous_bytes")
    figures["memory_bytes"] = on_cuda or held or None
    values = {key: value for key, value in figures.items() if value is not None}
    memory = (CUDA if on_cuda else RAM) if "memory_bytes" in values else None
    return Cost(values, memory, bool(spent.get("out_of_time")))


def _is_cost(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value >= 0


def over(costs: Sequence[Cost]) -> Cost:
    """The mean of each figure over the runs that have it; bytes of two memories have none."""
    memories = {one.memory for one in costs if one.memory}
    values = {}
    for key in UNITS:
        found = [one.values[key] for one in costs if key in one.values]
        if found and not (key == "memory_bytes" and len(memories) > 1):
            values[key] = mean(found)
    memory = memories.pop() if "memory_bytes" in values else None
    return Cost(values, memory, any(one.stopped for one in costs))


def tpme(costs: Mapping[str, Cost]) -> dict[str, float]:
    """The sum of SHARES, each from 0, the least, to 1, the most, over the costs that are whole;
    of fewer than two, or where their memories are not the same, there is none."""
    whole = {name: one for name, one in costs.items() if one.whole}
    if without(costs):
        return {}
    found = dict.fromkeys(whole, 0.0)
    for key, share in SHARES.items():
        least, most = (pick(one.values[key] for one in whole.values()) for pick in (min, max))
        for name, one in whole.items():
            found[name] += share * (one.values[key] - least) / (most - least or 1)
    return found


def without(costs: Mapping[str, Cost]) -> str:
    """Why there is no TPME; empty where there is."""
    memories = [one.memory for one in costs.values() if one.whole]
    if len(memories) < 2:
        return "of two at least s/epoch, trainable parameters and memory must be known"
    if len(set(memories)) > 1:
        return "memory is partly of CUDA and partly RAM, which cannot be compared"
    return ""


def told(costs: Mapping[str, Cost]) -> list[str]:
    """What TPME is, and over which of these; or why there is none."""
    if why := without(costs):
        return [f"No TPME: {why}."]
    names = [name for name, one in costs.items() if one.whole]
    formula = "TPME: .45 s/epoch + .10 trainable + .45 memory, each from 0 to 1, less is better;"
    return [formula, *wrap(f"over {', '.join(names)}.", 100, **WHOLE_WORDS)]
