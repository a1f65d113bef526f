"""`rl/distill`: what a teacher thinks users would like, and how often it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mirctl import console, llm
from mirctl.errors import RunError
from mirctl.llm import Template
from mirctl.run import Run
from mirctl_rl import questioning, teachers
from mirctl_rl.config import LLM, DistillConfig
from mirctl_rl.precision import WRONG, chance, precision
from mirctl_rl.questioning import Asked
from mirctl_rl.states import Drawing, State
from mirctl_rl.world import World

BESIDE = ("random", "popular", "oracle")
"""Controls whose precision on the same states stands beside a teacher's."""
MEASURES = [f"{which}{name}" for which in WRONG for name in ("precision", "chance")]
LEGEND = (
    "Of what is liked, the share that the user took and liked, beside items that the\n"
    "user never took (which popularity tells apart), or that the user rated lower.\n"
    "oracle reads the simulator's rewards: a ceiling, no teacher"
)
PHASE = "ask the teacher"


@dataclass(frozen=True, eq=False)
class Distilled:
    """States that the teacher answered, and what is told of them."""

    states: list[State]
    likes: list[np.ndarray]
    """(m,) float32 of each state: how much each item on offer is liked."""
    metrics: dict[str, dict[str, Any]]
    facts: dict[str, Any]
    template: Template | None
    seconds: float


def names() -> list[str]:
    """What `rl/distill` measures."""
    beside = [f"{name}.{which}precision" for name in BESIDE for which in WRONG]
    return [*MEASURES, "answered", "missed", "tokens", *beside]


def distill(config: DistillConfig, run: Run, world: World) -> Distilled:
    """Draw states, ask the teacher, and measure how often it is right."""
    drawing = Drawing(world.known, world.history, config.seed, moves=world.moves)
    drawn = drawing.states(config.states)
    form = questioning.template(config.prompt) if config.teacher == LLM else None
    with run.meter.phase(PHASE) as phase:
        phase.items = len(drawn)
        asked = _asked(config, run, world, drawing, drawn, form)
    pairs = [(s, like) for s, like in zip(drawn, asked.likes, strict=True) if like is not None]
    if not pairs:
        raise RunError(_nothing(asked))
    states, likes = [state for state, _ in pairs], [like for _, like in pairs]
    metrics = _metrics(asked, states, likes, config.seed)
    for name in BESIDE:
        own = teachers.likes(name, config, run, world, states)
        measured = _right(states, own, config.seed)
        metrics |= {f"{name}.{measure}": entry for measure, entry in measured.items()}
    facts = {
        "catalogue": world.known.digest,
        "teacher": config.teacher if form is None else config.llm.model,
        "prompt": None if form is None else form.version,
        "precision": metrics["precision"], "chance": metrics["chance"]["value"],
        "rated_precision": metrics["rated.precision"],
        "rated_chance": metrics["rated.chance"]["value"], **asked.counts(),
    }  # fmt: skip
    seconds = run.meter.phases[PHASE].seconds
    return Distilled(states, likes, metrics, facts, form, seconds)


def _asked(
    config: DistillConfig, run: Run, world: World, drawing: Drawing, drawn: Sequence[State],
    form: Template | None,
) -> Asked:  # fmt: skip
    """What the teacher says of each state."""
    if form is None:
        return Asked(teachers.likes(config.teacher, config, run, world, drawn))
    model = llm.connect(config.llm, device=config.device, precision=config.precision)
    try:
        return questioning.ask(model, form, drawing, drawn)
    finally:
        run.meter.record(language_model=model.facts())


def _right(
    states: Sequence[State], likes: Sequence[np.ndarray], seed: int
) -> dict[str, dict[str, Any]]:
    return {
        f"{which}precision": precision(states, likes, seed, wrong) for which, wrong in WRONG.items()
    }


def _metrics(
    asked: Asked, states: Sequence[State], likes: Sequence[np.ndarray], seed: int
) -> dict[str, dict[str, Any]]:
    def entry(value: float | None, n: int, unit: str) -> dict[str, Any]:
        return {"value": value, "n": n, "unit": unit}

    found = _right(states, likes, seed)
    for which, wrong in WRONG.items():
        blind = "precision without knowledge"
        found[f"{which}chance"] = entry(chance(states, wrong), len(states), blind)
    named = len(states) + asked.missed
    return {
        **{name: found[name] for name in MEASURES},
        "answered": entry(len(states) / len(asked.likes), len(asked.likes), "share of states"),
        "missed": entry(asked.missed / named, named, "share of named titles that are not on offer"),
        "tokens": entry(asked.tokens, len(states), "tokens, read and written for these answers"),
    }


def _nothing(asked: Asked) -> str:
    """Why there is no preference at all, and what to do."""
    told = (
        f"no preferences: of {console.counted(len(asked.likes), 'state')} {asked.rejected:,} were "
        f"answered with nothing that can be used, {asked.missed:,} with what is not on offer, and "
        f"{asked.unasked:,} not at all, since the budget is used up"
    )
    todo = (
        "another model, or another prompt" if asked.rejected + asked.missed else "a larger budget"
    )
    return f"{told}: try {todo}"


def report(found: Distilled) -> str:
    """For people: how often the teacher is right beside controls, and what became of the states."""
    facts, metrics = found.facts, found.metrics
    rows = [["teacher", *_figures(metrics)]]
    rows += [[name, *_figures(metrics, f"{name}.")] for name in BESIDE]
    rows.append(["chance", *(_number(metrics[f"{which}chance"]["value"]) for which in WRONG)])
    told = f"{facts['states']:,} states in {found.seconds:.1f} s: {facts['answered']:,} answered"
    if found.template:
        told += (
            f" ({facts['exact']:,} word for word), {facts['missed']:,} with\nwhat is not on offer, "
            f"{facts['rejected']:,} rejected, {facts['unasked']:,} not asked; "
            f"{facts['tokens']:,} tokens"
        )
    return "\n\n".join([
        f"{facts['teacher']}\n{told}",
        console.table(["precision", "new ones", "rated lower"], rows),
        LEGEND,
    ])  # fmt: skip


def _figures(metrics: dict[str, dict[str, Any]], name: str = "") -> list[str]:
    return [_interval(metrics[f"{name}{which}precision"]) for which in WRONG]


def _interval(entry: dict[str, Any]) -> str:
    if not entry["n"]:
        return "-"
    low, high = _number(entry["low"]), _number(entry["high"])
    return f"{_number(entry['value'])} [{low},{high}], n {entry['n']:,}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
