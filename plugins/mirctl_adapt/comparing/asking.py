"""What the options of `adapt compare` ask for: who takes part, and what they are compared with."""

from collections.abc import Sequence
from dataclasses import dataclass

from mirctl import recipe
from mirctl.errors import UsageError, suggest
from mirctl.jobs import Options, Requirement
from mirctl_adapt.comparing import contestants, encoders, racing, scaling, standing
from mirctl_adapt.comparing.contestants import ABLATED, Contestant
from mirctl_adapt.comparing.encoders import Encoders
from mirctl_adapt.comparing.racing import Race
from mirctl_adapt.config import AdaptConfig


@dataclass(frozen=True)
class Asked:
    """The options of the command."""

    methods: str | None
    encoders: Sequence[str]
    against: str | None
    ablate: bool
    seeds: int
    minutes: float
    rates: str | None
    workers: int = 1


def race_of(name: str, changes: Sequence[str], asked: Asked, options: Options) -> tuple[Race, str]:
    """What is compared, and with which of them the others are."""
    chosen = encoders.parse(asked.encoders)
    several = _methods(asked, chosen)
    if asked.ablate:
        several += _ablations(name, changes, several, options)
    common, own = racing.split_changes(changes, several)
    base = racing.base_of(name, common, options)
    if chosen is not None:
        for change in own:
            encoders.refuse_other_models(chosen, change)
        several = encoders.with_models(chosen, several, base.tree)
    against = asked.against or (several[0].name if chosen is None else chosen.first)
    known = [*(one.name for one in several), *contestants.several_names(several)]
    if against not in known:
        hint = suggest(against, known, f"compared are: {', '.join(known)}")
        raise UsageError(f"--against {against!r} is none of the methods{hint}")
    race = Race(base, several, asked.seeds, asked.minutes, own, chosen, asked.workers)
    return race, against


def _methods(asked: Asked, chosen: Encoders | None) -> list[Contestant]:
    """Those of --methods, on each encoder where there are several."""
    if asked.ablate and chosen is not None:
        raise UsageError("--ablate and --encoders are two comparisons: make one after the other")
    listed = contestants.DEFAULT if chosen is None else encoders.METHODS
    if asked.methods is not None:
        listed = tuple(part.strip() for part in asked.methods.split(",") if part.strip())
    elif asked.ablate:
        listed = (ABLATED,)
    several = contestants.contestants(listed)
    if not several:
        raise UsageError("--methods names none")
    if asked.ablate and not any(one.name == ABLATED for one in several):
        several = [*contestants.contestants([ABLATED]), *several]
    return several if chosen is None else encoders.named(chosen, several)


def _ablations(
    name: str, changes: Sequence[str], several: Sequence[Contestant], options: Options
) -> list[Contestant]:
    """Of the recipe's model, which decides what there is to leave out."""
    told = [change for change in changes if not change.startswith(f"{ABLATED}-")]
    common, _ = racing.split_changes(told, several)
    base = racing.base_of(name, common, options)
    return contestants.ablations(recipe.resolve(AdaptConfig, base).model)


def check_gate(race: Race, against: str, require: Sequence[Requirement]) -> None:
    """Raise a UsageError for a --require of what will not be measured."""
    known = standing.names(race.contestants, against) + scaling.names(race.contestants)
    for item in require:
        if item.metric not in known:
            hint = suggest(item.metric, known, "write METHOD.METRIC, as in iisan-versa.ndcg@10")
            raise UsageError(f"--require {item.text}: no metric {item.metric!r}{hint}")
