"""Runs a comparison: one pipeline whose steps are the methods, swept over seeds.

Every method runs in a process of its own, so that its memory is its own, and what the frozen
encoders give is cached before, so that it counts for none of them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mirctl import console, recipe
from mirctl import device as devices
from mirctl.data.catalogue import load_catalogue
from mirctl.efficiency import Meter
from mirctl.errors import UsageError
from mirctl.jobs import Options
from mirctl.recipe import Recipe
from mirctl.steps import command, graph, reading
from mirctl.steps.graph import Pipeline
from mirctl_adapt import towers
from mirctl_adapt.comparing.contestants import Contestant
from mirctl_adapt.config import AdaptConfig

WAYS = command.Ways(keep_going=True, has_from=False)
SHARED = ("data", "evaluation", "seed", "uses")
"""Keys that no method may have otherwise: differences are over the same users and seeds."""
APART = True
"""Each run in a process of its own; tests of what is told afterwards have no need of it."""


@dataclass(frozen=True)
class Race:
    """What is to be compared, and how."""

    base: Recipe
    contestants: list[Contestant]
    seeds: int
    minutes: float
    """Of training, for each method that tunes encoders."""
    changes: Sequence[str] = ()
    """METHOD.key=value."""

    @property
    def first_seed(self) -> int:
        """The recipe's; the others follow."""
        first = self.base.tree.get("seed", 0)
        if not isinstance(first, int) or first < 0:
            told = "seed: write a whole number from 0 on"
            raise UsageError(told, where=self.base.where("seed"))
        return first


def base_of(name: str, changes: Sequence[str], options: Options) -> Recipe:
    """The recipe that all methods share."""
    read = recipe.change(recipe.read(name, changes), options.changes())
    if read.uses != "adapt/run":
        raise UsageError(f"uses {read.uses}, not adapt/run", where=read.where("uses"))
    return read


def split_changes(
    changes: Sequence[str], contestants: Sequence[Contestant]
) -> tuple[list[str], list[str]]:
    """(changes for all, changes of one method, which begin with its name)."""
    names = {one.name: one.step for one in contestants}
    common, own = [], []
    for change in changes:
        first, dot, rest = change.partition(".")
        if dot and first in names:
            _refuse_shared(change, rest)
            own.append(f"{names[first]}.{rest}")
        else:
            common.append(change)
    return common, own


def _refuse_shared(change: str, key: str) -> None:
    top = key.partition("=")[0].partition(".")[0].strip()
    if top in SHARED:
        told = f"{change!r}: all methods have the same {top}: write {key!r}, for all of them"
        raise UsageError(told)


def pipeline(race: Race) -> Pipeline:
    """A step for each method, all for each seed; those that run once have the first."""
    first = race.first_seed
    trees: dict[str, Any] = {}
    marks, changed = {}, set()
    for one in race.contestants:
        tree = trees[one.step] = json.loads(json.dumps(race.base.tree))
        tree.pop("seed", None)
        for key, value in one.changes.items():
            recipe.put(tree, key, value)
        if one.once:
            tree["seed"] = first
            recipe.put(tree, "train.minutes", race.minutes)
        marks |= {f"steps.{one.step}.{key}": mark for key, mark in race.base.marks.items()}
        changed |= {f"steps.{one.step}.{key}" for key in race.base.changed if key != "seed"}
    sweep = {"seed": list(range(first, first + race.seeds))}
    whole = {"steps": trees, "sweep": sweep}
    read = replace(race.base, tree=whole, marks=marks, changed=frozenset(changed))
    return graph.expand(reading.take_apart(reading.changed(read, race.changes)))


def check(line: Pipeline) -> None:
    """Raise what would stop every run: a device or a precision that is not there."""
    for step in line.steps.values():
        config = recipe.resolve(AdaptConfig, step.recipe)
        devices.precision(config.precision, devices.choose(config.device))


def encode(line: Pipeline) -> dict[str, float]:
    """Cache the states that any method reads; seconds by tower, of those that were not there."""
    spent: dict[str, float] = {}
    done: list[Any] = []
    for step in line.steps.values():
        config = recipe.resolve(AdaptConfig, step.recipe)
        wanted = (config.data, config.model.cached, config.device, config.precision)
        if not config.model.cached or wanted in done:
            continue
        done.append(wanted)
        chosen = devices.choose(config.device)
        items = load_catalogue(config.data, seed=config.seed).items
        with Meter(chosen) as meter:
            dtype = devices.precision(config.precision, chosen)
            towers.encode(config.model, items, chosen, dtype, meter)
        for name, phase in meter.phases.items():
            if phase.items:
                tower = name.removeprefix("encode ")
                spent[tower] = spent.get(tower, 0.0) + phase.seconds
    return spent


def run(line: Pipeline, options: Options) -> command.Made:
    """Every method and seed that is not done yet."""
    console.say(f"{console.counted(len(line.steps), 'run')}, each in a process of its own")
    return command.carry_out(line, options, replace(WAYS, apart=APART))


def runs_of(line: Pipeline, one: Contestant) -> Mapping[int, str]:
    """Seed -> the name of the step that ran with it."""
    return {
        line.steps[name].recipe.tree["seed"]: name
        for cell in line.cells
        for name in [cell.steps[one.step]]
    }
