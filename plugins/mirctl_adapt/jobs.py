"""What the commands do, as jobs that a recipe names."""

from mirctl import hub, jobs
from mirctl.metrics import table as metrics_table
from mirctl.run import Result, Run
from mirctl_adapt import measuring, serving
from mirctl_adapt.captioning import writing
from mirctl_adapt.captioning.captioner import Settings
from mirctl_adapt.captioning.finding import Place
from mirctl_adapt.config import CaptionConfig, EmbedConfig, MeasureConfig, RecommendConfig
from mirctl_adapt.serving import Asked


def evaluate(config: MeasureConfig, run: Run) -> Result:
    """Measure a recommender; the metrics are the table that is written."""
    said = {"data": config.data, "evaluation": config.evaluation}
    changes = [f"{key}={part.model_dump_json()}" for key, part in said.items() if part is not None]
    options = jobs.Options(device=config.device, precision=config.precision)
    metrics, report = measuring.evaluate(hub.artifact_folder(config.model), changes, options)
    metrics_table.write(run.out, metrics)
    return Result(table=run.out, metrics=metrics, report=report)


def recommend(config: RecommendConfig, run: Run) -> Result:
    """Items for users of the recommender's data."""
    asked = Asked(None, config.users or (), config.users is None, None, run.shard)
    serving.recommend(
        hub.artifact_folder(config.model), asked, config.k, config.allow, config.deny, str(run.out),
        str(run.device), config.precision, config.items, config.images,
        force=run.force, json=False,
    )  # fmt: skip
    return Result(table=run.out)


def caption(config: CaptionConfig, run: Run) -> Result:
    """The table of items with a column of captions."""
    place = Place(config.images, config.videos, config.id, config.file)
    settings = Settings(
        config.model, config.prompt, config.max_tokens, config.batch_size, config.frames
    )
    writing.caption(
        config.items, place, settings, run.out, config.column, str(run.device), config.precision,
        run.shard, force=run.force,
    )  # fmt: skip
    return Result(table=run.out)


def embed(config: EmbedConfig, run: Run) -> Result:
    """Embeddings of items, seen or new."""
    report = serving.embed(
        hub.artifact_folder(config.model), config.items, config.images, run.out, str(run.device),
        config.precision, run.shard, force=run.force,
    )  # fmt: skip
    serving.show_embedded(report, json=False)
    return Result(table=run.out)
