"""What this plugin gives mirctl; imports nothing heavy."""

from pathlib import Path

from mirctl.hookspecs import ArtifactKind, Job, hookimpl

mirctl_api = 1


@hookimpl
def mirctl_jobs() -> list[Job]:
    """`uses: PLUGIN/run` in a recipe."""
    return [
        Job(
            "PLUGIN/run",
            config="PACKAGE.config:Config",
            function="PACKAGE.job:run",
            summary="a table -> the mean of a column",
            metrics="PACKAGE.config:metrics",
            check="PACKAGE.job:read",
        )
    ]


@hookimpl
def mirctl_artifact_kinds() -> list[ArtifactKind]:
    """What the job writes, and who opens it."""
    load, less = "PACKAGE.job:load", ("mae",)
    return [ArtifactKind("PLUGIN/mean", 1, load, less_is_better=less)]


@hookimpl
def mirctl_recipes() -> Path:
    """The recipes of this package."""
    return Path(__file__).parent / "recipes"
