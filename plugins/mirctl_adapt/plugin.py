"""What this plugin gives the core; imports nothing heavy."""

from pathlib import Path

from mirctl.hookspecs import ArtifactKind, Job, hookimpl

mirctl_api = 1


@hookimpl
def mirctl_jobs() -> list[Job]:
    """Data to artifact, and from it to tables."""
    return [
        Job(
            "adapt/run",
            config="mirctl_adapt.config:AdaptConfig",
            function="mirctl_adapt.pipeline:run",
            summary="data -> cached hidden states -> train -> evaluate -> artifact",
            metrics="mirctl.sequences.evaluation:names",
            check="mirctl_adapt.pipeline:check",
        ),
        Job(
            "adapt/eval",
            config="mirctl_adapt.config:MeasureConfig",
            function="mirctl_adapt.jobs:evaluate",
            summary="a recommender, and other data -> a table of metrics",
            metrics="mirctl.sequences.evaluation:names",
            makes="table",
        ),
        Job(
            "adapt/recommend",
            config="mirctl_adapt.config:RecommendConfig",
            function="mirctl_adapt.jobs:recommend",
            summary="a recommender -> items for users",
            makes="table",
            shards=True,
        ),
        Job(
            "adapt/caption",
            config="mirctl_adapt.config:CaptionConfig",
            function="mirctl_adapt.jobs:caption",
            summary="items and their pictures or films -> the items with captions",
            makes="table",
            shards=True,
        ),
        Job(
            "adapt/embed",
            config="mirctl_adapt.config:EmbedConfig",
            function="mirctl_adapt.jobs:embed",
            summary="a recommender and items -> their embeddings",
            makes="table",
            shards=True,
            suffix=".parquet",
        ),
    ]


@hookimpl
def mirctl_artifact_kinds() -> list[ArtifactKind]:
    """Trained recommenders."""
    return [
        ArtifactKind(
            "adapt/recommender", 1, "mirctl_adapt.recommender:load", headline=("ndcg@10",)
        ),
        ArtifactKind(
            "adapt/states", 1, "mirctl.artifact:open_artifact", "mirctl.encode.stored:merge"
        ),
    ]


@hookimpl
def mirctl_recipes() -> Path:
    """recipes/adapt of this distribution."""
    from mirctl.recipe import shipped

    return shipped("adapt")
