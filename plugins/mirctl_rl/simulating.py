"""`rl/simulate`: a log becomes a simulator, and what can be believed of it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from mirctl import console
from mirctl.run import Run
from mirctl_rl import building, logged, report
from mirctl_rl.boredom import Rule
from mirctl_rl.config import SimulateConfig
from mirctl_rl.evaluation import evaluate
from mirctl_rl.fit import fit
from mirctl_rl.policies import NAMES, reference
from mirctl_rl.world import World


@dataclass(frozen=True)
class Simulated:
    """A simulator and what was measured of it."""

    world: World
    metrics: dict[str, dict[str, Any]]
    report: str


def simulate(config: SimulateConfig, run: Run) -> Simulated:
    """Build it, measure its fit, and let the reference policies serve its users."""
    with run.meter.phase("read data"):
        log = logged.read(config)
    plan = building.plan(log, config, run)
    with run.meter.phase("complete"):
        halves = building.completed(log, config, plan)
        world = building.build(log, config, plan, halves)
        told = fit(log, plan, halves, config.seed)
    _tell(world)
    with run.meter.phase("serve users") as phase:
        phase.items = config.episodes
        found = evaluate(world, [reference(n, world) for n in NAMES], config.episodes, config.seed)
        orders = list(other_rules(world, config))
    base = report.ranking(found)
    changed = sum(order != base for *_, order in orders)
    metrics = {**told, **report.flat(found)}
    metrics["ranks.changed"] = {
        "value": changed / len(orders) if orders else None,
        "n": len(orders),
        "unit": "share of other quit rules that order the policies otherwise",
    }
    parts = [_fit(told), report.policies(found), report.legend(), _rule(world, base),
             report.rules(orders, base) if orders else ""]  # fmt: skip
    return Simulated(world, metrics, "\n\n".join(part for part in parts if part))


def other_rules(world: World, config: SimulateConfig) -> Iterator[tuple[int, int, list[str]]]:
    """The order of the policies where users leave sooner, later, or remember more or less."""
    rule = world.known.rule
    for window, threshold in neighbours(rule, world.history):
        other = replace(world, known=replace(world.known, rule=Rule(window, threshold)))
        policies = [reference(name, other) for name in NAMES]
        with console.aside():
            found = evaluate(other, policies, config.episodes, config.seed)
        yield window, threshold, report.ranking(found)


def neighbours(rule: Rule, history: int) -> list[tuple[int, int]]:
    """Quit rules beside one: a threshold less and more, a window shorter and longer."""
    wanted = [
        (rule.window, rule.threshold - 1),
        (rule.window, rule.threshold + 1),
        (rule.window - 1, rule.threshold),
        (rule.window + 2, rule.threshold),
    ]
    return [(w, t) for w, t in wanted if 1 <= t <= w <= history]


def _tell(world: World) -> None:
    told = world.report
    console.say(
        f"{console.counted(told['users'], 'user')}, {console.counted(told['items'], 'item')}; the "
        f"agent sees {told['early']:,} early interactions, rewards come from {told['late']:,} "
        "late ones"
    )


def _fit(told: dict[str, dict[str, Any]]) -> str:
    if not told:
        return ""
    rows = [[name, f"{e['value']:.4f}", f"{e['n']:,}", e["unit"]] for name, e in told.items()]
    return console.table(["fit", "value", "n", "unit"], rows, left=(0, 3))


def _rule(world: World, order: list[str]) -> str:
    rule = world.known.rule
    kind = "alike" if world.env == "scientific" else "of one genre"
    return (
        f"A user leaves after an item when {rule.threshold} of the {rule.window} before it were "
        f"{kind}:\n{' > '.join(order)}"
    )
