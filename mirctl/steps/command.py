"""`mirctl run`, `recipe check` and `recipe show` of a recipe that is a pipeline."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mirctl import console, distributed, files, jobs, locks, recipe, tracking
from mirctl.cache import Hashes
from mirctl.console import counted
from mirctl.errors import Interrupted, UsageError
from mirctl.jobs import Options, Requirement
from mirctl.shards import WHOLE
from mirctl.steps import cells, gate, graph, reading, result, running
from mirctl.steps import plan as plans
from mirctl.steps.graph import Pipeline
from mirctl.steps.look import Look
from mirctl.steps.plan import Plan, Planned
from mirctl.steps.record import FILE, Records
from mirctl.steps.running import Outcome
from mirctl.steps.workers import Workers


@dataclass(frozen=True)
class Ways:
    """How a pipeline runs."""

    start: str | None = None
    """A step that runs in any case, and all after it."""
    keep_going: bool = False
    workers: int = 1
    apart: bool = False
    """Each step in a process of its own, also where one runs at a time: its memory is its own."""
    has_from: bool = True
    """Can who runs it say --from?"""
    table: bool = True
    """Does a sweep leave a table of its cells?"""


@dataclass(frozen=True)
class Made:
    """A pipeline that was run."""

    plan: Plan
    outcomes: dict[str, Outcome]
    table: list[cells.Row]


def read(name: str, changes: Sequence[str]) -> recipe.Recipe:
    """A recipe of either kind with its changes; those of a step may be STEP.key=value."""
    return reading.changed(recipe.read(name), changes)


def pipeline_of(read: recipe.Recipe) -> Pipeline:
    """The graph of a recipe."""
    return graph.expand(reading.take_apart(read))


def run(
    name: str,
    changes: Sequence[str],
    options: Options,
    ways: Ways,
    *,
    require: Sequence[Requirement],
    json: bool,
) -> None:
    """Run a recipe of either kind and show what came of it."""
    whole = read(name, [*changes, *options.changes()])
    if not reading.is_pipeline(whole):
        if ways != Ways():
            raise UsageError(
                "--from, --keep-going and --jobs are for a recipe with steps: or sweep:"
            )
        made = jobs.execute(name, changes, options, require=require)
        jobs.show_result(made, require=require, json=json)
        return
    if options.shard != WHOLE or options.on or options.shards:
        raise UsageError("--shard, --shards and --on are for a recipe of one job")
    distributed.refuse_several(f"{name} has steps or a sweep", "its training by itself in several")
    pipeline = pipeline_of(whole)
    gate.check_gate(pipeline, require)
    tracking.wanted()
    if options.dry_run:
        rehearse(pipeline, options, ways, json=json)
        return
    made = carry_out(pipeline, options, ways)
    forgiving = _forgives(pipeline, ways)
    result.show(made.plan, made.outcomes, made.table, require, json=json, forgiving=forgiving)


def carry_out(pipeline: Pipeline, options: Options, ways: Ways) -> Made:
    """Run in the folder `options.out` what is not up to date there."""
    folder = place(options)
    with _alone(folder):
        records = Records.read(folder, force=options.force)
        plan = plans.make(pipeline, folder, records, start=ways.start, force=options.force)
        outcomes = _run(plan, options, ways)
        table = cells.rows(pipeline, outcomes) if pipeline.source.sweep else []
        if table and ways.table:
            cells.write(folder, table)
    return Made(plan, outcomes, table)


def place(options: Options) -> Path:
    """The folder of a pipeline's results: a new one, or that of an earlier run."""
    if options.out is None:
        raise UsageError("--out is missing: name a new folder for the results")
    folder = Path(os.path.abspath(files.target(options.out)))
    _refuse_foreign(folder)
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder; one that was made for nothing goes again."""
    fresh = not folder.exists()
    with locks.alone(folder, "another pipeline"):
        try:
            yield
        finally:
            if fresh and os.listdir(folder) == [locks.LOCK]:
                shutil.rmtree(folder, ignore_errors=True)


def _refuse_foreign(folder: Path) -> None:
    """Raise a UsageError where a place is taken by something that no pipeline made."""
    with files.refusals_are_errors(folder):
        names = set(os.listdir(folder)) if folder.is_dir() else set()
        if folder.exists() and not folder.is_dir():
            raise UsageError("is a file: name a new folder for the results", where=str(folder))
    if names - {locks.LOCK} and FILE not in names:
        raise UsageError(
            f"has no {FILE}, so something else made it: choose another --out", where=str(folder)
        )


def _forgives(pipeline: Pipeline, ways: Ways) -> bool:
    """Do independent steps go on after a failure? Cells of a sweep always do."""
    return ways.keep_going or bool(pipeline.source.sweep)


def _run(plan: Plan, options: Options, ways: Ways) -> dict[str, Outcome]:
    """Run what is not up to date."""
    for planned in plan.todo:
        _refuse_unfinished(planned, options, ways)
        _refuse_foreign_result(planned, options)
        # From now on what appears at its place is its own.
        plan.records.steps.setdefault(planned.step.name, planned.record)

    def told(planned: Planned) -> Options:
        return _options(planned, options)

    count, todo = len(plan.steps), len(plan.todo)
    console.say(f"{todo} of {counted(count, 'step')} to run, {count - todo} up to date")
    plan.records.write()
    keep_going = _forgives(plan.pipeline, ways)
    try:
        if ways.workers == 1 and not ways.apart:
            return running.run(plan, running.Here(plan), told, keep_going=keep_going)
        with tempfile.TemporaryDirectory() as recipes:
            place = Workers(plan, ways.workers, Path(recipes))
            return running.run(plan, place, told, keep_going=keep_going)
    except KeyboardInterrupt as error:
        raise Interrupted(
            "stopped: --resume goes on, and keeps what is done", where=str(plan.records.folder)
        ) from error


def _unfinished(planned: Planned) -> bool:
    from mirctl import run as runs

    return (runs.partial(planned.out) / runs.CHECKPOINT).is_file()


def _refuse_unfinished(planned: Planned, options: Options, ways: Ways) -> None:
    """Nobody loses a checkpoint without having said so."""
    if not _unfinished(planned) or options.force or _over(planned):
        return
    changed = bool(planned.why and planned.why.endswith("changed"))
    if options.resume and not changed:
        return
    told = f", and {planned.why} since: " if changed else ": --resume goes on with it, "
    over = f"--from {planned.step.of or planned.step.name}" if ways.has_from else "removing this"
    raise UsageError(
        f"step {planned.step.name} is unfinished{told}{over} starts it over",
        where=f"{planned.out}.partial",
    )


def _refuse_foreign_result(planned: Planned, options: Options) -> None:
    """Nothing is overwritten that the step did not make."""
    if not planned.owned:
        marker = files.MANIFEST if planned.job.makes == "artifact" else None
        files.refuse_to_overwrite(planned.out, force=options.force, marker=marker)


def _over(planned: Planned) -> bool:
    return bool(planned.why and planned.why.startswith("--"))


def _options(planned: Planned, options: Options) -> Options:
    """The options of one step's run; its own older result is replaced."""
    resume = options.resume and _unfinished(planned) and not _over(planned)
    if resume and planned.owned and planned.out.exists():
        _remove(planned.out)  # what --resume makes takes its place
    force = options.force or (planned.owned and not resume)
    return replace(Options(), out=planned.out, resume=resume, force=force)


