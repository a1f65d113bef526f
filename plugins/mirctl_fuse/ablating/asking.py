"""`fuse ablate` from its options to what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mirctl import artifact, console, files, jobs, pareto, recipe
from mirctl import device as devices
from mirctl.artifact import Artifact, manifest
from mirctl.data.catalogue import load_catalogue
from mirctl.efficiency import Meter
from mirctl.encode import catalogue
from mirctl.errors import UsageError, suggest
from mirctl.jobs import Options, Requirement
from mirctl.recipe import Recipe
from mirctl.sequences import standing
from mirctl.sequences.standing import Standing
from mirctl.steps import command, variants
from mirctl.steps.command import Made
from mirctl.steps.graph import Pipeline
from mirctl_fuse import saving
from mirctl_fuse.ablating import picture, report
from mirctl_fuse.ablating.contestants import PARTS, RECIPE, Contestant, contestants
from mirctl_fuse.config import FuseConfig
from mirctl_fuse.inputs import Raw

WAYS = command.Ways(keep_going=True, has_from=False, table=False)
APART = True
"""Each run in a process of its own, so that its memory is its own; tests have no need of it."""


@dataclass(frozen=True)
class Asked:
    """The options of the command."""

    vary: str | None
    methods: str
    seeds: int
    minutes: float
    """Of training, for each method whose encoders learn."""
    workers: int = 1

    def contestants(self, config: FuseConfig) -> list[Contestant]:
        """All that is compared."""
        parts = PARTS if self.vary is None else _listed(self.vary)
        return contestants(config.model, parts, _listed(self.methods))


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def ablate(
    name: str, changes: Sequence[str], asked: Asked, options: Options,
    require: Sequence[Requirement], *, json: bool,
) -> None:  # fmt: skip
    """Run what is not done yet, show all, and let the gate decide."""
    base = variants.base_of(name, changes, options, "fuse/train")
    config = recipe.resolve(FuseConfig, base)
    compared = asked.contestants(config)
    _check_gate(compared, require)
    line = _pipeline(base, compared, asked)
    if options.dry_run:
        command.rehearse(line, options, WAYS, json=json)
        return
    folder = command.place(options)
    pictures = pareto.check()
    seconds = _encode(config)
    console.say(f"{console.counted(len(line.steps), 'run')}, each in a process of its own")
    made = command.carry_out(line, options, replace(WAYS, apart=APART, workers=asked.workers))
    found = _standings(made, compared)
    metrics = standing.metrics(found, _against)
    report.write(folder, compared, found, metrics)
    if pictures:
        picture.draw(folder, compared, metrics)
    failed = {s.name: [str(failure) for failure in s.failures] for s in found if s.failures}
    facts = {"out": str(folder), "failed": failed, "encode_seconds": seconds}
    files.write_text(folder / report.DOCUMENT, manifest.pretty({**facts, "metrics": metrics}))
    told = report.shown(compared, found, metrics, seconds, asked.workers)
    errors = [f"{s.name}: {failure}" for s in found for failure in s.failures]
    jobs.show(metrics, told, require=require, json=json, errors=errors, **facts)


def _pipeline(base: Recipe, compared: Sequence[Contestant], asked: Asked) -> Pipeline:
    """A step for each, all for each seed; raises what would be wrong with any."""
    once = {"seed": variants.first_seed(base), "train.minutes": asked.minutes}
    line = variants.pipeline(base, [one.variant(once) for one in compared], asked.seeds)
    for step in line.steps.values():
        try:
            recipe.resolve(FuseConfig, step.recipe)
        except UsageError as error:
            raise UsageError(f"{step.of}: {error.message}", where=error.where) from error
    return line


def _check_gate(compared: Sequence[Contestant], require: Sequence[Requirement]) -> None:
    """Raise a UsageError for a --require of what will not be measured."""
    known = standing.names([one.name for one in compared], RECIPE)
    for item in require:
        if item.metric not in known:
            hint = suggest(item.metric, known, "write NAME.METRIC, as in no-cross.ndcg@10-recipe")
            raise UsageError(f"--require {item.text}: no metric {item.metric!r}{hint}")


def _encode(config: FuseConfig) -> dict[str, float]:
    """Cache the states that all read, so that they count for none; seconds by modality."""
    place = devices.choose(config.device)
    dtype = devices.precision(config.precision, place)
    items = load_catalogue(config.data, seed=config.seed).items
    with Meter(place) as meter:
        catalogue.encode(Raw.of(config, items).wanted(config), place, dtype, meter)
    return {name.removeprefix("encode "): phase.seconds
            for name, phase in meter.phases.items() if phase.items}  # fmt: skip


def _standings(made: Made, compared: Sequence[Contestant]) -> list[Standing]:
    found = []
    for one in compared:
        own = Standing(one.name, one.adapts)
        own.read(made, variants.runs_of(made.plan.pipeline, one.name), _opened)
        found.append(own)
    standing.give_tpme(found)
    return found


def _opened(folder: Path) -> Artifact:
    return artifact.open_artifact(folder, saving.KIND, saving.SCHEMA)


def _against(name: str) -> tuple[str, str] | None:
    return None if name == RECIPE else (RECIPE, RECIPE)
