"""`--require` of a pipeline: by step, for every cell."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mirctl import jobs
from mirctl.errors import UsageError, suggest
from mirctl.jobs import Requirement
from mirctl.steps.cells import ENDED
from mirctl.steps.graph import Pipeline
from mirctl.steps.plan import Plan
from mirctl.steps.running import Outcome


def check_gate(pipeline: Pipeline, require: Sequence[Requirement]) -> None:
    """Refuse a requirement that no step can meet before the work, not after."""
    for item in require:
        of, metric = _of(pipeline, item)
        step = next(s for s in pipeline.steps.values() if s.of == of)
        job = jobs.find(step.recipe.uses)
        jobs.check_requirements(job, [replace(item, metric=metric)])


def _of(pipeline: Pipeline, item: Requirement) -> tuple[str, str]:
    """The step that a requirement is about, and the metric there."""
    if pipeline.source.plain:
        return "", item.metric
    of, _, metric = item.metric.partition(".")
    names = list(pipeline.source.steps)
    if of not in names or not metric:
        hint = suggest(of, names, f"steps: {', '.join(names)}")
        raise UsageError(f"--require {item.text}: write STEP.METRIC>=NUMBER{hint}")
    return of, metric


def missed(
    plan: Plan, outcomes: Mapping[str, Outcome], require: Sequence[Requirement]
) -> list[str]:
    """Why requirements are missed; each counts for every cell."""
    told = []
    for item in require:
        of, metric = _of(plan.pipeline, item)
        for name, outcome in outcomes.items():
            if plan.steps[name].step.of != of or outcome.state in ENDED:
                continue
            if why := replace(item, metric=metric).failure(outcome.metrics):
                told.append(why if name == of else f"{why} ({name})")
    return told
