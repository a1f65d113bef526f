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
from mirctl_rl.precision import chance, precision
from mirctl_rl.questioning import Asked
from mirctl_rl.states import Drawing, State
from mirctl_rl.world import World

BESIDE = ("random", "popular", "oracle")
"""Controls whose precision on the same states stands beside a teacher's."""
METRICS = ("precision", "chance", "answered", "missed", "tokens")
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
    return [*METRICS, *(f"{name}.precision" for name in BESIDE)]


def distill(config: DistillConfig, run: Run, world: World) -> Distilled:
    """Draw states, ask the teacher, and measure how often it is right."""
    drawing = Drawing(world.known, world.history, config.seed, moves=world.moves)
    drawn = [drawing.state(number) for number in range(config.states)]
    form = questioning.template(config.prompt) if config.teacher == LLM else None
    with run.meter.phase(PHASE) as phase:
        phase.items = len(drawn)
        if form is None:
            asked = Asked(teachers.likes(config.teacher, config, run, world, drawn))
            about: dict[str, Any] = {"teacher": config.teacher}
        else:
            model = llm.connect(config.llm, device=config.device, precision=config.precision)
            asked = questioning.ask(model, form, drawing, drawn)
            about = {"teacher": config.llm.model, "prompt": form.version}
            run.meter.record(language_model=model.facts())
    pairs = [(s, like) for s, like in zip(drawn, asked.likes, strict=True) if like is not None]
    if not pairs:
        raise RunError(_nothing(asked))
    states, likes = [state for state, _ in pairs], [like for _, like in pairs]
    metrics = _metrics(asked, states, likes, config.seed)
    for name in BESIDE:
        own = teachers.likes(name, config, run, world, states)
        metrics[f"{name}.precision"] = precision(states, own, config.seed)
    facts = {
        "catalogue": world.known.digest, **about, "precision": metrics["precision"],
        "chance": metrics["chance"]["value"], **asked.counts(),
    }  # fmt: skip
    seconds = run.meter.phases[PHASE].seconds
    return Distilled(states, likes, metrics, facts, form, seconds)


def _metrics(
    asked: Asked, states: Sequence[State], likes: Sequence[np.ndarray], seed: int
) -> dict[str, dict[str, Any]]:
    def entry(value: float | None, n: int, unit: str) -> dict[str, Any]:
        return {"value": value, "n": n, "unit": unit}

    missed = asked.missed / asked.named if asked.named else None
    found = precision(states, likes, seed)
    tokens = "tokens, read and written for these answers"
    return {
        "precision": found,
        "chance": entry(chance(states), len(states), "precision without knowledge"),
        "answered": entry(len(states) / len(asked.likes), len(asked.likes), "share of states"),
        "missed": entry(missed, asked.named, "share of named titles that are not on offer"),
        "tokens": entry(asked.tokens, len(states), tokens),
    }


def _nothing(asked: Asked) -> str:
    """Why there is no preference at all, and what to do."""
    told = f"no preferences: of {console.counted(len(asked.likes), 'state')} {asked.rejected:,} "
    told += f"had answers that cannot be used, {asked.unasked:,} were not reached by the budget"
    if not asked.rejected:
        return f"{told}; raise llm.budget_tokens or llm.budget_requests"
    if asked.missed:
        return f"{told}; {asked.missed:,} named titles were not on offer: try another prompt"
    return f"{told}: try another model, or another prompt"


def report(found: Distilled) -> str:
    """For people: how often the teacher is right beside controls, and what became of the states."""
    facts, metrics = found.facts, found.metrics
    rows = [["teacher", *_figures(metrics["precision"])]]
    rows += [[name, *_figures(metrics[f"{name}.precision"])] for name in BESIDE]
    chance_ = metrics["chance"]["value"]
    told = [
        f"{facts['states']:,} states: {facts['answered']:,} answered, {facts['rejected']:,} "
        f"rejected, {facts['unasked']:,} not asked; {found.seconds:.1f} s"
    ]
    if found.template:
        told.append(
            f"{facts['named']:,} titles named: {facts['exact']:,} word for word, "
            f"{facts['missed']:,} not on offer; {facts['tokens']:,} tokens"
        )
    return "\n\n".join([
        f"{facts['teacher']}\n" + "\n".join(told),
        console.table(["precision", "value", "95 %", "n"], rows),
        f"chance {_number(chance_)}; oracle reads the simulator's rewards: a ceiling, no teacher",
    ])  # fmt: skip


def _figures(entry: dict[str, Any]) -> list[str]:
    between = f"[{_number(entry['low'])},{_number(entry['high'])}]"
    return [_number(entry["value"]), between if entry["n"] else "-", f"{entry['n']:,}"]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
