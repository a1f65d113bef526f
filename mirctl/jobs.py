"""From a recipe's name to a finished job: what every command that runs a recipe shares."""

import operator
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mirctl import console, distributed, files, inputs, places, plugins, recipe
from mirctl.errors import DataError, MissingError, RunError, UsageError, suggest
from mirctl.hookspecs import Job
from mirctl.section import JobConfig
from mirctl.shards import WHOLE, Shard

if TYPE_CHECKING:
    from mirctl.run import Result, Run

_REQUIREMENT = re.compile(
    r"^\s*(?P<metric>[^<>\s]*[^<>=\s])\s*(?P<sign>>=|<=|>|<)\s*(?P<value>[-+.\deE]+)\s*$"
)
_BUG = "a bug of its plugin"
Only = str | Sequence[str] | None
"""The job, or the jobs, that a command is for; None: all."""
_SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@dataclass(frozen=True)
class Options:
    """The common command-line options of a job; None leaves the recipe's word."""

    out: Path | None = None
    seed: int | None = None
    device: str | None = None
    precision: str | None = None
    resume: bool = False
    dry_run: bool = False
    force: bool = False
    shard: Shard = WHOLE
    on: str | None = None
    """Where the job is done in shards: "ray", or None."""
    shards: int | None = None

    def changes(self) -> list[str]:
        """As key=value: an option beats the recipe and every other change."""
        named = {"seed": self.seed, "device": self.device, "precision": self.precision}
        return [f"{key}={value}" for key, value in named.items() if value is not None]


@dataclass(frozen=True)
class Requirement:
    """`ndcg@10>=0.10`: the gate of a pipeline."""

    text: str
    metric: str
    sign: str
    value: float

    def failure(self, metrics: dict[str, dict[str, Any]]) -> str | None:
        """Why this requirement is not met, or None."""
        if self.metric not in metrics:
            known = ", ".join(metrics) or "none"
            return f"--require {self.text}: there is no metric {self.metric!r}; known: {known}"
        entry = metrics[self.metric]
        reached = entry["value"] if isinstance(entry, dict) else entry
        if reached is not None and _SIGNS[self.sign](reached, self.value):
            return None
        shown = "undefined" if reached is None else f"{reached:.4f}"
        return f"--require {self.text}: {self.metric} is {shown}"


def requirements(texts: Sequence[str] | None) -> list[Requirement]:
    """Parse --require before the work begins, so that a typo does not cost an hour."""
    parsed = []
    for text in texts or ():
        match = _REQUIREMENT.match(text)
        try:
            value = float(match["value"]) if match else None
        except ValueError:
            value = None
        if match is None or value is None:
            raise UsageError(f"--require {text!r}: write METRIC>=NUMBER, as in 'ndcg@10>=0.10'")
        parsed.append(Requirement(text, match["metric"], match["sign"], value))
    return parsed


def find(uses: str) -> Job:
    """The job a recipe's `uses` names."""
    known = {job.name: job for job in plugins.results("mirctl_jobs")}
    if uses in known:
        return known[uses]
    owner = uses.partition("/")[0]
    loaded = plugins.hooks()
    problem = next((p for p in loaded.problems if p.plugin == owner), None)
    if problem and not loaded.manager.has_plugin(owner):
        raise MissingError(f"{problem} (see: mirctl plugins doctor)")
    hint = suggest(uses, known, f"known: {', '.join(known) or 'none'}")
    raise UsageError(f"uses: {uses!r} names no job{hint}")


def prepare(
    name: str, changes: Sequence[str], options: Options, *, only: Only = None
) -> tuple[Job, JobConfig]:
    """Read, change and check a recipe; `only` are the jobs a plugin's own command insists on."""
    read = recipe.change(recipe.read(name, changes), options.changes())
    wanted = (only,) if isinstance(only, str) else only
    if wanted is not None and read.uses not in wanted:
        told = f"uses {read.uses}, not {' or '.join(wanted)}: `mirctl run` takes any recipe"
        raise UsageError(told, where=read.where("uses"))
    job = find(read.uses)
    config = recipe.resolve(plugins.import_object(job.config), read)
    refuse_missing(inputs.find(config), read)
    return job, config


def refuse_missing(
    needed: Iterable[inputs.Input], read: recipe.Recipe, step: str | None = None
) -> None:
    """Raise a DataError for a file or folder that is not there."""
    for item in needed:
        with files.unreadable_is(DataError, item.path):
            there = places.seen(item.path).exists()
        if not there:
            change = f"{step}.{item.key}" if step else item.key
            raise DataError(
                f"{change}: {item.path} does not exist: say where it is with {change}=PATH",
                where=read.where(item.key),
            )


def check_requirements(job: Job, require: Sequence[Requirement]) -> None:
    """Refuse what the job does not measure before it runs, not after."""
    if not require or not job.metrics:
        return
    refuse_unknown(require, plugins.import_function(job.metrics)())


def refuse_unknown(require: Sequence[Requirement], known: Sequence[str]) -> None:
    """Raise a UsageError for a requirement of a metric that will not be there; a known one may be
    a pattern, such as `mae.*`."""
    for item in require:
        if not any(fnmatchcase(item.metric, name) for name in known):
            hint = suggest(item.metric, known, f"known: {', '.join(known)}")
            raise UsageError(f"--require {item.text}: no metric {item.metric!r}{hint}")


