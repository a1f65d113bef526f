"""`adapt compare` from its options to what it shows."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from mirctl import files, jobs, pareto
from mirctl.artifact import manifest
from mirctl.jobs import Options, Requirement
from mirctl.sequences.standing import Metrics, Standing
from mirctl.steps import command
from mirctl_adapt.comparing import asking, encoders, racing, rates, report, scaling, standing
from mirctl_adapt.comparing.asking import Asked
from mirctl_adapt.comparing.racing import Encoded, Race
from mirctl_adapt.comparing.scaling import Size


def compare(
    name: str, changes: Sequence[str], asked: Asked, options: Options,
    require: Sequence[Requirement], *, json: bool,
) -> None:  # fmt: skip
    """Run what is not done yet, show all, and let the gate decide."""
    several = rates.parse(asked.rates)
    race, against = asking.race_of(name, changes, asked, options)
    asking.check_gate(race, against, require)
    line = racing.pipeline(race)
    racing.check(line, race.contestants)
    if options.dry_run:
        command.rehearse(line, options, racing.WAYS, json=json)
        return
    folder = command.place(options)
    pictures = pareto.check()
    encoded, sizes = _encoded(race)
    able = rates.choose(racing.without_failed(race, encoded), several, options)
    made = racing.run(able, options)
    found = standing.standings(made, race.contestants, encoded.failures)
    metrics = standing.metrics(found, against) | scaling.metrics(sizes, race.contestants)
    report.write(folder, found, metrics)
    if pictures:
        _draw(folder, race, found, metrics)
    facts = _facts(folder, found, against, encoded, sizes)
    files.write_text(folder / report.DOCUMENT, manifest.pretty({**facts, "metrics": metrics}))
    table = scaling.shown(race.encoders, sizes) if race.encoders else ""
    told = report.shown(found, metrics, against, table, _notes(race, several, encoded))
    errors = [f"{s.name}: {failure}" for s in found for failure in s.failures]
    jobs.show(metrics, told, require=require, json=json, errors=errors, **facts)


def _encoded(race: Race) -> tuple[Encoded, list[Size]]:
    """The states that methods read, and the size of each encoder where there are several."""
    if race.encoders is None:
        return racing.encode(racing.pipeline(race)), []
    probes = encoders.probes(race.encoders, race.contestants)
    probes = encoders.with_models(race.encoders, probes, race.base.tree)
    several = [*race.contestants, *probes]
    line = racing.pipeline(replace(race, contestants=several))
    encoded = racing.encode(line)
    return encoded, scaling.sizes(race.encoders, several, line, encoded)


def _draw(folder: Path, race: Race, found: Sequence[Standing], metrics: Metrics) -> None:
    """The pictures of what there is to see."""
    if any("epoch_seconds" in s.cost.values for s in found):
        report.draw(folder, found, metrics)
    if race.encoders:
        scaling.draw(folder, race.encoders, race.contestants, metrics)


def _facts(
    folder: Path, found: Sequence[Standing], against: str, encoded: Encoded, sizes: Sequence[Size]
) -> dict[str, object]:
    raced = {"encoders": {size.name: asdict(size) for size in sizes}} if sizes else {}
    return {
        "out": str(folder),
        "against": against,
        "tpme_over": [s.name for s in found if s.tpme is not None],
        "stopped": [s.name for s in found if s.stopped],
        "failed": {s.name: [str(f) for f in s.failures] for s in found if s.failures},
        "encode_seconds": encoded.seconds,
        **raced,
    }


def _notes(race: Race, several: Sequence[float], encoded: Encoded) -> list[str]:
    """What else is to be told under the tables."""
    told = rates.notes(race, several)
    if encoded.seconds:
        each = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in encoded.seconds.items())
        told.append(f"Encoded once, for all methods that read states: {each}.")
    if race.workers > 1:
        told.append(f"--jobs {race.workers}: seconds are those of a machine that runs shared.")
    return told
