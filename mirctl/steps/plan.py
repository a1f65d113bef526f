"""What has to run and why: every step is held against what it was last made from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirctl import cache
from mirctl.errors import UsageError, suggest
from mirctl.hookspecs import Job
from mirctl.section import JobConfig
from mirctl.steps.graph import Pipeline, Step
from mirctl.steps.look import Look
from mirctl.steps.record import Record, Records, problem


@dataclass
class Planned:
    """A step with its job and its place, and why it runs; None where it is up to date."""

    step: Step
    job: Job
    out: Path
    why: str | None
    record: Record
    """What it is made from: as it is now."""
    owned: bool
    """What stands at its place was made by this step."""

    @property
    def needs(self) -> set[str]:
        return set(self.step.needs.values())


@dataclass
class Plan:
    """The pipeline's steps in order, and what is known of them from before."""

    pipeline: Pipeline
    look: Look
    steps: dict[str, Planned]
    records: Records

    def config(self, name: str) -> JobConfig:
        """The step's config, every path absolute, with its parents' results in place."""
        return self.look.resolve(self.steps[name].step, self.steps[name].job)

    @property
    def todo(self) -> list[Planned]:
        """What is not up to date."""
        return [planned for planned in self.steps.values() if planned.why]


def make(
    pipeline: Pipeline, folder: Path, records: Records, *, start: str | None, force: bool
) -> Plan:
    """Hold each step against its record; `start` and what comes after it run in any case."""
    with cache.remembered() as known:
        look = Look(pipeline, folder, records, known)
        return Plan(pipeline, look, _planned(look, start=start, force=force), records)


def _planned(look: Look, *, start: str | None, force: bool) -> dict[str, Planned]:
    """Every step, each after those that it needs."""
    pipeline, records = look.pipeline, look.records
    steps: dict[str, Planned] = {}
    again = pipeline.after(_named(pipeline, start)) if start else set()
    for step in pipeline.steps.values():
        look.refuse_misfits(step)
    look.refuse_shared()
    look.refuse_links()
    for step in pipeline.steps.values():
        before, job = records.steps.get(step.name), look.jobs[step.name]
        now = look.described(step, before)
        out = look.folder / now.out
        parents = [steps[need] for need in step.needs.values()]
        if late := [parent for parent in parents if parent.why]:
            why = f"after {late[0].step.name}"
        else:
            now.needs = {k: steps[need].record.digest for k, need in step.needs.items()}
            why = _why(before, now, out)
        if force or step.name in again:
            why = "--force" if force else f"--from {start}"
        owned = before is not None and before.out == now.out
        if not why and before:
            now = records.steps[step.name] = before.model_copy(update={"asked": now.asked})
        steps[step.name] = Planned(step, job, out, why, now, owned)
    return steps


def _named(pipeline: Pipeline, name: str) -> list[str]:
    found = [step.name for step in pipeline.steps.values() if name in (step.of, step.name)]
    if found:
        return found
    known = list(dict.fromkeys(s.of or s.name for s in pipeline.steps.values()))
    raise UsageError(f"--from {name!r}: no such step{suggest(name, known, ', '.join(known[:20]))}")


def _why(before: Record | None, now: Record, out: Path) -> str | None:
    """Why a step is not up to date, or None where it is."""
    if before is None:
        return "new"
    pairs = [
        ("version of ", before.job, now.job),
        ("", before.config, now.config),
        ("", before.inputs, now.inputs),
    ]
    if before.state == "done":
        pairs.append(("result of ", before.needs, now.needs))
    for what, old, new in pairs:
        if changed := _different(old, new):
            return f"{what}{', '.join(changed[:3])} changed"
    if before.state != "done":
        return {"open": "unfinished", "failed": "failed before"}[before.state]
    return problem(out, before) if before.out == now.out else "another place"


def _different(old: Any, new: Any, key: str = "") -> list[str]:
    """Dotted keys whose values differ."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return [] if old == new else [key]
    return [
        name
        for k in {**new, **old}
        for name in _different(old.get(k), new.get(k), f"{key}.{k}" if key else k)
    ]
