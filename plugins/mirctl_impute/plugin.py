"""What this plugin gives the core; imports nothing heavy."""

from pathlib import Path

from mirctl.hookspecs import ArtifactKind, Job, hookimpl

mirctl_api = 1


@hookimpl
def mirctl_jobs() -> list[Job]:
    """Table to artifact, and from it or to test it to tables."""
    return [
        Job(
            "impute/fit",
            config="mirctl_impute.config:ImputeConfig",
            function="mirctl_impute.pipeline:run",
            summary="a table with holes -> a model that fills and makes rows",
            metrics="mirctl_impute.config:metrics",
            check="mirctl_impute.pipeline:check",
        ),
        Job(
            "impute/fill",
            config="mirctl_impute.config:FillConfig",
            function="mirctl_impute.jobs:fill",
            summary="a model and a table with holes -> the table, filled",
            makes="table",
            shards=True,
        ),
        Job(
            "impute/sample",
            config="mirctl_impute.config:SampleConfig",
            function="mirctl_impute.jobs:sample",
            summary="a model -> rows like those it learned",
            makes="table",
            shards=True,
        ),
        Job(
            "impute/mask",
            config="mirctl_impute.config:MaskConfig",
            function="mirctl_impute.jobs:mask",
            summary="a table -> the same with holes",
            makes="table",
        ),
        Job(
            "impute/evaluate",
            config="mirctl_impute.config:EvaluateConfig",
            function="mirctl_impute.jobs:evaluate",
            summary="a made or filled table and the real one -> a table of metrics",
            metrics="mirctl_impute.criteria.asked:measured",
            makes="table",
        ),
    ]


@hookimpl
def mirctl_artifact_kinds() -> list[ArtifactKind]:
    """Learned tables."""
    headline, less = ("nrmse", "accuracy"), ("nrmse",)
    return [
        ArtifactKind(
            "impute/table",
            1,
            "mirctl_impute.saving:load",
            headline=headline,
            less_is_better=less,
        )
    ]


@hookimpl
def mirctl_recipes() -> Path:
    """recipes/impute of this distribution."""
    from mirctl.recipe import shipped

    return shipped("impute")
