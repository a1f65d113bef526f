"""What the commands do, as jobs that a recipe names."""

from mirctl import hub, jobs
from mirctl.metrics import table as metrics_table
from mirctl.run import Result, Run
from mirctl_fuse import evaluating
from mirctl_fuse.measure_config import MeasureConfig


def evaluate(config: MeasureConfig, run: Run) -> Result:
    """Measure a model; the metrics are the table that is written."""
    said = {"data": config.data, "evaluation": config.evaluation}
    changes = [f"{key}={part.model_dump_json()}" for key, part in said.items() if part is not None]
    options = jobs.Options(device=config.device, precision=config.precision)
    found = evaluating.evaluate(
        hub.artifact_folder(config.model), changes, options, apart=config.apart,
        missing=config.missing,
    )  # fmt: skip
    metrics_table.write(run.out, found.metrics)
    return Result(table=run.out, metrics=found.metrics, report=found.report)
