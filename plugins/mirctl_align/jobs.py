"""Measuring and scoring, as jobs that a recipe names."""

from mirctl import device, hub
from mirctl.metrics import table
from mirctl.run import Result, Run
from mirctl_align import evaluation, measuring, saving, scoring
from mirctl_align.config import EvalConfig, ScoreConfig


def evaluate(config: EvalConfig, run: Run) -> Result:
    """Measure a reward model on pairs; the table has a row a metric."""
    opened = saving.load(hub.artifact_folder(config.model))
    with device.mixed(run.device, run.dtype):
        metrics, scored = measuring.measure(
            opened, config.pairs, config.data, config.by, run.device, config.seed
        )
    table.write(run.out, metrics)
    return Result(table=run.out, metrics=metrics, report=evaluation.report(metrics, scored))


def score(config: ScoreConfig, run: Run) -> Result:
    """Add rewards to a table of texts."""
    opened = saving.load(hub.artifact_folder(config.model))
    reader = measuring.to_score(opened, run.device)
    opened.model.to(run.device)
    with device.mixed(run.device, run.dtype):
        found = scoring.score(
            opened.model, reader, config.texts, run.out, config.column, run.device
        )
    found.tell()
    return Result(table=run.out, metrics=found.metrics())
