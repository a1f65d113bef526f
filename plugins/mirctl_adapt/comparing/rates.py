"""A learning rate for each method: the best on validation, with a seed that is not compared."""

from collections.abc import Sequence
from dataclasses import replace

from mirctl import console, recipe
from mirctl.errors import UsageError
from mirctl.jobs import Options
from mirctl.steps import variants
from mirctl.steps.command import Made
from mirctl_adapt.comparing import racing
from mirctl_adapt.comparing.contestants import Contestant
from mirctl_adapt.comparing.racing import Race
from mirctl_adapt.config import COUNTED, AdaptConfig

KEY = "train.lr"


def parse(text: str | None) -> list[float]:
    """`2e-3,4e-3`: positive numbers."""
    try:
        found = [float(part) for part in text.split(",") if part.strip()] if text else []
    except ValueError:
        found = [0.0]
    if any(not 0 < rate < float("inf") for rate in found) or len(set(found)) < len(found):
        raise UsageError(f"--rates {text}: write different positive numbers, as in 2e-3,4e-3")
    return found


def choose(race: Race, rates: Sequence[float], options: Options) -> Race:
    """The race with a rate for each method that trains, runs with every seed, and has none of its
    own."""
    told = {change.partition("=")[0] for change in race.changes}
    wanted = [
        one
        for one in race.contestants
        if one.method not in COUNTED and not one.once and f"{one.step}.{KEY}" not in told
    ]
    if not rates or not wanted:
        return race
    trial = _trial(race, wanted, rates)
    made = racing.run(trial, options)
    found = {one.name: _best(made, trial, one, rates) for one in wanted}
    chosen = [
        replace(one, changes={**one.changes, KEY: found[one.name]}) if found.get(one.name) else one
        for one in race.contestants
    ]
    return replace(race, contestants=chosen)


def notes(race: Race, rates: Sequence[float]) -> list[str]:
    """For whom none was chosen."""
    kept = [one.name for one in race.contestants if one.once]
    if not rates or not kept:
        return []
    return [
        f"--rates chose none for {', '.join(kept)}, with one seed each: they have the recipe's."
    ]


def _trial(race: Race, wanted: Sequence[Contestant], rates: Sequence[float]) -> Race:
    """Every method at every rate, with the seed after those that are compared."""
    several = [
        Contestant(_name(one, number), {**one.changes, KEY: rate})
        for one in wanted
        for number, rate in enumerate(rates)
    ]
    own = [
        f"{_name(one, number)}.{change.removeprefix(f'{one.step}.')}"
        for one in wanted
        for number in range(len(rates))
        for change in race.changes
        if change.startswith(f"{one.step}.")
    ]
    seed = variants.first_seed(race.base) + race.seeds
    base = recipe.change(race.base, [f"seed={seed}"])
    return replace(race, base=base, contestants=several, seeds=1, changes=own)


def _name(one: Contestant, number: int) -> str:
    return f"{one.step}-rate{number + 1}"


def _best(made: Made, trial: Race, one: Contestant, rates: Sequence[float]) -> float | None:
    """The rate whose run was the best on validation; None where none ended."""
    reached = {}
    for number, rate in enumerate(rates):
        (name,) = {cell.steps[_name(one, number)] for cell in made.plan.pipeline.cells}
        metric = recipe.resolve(AdaptConfig, made.plan.steps[name].step.recipe).train.metric
        entry = made.outcomes[name].metrics.get(f"valid/{metric}")
        if entry is not None and entry["value"] is not None:
            reached[rate] = entry["value"]
    if not reached:
        console.warn(f"{one.name}: no run of --rates ended: it has the recipe's rate")
        return None
    best = max(reached, key=lambda rate: reached[rate])
    if len(rates) > 2 and best in (min(rates), max(rates)):
        console.warn(f"{one.name}: its best rate, {best:g}, is at the end of --rates: try more")
    return best
