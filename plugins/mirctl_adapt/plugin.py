"""What this plugin gives the core; imports nothing heavy."""

from pathlib import Path

from mirctl.hookspecs import ArtifactKind, Job, hookimpl

mirctl_api = 1


@hookimpl
def mirctl_jobs() -> list[Job]:
    """The one job: data to artifact."""
    return [
        Job(
            "adapt/run",
            config="mirctl_adapt.config:AdaptConfig",
            function="mirctl_adapt.pipeline:run",
            summary="data -> cached hidden states -> train -> evaluate -> artifact",
            metrics="mirctl_adapt.evaluation:names",
            check="mirctl_adapt.pipeline:check",
        )
    ]


@hookimpl
def mirctl_artifact_kinds() -> list[ArtifactKind]:
    """Trained recommenders."""
    return [
        ArtifactKind("adapt/recommender", 1, "mirctl_adapt.recommender:load"),
        ArtifactKind(
            "adapt/states", 1, "mirctl.artifact:open_artifact", "mirctl_adapt.encoding:merge"
        ),
    ]


@hookimpl
def mirctl_recipes() -> Path:
    """recipes/adapt of this distribution."""
    from mirctl.recipe import shipped

    return shipped("adapt")
