"""What the commands do, as jobs that a recipe names."""

from mirctl import console, hub
from mirctl.metrics import table as metrics_table
from mirctl.run import Result, Run
from mirctl.tables import open_stream
from mirctl_impute import asking, filling, masking, sampling, schema
from mirctl_impute.config import EvaluateConfig, FillConfig, MaskConfig, SampleConfig
from mirctl_impute.filling import Ways


def fill(config: FillConfig, run: Run) -> Result:
    """Fill the holes of a table."""
    imputer = asking.open_model(hub.artifact_folder(config.model), str(run.device))
    stream = asking.known_table(imputer, str(config.table), config.names)
    ways = Ways(
        config.draws, config.point, config.steps, config.seed, config.mark, config.uncertainty
    )
    filling.tell(filling.fill(imputer, stream, run.out, ways, run.shard))
    return Result(table=run.out)


def sample(config: SampleConfig, run: Run) -> Result:
    """Make rows like those of the learned table."""
    imputer = asking.open_model(hub.artifact_folder(config.model), str(run.device))
    given = sampling.parse(imputer, config.given)
    drawing = {"seed": config.seed, "steps": config.steps, "guidance": config.guidance}
    moved = sampling.sample(imputer, config.rows, run.out, given, shard=run.shard, **drawing)
    sampling.tell(imputer, moved)
    return Result(table=run.out)


def mask(config: MaskConfig, run: Run) -> Result:
    """Make holes in a table."""
    said = schema.read(config.schema_file, None)
    stream = open_stream(config.table, config.names)
    holes = masking.Holes(config.level, config.mechanism, config.seed, config.keep)
    cells, made = masking.mask(stream, run.out, holes, said)
    console.say(f"{made:,} of {cells:,} cells are now missing")
    return Result(table=run.out)


def evaluate(config: EvaluateConfig, run: Run) -> Result:
    """Measure a made or filled table; the metrics are the table that is written."""
    from mirctl_impute.criteria import asked

    paths = asked.Files(
        str(config.real),
        str(config.table),
        config.holdout and str(config.holdout),
        config.holes and str(config.holes),
    )
    wanted = asked.Wanted(config.target, config.criteria, config.seed)
    found = asked.evaluate(paths, wanted, config.names, None, config.schema_file, ())
    metrics_table.write(run.out, found.metrics)
    return Result(table=run.out, metrics=found.metrics, report=found.text)
