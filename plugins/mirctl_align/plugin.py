"""What this plugin gives the core; imports nothing heavy."""

from pathlib import Path

from mirctl.hookspecs import ArtifactKind, Job, hookimpl

mirctl_api = 1


@hookimpl
def mirctl_jobs() -> list[Job]:
    """Pairs to a model, to its quality; texts to rewards."""
    return [
        Job(
            "align/train",
            config="mirctl_align.config:RewardConfig",
            function="mirctl_align.pipeline:run",
            summary="pairs of texts -> a reward model",
            metrics="mirctl_align.evaluation:measured",
            check="mirctl_align.pipeline:check",
        ),
        Job(
            "align/eval",
            config="mirctl_align.config:EvalConfig",
            function="mirctl_align.jobs:evaluate",
            summary="a reward model and pairs -> how often it is right, and where not",
            makes="table",
        ),
        Job(
            "align/score",
            config="mirctl_align.config:ScoreConfig",
            function="mirctl_align.jobs:score",
            summary="a reward model and texts -> the same with their rewards",
            makes="table",
            suffix=".jsonl",
        ),
    ]


@hookimpl
def mirctl_artifact_kinds() -> list[ArtifactKind]:
    """Reward models."""
    loader = "mirctl_align.saving:load"
    less = ("log_loss", "brier", "ece")
    return [ArtifactKind("align/reward", 1, loader, headline=("accuracy",), less_is_better=less)]


@hookimpl
def mirctl_recipes() -> Path:
    """recipes/align of this distribution."""
    from mirctl.recipe import shipped

    return shipped("align")
