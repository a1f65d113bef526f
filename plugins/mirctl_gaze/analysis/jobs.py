"""`gaze/analyse`: what the command does, as a job that a recipe names."""

from mirctl import console
from mirctl.run import Result, Run
from mirctl_gaze.analysis import running
from mirctl_gaze.analysis.config import AnalyseConfig


def analyse(config: AnalyseConfig, run: Run) -> Result:
    """Compare how chosen and rejected texts were read."""
    found = running.run(config.asked(run.out))
    console.say(found.write(str(run.out)))
    return Result(table=run.out, metrics=found.metrics())
