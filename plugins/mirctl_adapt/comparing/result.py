"""`adapt compare` from its options to what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from mirctl import console, files, jobs, pareto, recipe
from mirctl.artifact import manifest
from mirctl.errors import UsageError, suggest
from mirctl.jobs import Options, Requirement
from mirctl.steps import command
from mirctl_adapt.comparing import contestants, racing, rates, report, standing
from mirctl_adapt.comparing.racing import Race
from mirctl_adapt.comparing.standing import Metrics, Standing
from mirctl_adapt.config import AdaptConfig


@dataclass(frozen=True)
class Asked:
    """The options of the command."""

    methods: str | None
    against: str | None
    ablate: bool
    seeds: int
    minutes: float
    rates: str | None


def compare(
    name: str, changes: Sequence[str], asked: Asked, options: Options,
    require: Sequence[Requirement], *, json: bool,
) -> None:  # fmt: skip
    """Run what is not done yet, show all, and let the gate decide."""
    several = rates.parse(asked.rates)
    race, against = _race(name, changes, asked, options)
    _check_gate(race, against, require)
    line = racing.pipeline(race)
    if options.dry_run:
        command.rehearse(line, options, racing.WAYS, json=json)
        return
    folder = command.place(options)
    racing.check(line)
    pictures = pareto.check()
    encoded = racing.encode(line)
    race = rates.choose(race, several, options)
    made = racing.run(racing.pipeline(race), options)
    found = standing.standings(made, race.contestants)
    metrics = standing.metrics(found, against)
    report.write(folder, found, metrics)
    if pictures and any("epoch_seconds" in s.cost.values for s in found):
        report.draw(folder, found, metrics)
    facts = _facts(folder, found, against, encoded)
    files.write_text(folder / report.DOCUMENT, manifest.pretty({**facts, "metrics": metrics}))
    _show(found, metrics, against, facts, require, json=json)


def _race(name: str, changes: Sequence[str], asked: Asked, options: Options) -> tuple[Race, str]:
    """What is compared, and with which of them the others are."""
    listed = contestants.DEFAULT
    if asked.methods is not None:
        listed = tuple(part.strip() for part in asked.methods.split(",") if part.strip())
    elif asked.ablate:
        listed = (contestants.ABLATED,)
    several = contestants.contestants(listed)
    if not several:
        raise UsageError("--methods names none")
    if asked.ablate and not any(one.name == contestants.ABLATED for one in several):
        several = [*contestants.contestants([contestants.ABLATED]), *several]
    common, own = racing.split_changes(changes, several)
    base = racing.base_of(name, common, options)
    if asked.ablate:
        model = recipe.resolve(AdaptConfig, base).model
        several += contestants.ablations(model)
        common, own = racing.split_changes(changes, several)
    against = asked.against or several[0].name
    known = [one.name for one in several]
    if against not in known:
        hint = suggest(against, known, f"compared are: {', '.join(known)}")
        raise UsageError(f"--against {against!r} is none of the methods{hint}")
    return Race(base, several, asked.seeds, asked.minutes, own), against


def _check_gate(race: Race, against: str, require: Sequence[Requirement]) -> None:
    known = standing.names(race.contestants, against)
    for item in require:
        if item.metric not in known:
            hint = suggest(item.metric, known, "write METHOD.METRIC, as in iisan-versa.ndcg@10")
            raise UsageError(f"--require {item.text}: no metric {item.metric!r}{hint}")


def _facts(
    folder: Path, found: Sequence[Standing], against: str, encoded: dict[str, float]
) -> dict[str, object]:
    return {
        "out": str(folder),
        "against": against,
        "tpme_over": [s.name for s in found if s.tpme is not None],
        "stopped": [s.name for s in found if s.stopped],
        "failed": {s.name: [str(f) for f in s.failures] for s in found if s.failures},
        "encode_seconds": encoded,
    }


def _show(
    found: Sequence[Standing], metrics: Metrics, against: str, facts: dict[str, object],
    require: Sequence[Requirement], *, json: bool,
) -> None:  # fmt: skip
    failed = [f"{s.name}: {failure}" for s in found for failure in s.failures]
    missed = [*failed, *jobs.failures(metrics, require)]
    if json:
        console.document({**facts, "metrics": metrics, **jobs.as_error(missed)})
    else:
        told = report.shown(found, metrics, against)
        encoded = facts["encode_seconds"]
        if isinstance(encoded, dict) and encoded:
            each = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in encoded.items())
            told += f"\nEncoded once, for all methods that read states: {each}."
        console.emit(console.harmless(told))
    for why in missed:
        console.error(why)
    if missed:
        raise typer.Exit(1)
