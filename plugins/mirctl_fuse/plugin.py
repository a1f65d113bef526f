"""What this plugin gives the core; imports nothing heavy."""

from pathlib import Path

from mirctl.hookspecs import ArtifactKind, Job, hookimpl

mirctl_api = 1


@hookimpl
def mirctl_jobs() -> list[Job]:
    """Data to artifact, and from it to tables."""
    return [
        Job(
            "fuse/train",
            config="mirctl_fuse.config:FuseConfig",
            function="mirctl_fuse.pipeline:run",
            summary="data -> cached hidden states -> train -> evaluate -> artifact",
            metrics="mirctl.sequences.evaluation:names",
            check="mirctl_fuse.pipeline:check",
        ),
        Job(
            "fuse/retrieval",
            config="mirctl_fuse.retrieval.config:PairConfig",
            function="mirctl_fuse.retrieval.pipeline:run",
            summary="pairs -> cached hidden states -> train by contrast -> evaluate -> artifact",
            metrics="mirctl_fuse.retrieval.evaluation:names",
            check="mirctl_fuse.retrieval.pipeline:check",
        ),
        Job(
            "fuse/eval",
            config="mirctl_fuse.measure_config:MeasureConfig",
            function="mirctl_fuse.jobs:evaluate",
            summary="a trained model, and other data -> a table of metrics",
            metrics="mirctl_fuse.evaluating:names",
            makes="table",
        ),
    ]


@hookimpl
def mirctl_artifact_kinds() -> list[ArtifactKind]:
    """Trained models, and hidden states alone."""
    return [
        ArtifactKind("fuse/recommender", 1, "mirctl_fuse.opening:load", headline=("ndcg@10",)),
        ArtifactKind(
            "fuse/retriever", 1, "mirctl_fuse.retrieval.opening:load", headline=("recall@10",)
        ),
        ArtifactKind("fuse/index", 1, "mirctl_fuse.index:open_index"),
        ArtifactKind(
            "fuse/states", 1, "mirctl.artifact:open_artifact", "mirctl.encode.stored:merge"
        ),
    ]


@hookimpl
def mirctl_recipes() -> Path:
    """recipes/fuse of this distribution."""
    from mirctl.recipe import shipped

    return shipped("fuse")