def execute(
    name: str,
    changes: Sequence[str],
    options: Options,
    *,
    only: Only = None,
    require: Sequence[Requirement] = (),
) -> "Result | None":
    """Do a recipe's job; None after --dry-run, which checks everything and writes nothing."""
    with distributed.launched():
        return _execute(name, changes, options, only, require)


def _execute(
    name: str,
    changes: Sequence[str],
    options: Options,
    only: Only,
    require: Sequence[Requirement],
) -> "Result | None":
    job, config = prepare(name, changes, options, only=only)
    check_requirements(job, require)
    if job.makes == "table":
        instead = "its parts with --shard i/n" if job.shards else ""
        distributed.refuse_several(job.name, instead)
    if not job.shards and (options.shard.of > 1 or options.on):
        raise UsageError(f"{job.name} is not done in shards")
    if options.shards and not options.on:
        raise UsageError("--shards says how many with --on ray; one part of them is --shard i/n")
    if options.on and options.shard.of > 1:
        raise UsageError("--on does every part: leave out --shard")
    if options.dry_run:
        rehearse(job, config, options)
        console.say(f"{name} would run as {job.name}; nothing was")
        return None
    if options.out is None:
        raise UsageError("--out is missing: name a new folder for the result")
    return do(job, config, options)


def do(job: Job, config: JobConfig, options: Options) -> "Result":
    """Do a job, in a run of its own, with the hooks that follow it."""
    from mirctl import run as runs

    modes = {"resume": options.resume, "force": options.force, "makes": job.makes}
    plugins.hooks().off.clear()  # what failed in another run may work in this one
    try:
        with runs.start(config, options.out, **modes) as run:
            run.shard = options.shard
            plugins.tell("mirctl_run_started", run=run)
            with run.meter:
                result = _made(job, _function(job, options), config, run)
            plugins.tell("mirctl_run_finished", run=run, artifact=result.artifact)
    except distributed.Done as end:
        raise typer.Exit from end
    return result


def _made(job: Job, function: Callable[..., "Result"], config: JobConfig, run: "Run") -> "Result":
    """What the function made; a RunError where a plugin's function ends and made nothing."""
    from mirctl.run import Result

    try:
        result = function(config, run)
    except (SystemExit, typer.Exit) as error:
        raise RunError(f"{job.name} left by {type(error).__name__}: {_BUG}") from error
    if not isinstance(result, Result):
        told = f"{job.name} gave a {type(result).__name__}, not a mirctl.run.Result"
        raise RunError(f"{told}: {_BUG}")
    made = result.artifact if job.makes == "artifact" else result.table
    if made is None or not os.path.exists(made):
        raise RunError(f"{job.name} ended well and made no {job.makes} at {run.out}: {_BUG}")
    return result


def _function(job: Job, options: Options) -> Callable[..., "Result"]:
    """What does the job: the plugin's own function, or its shards elsewhere."""
    if not options.on:
        return plugins.import_function(job.function)
    from mirctl import on_ray

    return partial(on_ray.run, shards=options.shards)


def rehearse(job: Job, config: JobConfig, options: Options) -> None:
    """Raise what would stop the job: its place, its device, its data."""
    from mirctl import device, tracking
    from mirctl import run as runs

    tracking.wanted()
    if options.out is not None:
        place = files.target(options.out)
        runs.check_place(place, job.makes, resume=options.resume, force=options.force)
        inputs.refuse_unnameable(config, place)
    device.precision(config.precision, device.choose(config.device))
    if job.check:
        plugins.import_function(job.check)(config)


def show(
    metrics: dict[str, dict[str, Any]],
    report: str,
    *,
    require: Sequence[Requirement] = (),
    json: bool = False,
    errors: Sequence[str] = (),
    **facts: Any,
) -> None:
    """Metrics as a table for people or one document for programs; then errors and gate decide."""
    missed = [*errors, *failures(metrics, require)]
    if json:
        known = {key: value for key, value in facts.items() if value is not None}
        console.document({**known, "metrics": metrics, **as_error(missed)})
    elif report:
        console.emit(console.harmless(report))
    leave(missed)


def failures(metrics: dict[str, dict[str, Any]], require: Sequence[Requirement]) -> list[str]:
    """Why each requirement that is missed is missed."""
    return [why for item in require if (why := item.failure(metrics))]


def as_error(missed: Sequence[str]) -> dict[str, Any]:
    """What a document says of missed requirements."""
    if not missed:
        return {}
    return {"error": {"code": 1, "message": "; ".join(missed), "where": None}}


def leave(missed: Sequence[str]) -> None:
    """End the command with exit 1 where a requirement was missed."""
    for why in missed:
        console.error(why)
    if missed:
        raise typer.Exit(1)


def show_result(result: "Result | None", *, require: Sequence[Requirement], json: bool) -> None:
    """Show what a job made; after --dry-run there is nothing but the fact."""
    if result is None:
        show({}, "", json=json, dry_run=True)
        return
    show(
        result.metrics,
        result.report,
        require=require,
        json=json,
        artifact=result.artifact,
        table=result.table,
    )
