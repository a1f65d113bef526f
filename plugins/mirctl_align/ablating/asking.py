"""`mirctl align ablate` from its options to what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mirctl import console, files, jobs, pareto, recipe
from mirctl.artifact import manifest
from mirctl.errors import UsageError, suggest
from mirctl.jobs import Options, Requirement
from mirctl.steps import command
from mirctl.steps import variants as several
from mirctl.steps.graph import Pipeline
from mirctl_align.ablating import picture, report, standing
from mirctl_align.ablating.variants import Contestant, contestants
from mirctl_align.config import RewardConfig

WAYS = command.Ways(keep_going=True, has_from=False, table=False)
APART = True
"""Each run in a process of its own, so that its memory is its own; tests have no need of it."""


@dataclass(frozen=True)
class Asked:
    """The options of the command."""

    inject: str
    generators: str
    models: str | None
    seeds: int
    folds: int
    shares: str
    workers: int = 1

    def contestants(self) -> list[Contestant]:
        """All that is compared."""
        models = _listed(self.models) if self.models else []
        return contestants(_listed(self.inject), _listed(self.generators), models, self._shares())

    def _shares(self) -> list[float]:
        """10,30,100: per cent."""
        try:
            found = sorted({float(part) / 100 for part in _listed(self.shares)})
        except ValueError:
            found = [0.0]
        if not found or not all(0 < share <= 1 for share in found):
            raise UsageError(f"--shares {self.shares}: write per cents, as in 10,30,100")
        return found


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def ablate(
    name: str, changes: Sequence[str], asked: Asked, options: Options,
    require: Sequence[Requirement], *, json: bool,
) -> None:  # fmt: skip
    """Run what is not done yet, show all, and let the gate decide."""
    compared = asked.contestants()
    line = _pipeline(name, changes, asked, compared, options)
    check_gate(compared, require)
    if options.dry_run:
        command.rehearse(line, options, WAYS, json=json)
        return
    folder = command.place(options)
    pictures = pareto.check()
    console.say(f"{console.counted(len(line.steps), 'run')}, each in a process of its own")
    made = command.carry_out(line, options, replace(WAYS, apart=APART, workers=asked.workers))
    found = standing.standings(made, compared, asked.folds)
    metrics = standing.metrics(found)
    report.write(folder, found, metrics)
    if pictures:
        picture.draw(folder, found, metrics)
    facts = {"out": str(folder), "failed": {s.name: [str(f) for f in s.failures]
                                            for s in found if s.failures}}  # fmt: skip
    files.write_text(folder / report.DOCUMENT, manifest.pretty({**facts, "metrics": metrics}))
    errors = [f"{s.name}: {failure}" for s in found for failure in s.failures]
    told = report.shown(found, metrics)
    jobs.show(metrics, told, require=require, json=json, errors=errors, **facts)


def _pipeline(
    name: str, changes: Sequence[str], asked: Asked, compared: Sequence[Contestant],
    options: Options,
) -> Pipeline:  # fmt: skip
    base = several.base_of(name, changes, options, "align/train")
    steps = [variant for one in compared for variant in one.variants(asked.folds)]
    line = several.pipeline(base, steps, asked.seeds)
    for step in line.steps.values():
        config = recipe.resolve(RewardConfig, step.recipe)
        if config.data.test is None and config.data.fold is None:
            told = "is measured on what chose the epoch: say --folds 5, or data.test=FILE"
            raise UsageError(f"the accuracy {told}", where=name)
    return line


def check_gate(compared: Sequence[Contestant], require: Sequence[Requirement]) -> None:
    """Raise a UsageError for a --require of what will not be measured."""
    known = standing.names(compared)
    for item in require:
        if item.metric not in known:
            hint = suggest(item.metric, known, "write NAME.METRIC, as in add:formula.accuracy-text")
            raise UsageError(f"--require {item.text}: no metric {item.metric!r}{hint}")
