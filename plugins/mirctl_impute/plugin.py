"""What this plugin gives the core; imports nothing heavy."""

from pathlib import Path

from mirctl.hookspecs import ArtifactKind, Job, hookimpl

mirctl_api = 1


@hookimpl
def mirctl_jobs() -> list[Job]:
    """The one job: table to artifact."""
    return [
        Job(
            "impute/fit",
            config="mirctl_impute.config:ImputeConfig",
            function="mirctl_impute.pipeline:run",
            summary="a table with holes -> a model that fills and makes rows",
            metrics="mirctl_impute.config:metrics",
            check="mirctl_impute.pipeline:check",
        )
    ]


@hookimpl
def mirctl_artifact_kinds() -> list[ArtifactKind]:
    """Learned tables."""
    return [ArtifactKind("impute/table", 1, "mirctl_impute.saving:load")]


@hookimpl
def mirctl_recipes() -> Path:
    """recipes/impute of this distribution."""
    from mirctl.recipe import shipped

    return shipped("impute")
