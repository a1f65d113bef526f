"""`gaze/compare`: what the command does, as a job that a recipe names."""

from mirctl import console
from mirctl.run import Result, Run
from mirctl_gaze.scanpaths import running
from mirctl_gaze.scanpaths.config import CompareConfig
from mirctl_gaze.scanpaths.metrics import METRICS


def measured() -> list[str]:
    """Names that --require may ask for."""
    return [column for metric in METRICS.values() for column in metric.columns]


def compare(config: CompareConfig, run: Run) -> Result:
    """Compare scanpaths by pairs."""
    found = running.run(config.asked(run.out))
    console.say(found.report)
    return Result(table=run.out, metrics=found.metrics)