def _remove(result: Path) -> None:
    shutil.rmtree(result) if result.is_dir() else result.unlink()


def rehearse(pipeline: Pipeline, options: Options, ways: Ways, *, json: bool) -> None:
    """What would run and why; every job that can looks at its data."""
    folder = Path(os.path.abspath(files.target(options.out or Path("OUT"))))
    records = Records(folder)
    if options.out is not None:
        _refuse_foreign(folder)
        records = Records.read(folder, force=options.force)
    plan = plans.make(pipeline, folder, records, start=ways.start, force=options.force)
    for planned in plan.todo:
        if options.out is not None:
            _refuse_unfinished(planned, options, ways)
            _refuse_foreign_result(planned, options)
        # What it takes from other steps is not there yet.
        job = replace(planned.job, check="") if planned.needs else planned.job
        with console.aside():
            jobs.rehearse(job, plan.config(planned.step.name), Options())
    if json:
        document = {
            name: {"job": p.job.name, "out": p.record.out, "runs": bool(p.why), "why": p.why}
            for name, p in plan.steps.items()
        }
        console.document({"dry_run": True, "steps": document})
        return
    lines = [[n, p.job.name, p.why or "up to date"] for n, p in plan.steps.items()]
    console.emit(console.table(["step", "job", "runs because"], lines, left=range(3)))
    count = counted(len(plan.steps), "step")
    console.say(f"{len(plan.todo)} of {count} would run; nothing did")


def check(read: recipe.Recipe) -> list[str]:
    """Check every step of a pipeline and that its input files are there; gives their names."""
    folder = Path(os.path.abspath("OUT"))
    plan = plans.make(pipeline_of(read), folder, Records(folder), start=None, force=False)
    return list(plan.steps)


def resolved(read: recipe.Recipe) -> dict[str, Any]:
    """A pipeline with every default filled in and every path absolute; `{step: NAME}` stays, and
    what is swept has the first of its values. Input files need not be there."""
    pipeline = pipeline_of(read)
    folder = Path(os.path.abspath("OUT"))
    look = Look(pipeline, folder, Records(folder), Hashes())
    found: dict[str, Any] = {}
    for of, name in pipeline.cells[0].steps.items():
        step = pipeline.steps[name]
        tree = look.resolve(step, look.jobs[name]).model_dump(mode="json")
        names = {str(folder / look.outs[n]): pipeline.steps[n].of for n in step.needs.values()}
        tree = reading.with_names(tree, names)
        out = step.recipe.tree.get("out") if of else None
        found[of] = tree | ({"out": out} if out else {})
    sweep = {"sweep": pipeline.source.sweep} if pipeline.source.sweep else {}
    return {**(found[""] if pipeline.source.plain else {"steps": found}), **sweep}
