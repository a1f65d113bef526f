"""Runs a comparison: one pipeline whose steps are the methods, swept over seeds.

Every method runs in a process of its own, so that its memory is its own, and what the frozen
encoders give is cached before, so that it counts for none of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mirctl import console, recipe
from mirctl import device as devices
from mirctl.data.catalogue import load_catalogue
from mirctl.efficiency import Meter
from mirctl.encode.states import States
from mirctl.errors import MirctlError, RunError, UsageError
from mirctl.jobs import Options
from mirctl.recipe import Recipe
from mirctl.steps import command, variants
from mirctl.steps.graph import Pipeline
from mirctl.steps.variants import Variant
from mirctl_adapt import towers
from mirctl_adapt.comparing.contestants import Contestant, several_names
from mirctl_adapt.comparing.encoders import Encoders
from mirctl_adapt.config import AdaptConfig

WAYS = command.Ways(keep_going=True, has_from=False, table=False)
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
    """STEP.key=value."""
    encoders: Encoders | None = None
    """Where methods run on several."""
    workers: int = 1
    """Runs at once."""


def base_of(name: str, changes: Sequence[str], options: Options) -> Recipe:
    """The recipe that all methods share."""
    return variants.base_of(name, changes, options, "adapt/run")


def split_changes(
    changes: Sequence[str], contestants: Sequence[Contestant]
) -> tuple[list[str], list[str]]:
    """(changes for all, changes of one method each, which begin with its step)."""
    names = several_names(contestants) | {one.name: [one] for one in contestants}
    common, own = [], []
    for change in changes:
        first, dot, rest = change.partition(".")
        if dot and first in names:
            _refuse_shared(change, rest)
            own += [f"{one.step}.{rest}" for one in names[first]]
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
    once = {"seed": variants.first_seed(race.base), "train.minutes": race.minutes}
    several = [
        Variant(one.step, {**one.changes, **(once if one.once else {})}) for one in race.contestants
    ]
    return variants.pipeline(race.base, several, race.seeds, race.changes)


def check(line: Pipeline, contestants: Sequence[Contestant]) -> None:
    """Raise what would stop every run, or what a method cannot be: before the first begins."""
    wrong: dict[str, UsageError] = {}
    for step in line.steps.values():
        try:
            config = recipe.resolve(AdaptConfig, step.recipe)
        except UsageError as error:
            wrong.setdefault(step.of, error)
        else:
            devices.precision(config.precision, devices.choose(config.device))
    for one in contestants:
        if error := wrong.get(one.step):
            if len(wrong) == len(contestants) and len({e.message for e in wrong.values()}) == 1:
                raise error  # it is of the recipe, not of a method
            raise UsageError(f"--methods {one.name}: {error.message}", where=error.where)


@dataclass
class Encoded:
    """What the frozen encoders gave; the keys of the first and the last are steps."""

    states: dict[str, dict[str, States]] = field(default_factory=dict)
    """By tower."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By tower, for states that were not there."""
    failures: dict[str, MirctlError] = field(default_factory=dict)
    """Why the states that a method reads cannot be had."""


def encode(line: Pipeline) -> Encoded:
    """Cache the states that any method reads; a failure is that of the methods that read them."""
    found = Encoded()
    done: list[tuple[Any, dict[str, States] | MirctlError]] = []
    for step in line.steps.values():
        config = recipe.resolve(AdaptConfig, step.recipe)
        if not config.model.cached:
            continue
        wanted = (config.data, config.model.cached, config.device, config.precision)
        if wanted not in [other for other, _ in done]:
            done.append((wanted, _encode(config, found.seconds)))
        states = next(result for other, result in done if other == wanted)
        if isinstance(states, dict):
            found.states.setdefault(step.of, states)
        else:
            found.failures.setdefault(step.of, states)
    return found


def _encode(config: AdaptConfig, spent: dict[str, float]) -> dict[str, States] | MirctlError:
    """One method's states by tower, or why they cannot be had; adds to the seconds spent."""
    chosen = devices.choose(config.device)
    dtype = devices.precision(config.precision, chosen)
    items = load_catalogue(config.data, seed=config.seed).items
    towers.check(config.model, items)
    with Meter(chosen) as meter:
        try:
            return towers.encode(config.model, items, chosen, dtype, meter)
        except UsageError:
            raise
        except MirctlError as error:
            return error
        except RuntimeError as error:  # such as a device that has too little memory
            return RunError(f"encoding failed: {error}")
        finally:
            for name, phase in meter.phases.items():
                if phase.items:
                    tower = name.removeprefix("encode ")
                    spent[tower] = spent.get(tower, 0.0) + phase.seconds


def without_failed(race: Race, encoded: Encoded) -> Race:
    """The race of those whose states are there; who is left out is told."""
    able = [one for one in race.contestants if one.step not in encoded.failures]
    if not able:
        raise encoded.failures[race.contestants[0].step]
    for one in race.contestants:
        if error := encoded.failures.get(one.step):
            console.error(f"{one.name} will not run: {error}")
    return replace(race, contestants=able)


def run(race: Race, options: Options) -> command.Made:
    """Every method and seed that is not done yet."""
    line = pipeline(race)
    console.say(f"{console.counted(len(line.steps), 'run')}, each in a process of its own")
    return command.carry_out(line, options, replace(WAYS, apart=APART, workers=race.workers))


def runs_of(line: Pipeline, one: Contestant) -> Mapping[int, str]:
    """Seed -> the name of the step that ran with it."""
    return variants.runs_of(line, one.step)
