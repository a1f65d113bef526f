"""What this plugin gives the core; imports nothing heavy."""

from pathlib import Path

from mirctl.hookspecs import ArtifactKind, Job, WordFeatures, hookimpl

mirctl_api = 1


@hookimpl
def mirctl_jobs() -> list[Job]:
    """From table to table; and to a generator of reading."""
    return [
        _job("detect", "samples -> fixations", "detecting"),
        _job("assign", "fixations and words -> fixations with their words", "assigning"),
        _job("measures", "fixations with words -> reading measures", "measuring"),
        _job("aoi", "fixations and areas -> dwell, entries, times", "areas"),
        Job(
            "gaze/compare",
            config="mirctl_gaze.scanpaths.config:CompareConfig",
            function="mirctl_gaze.scanpaths.jobs:compare",
            summary="fixations -> likeness of scanpaths, by pairs",
            metrics="mirctl_gaze.scanpaths.jobs:measured",
            makes="table",
        ),
        Job(
            "gaze/fit-reading",
            config="mirctl_gaze.reading.config:FitReadingConfig",
            function="mirctl_gaze.reading.fitting:run",
            summary="words and how they were read -> a generator of reading measures",
            metrics="mirctl_gaze.reading.evaluation:measured",
            check="mirctl_gaze.reading.fitting:check",
        ),
        Job(
            "gaze/predict",
            config="mirctl_gaze.reading.config:PredictConfig",
            function="mirctl_gaze.reading.jobs:predict",
            summary="texts or words -> their predicted reading measures",
            makes="table",
        ),
        Job(
            "gaze/augment",
            config="mirctl_gaze.reading.config:AugmentConfig",
            function="mirctl_gaze.reading.jobs:augment",
            summary="texts -> the same with columns of predicted reading measures",
            makes="table",
        ),
        Job(
            "gaze/analyse",
            config="mirctl_gaze.analysis.config:AnalyseConfig",
            function="mirctl_gaze.analysis.jobs:analyse",
            summary="measures of chosen and rejected texts -> statistics of their differences",
            metrics="mirctl_gaze.analysis.report:measured",
            makes="table",
        ),
        Job(
            "gaze/correlate",
            config="mirctl_gaze.attention.config:CorrelateConfig",
            function="mirctl_gaze.attention.jobs:correlate",
            summary="reading measures and a model -> correlations with attention, by layers",
            metrics="mirctl_gaze.attention.summary:measured",
            makes="table",
            check="mirctl_gaze.attention.jobs:check",
        ),
    ]


@hookimpl
def mirctl_word_features() -> list[WordFeatures]:
    """Generators of reading measures."""
    return [
        WordFeatures("formula", "mirctl_gaze.reading.formula:source"),
        WordFeatures("surprisal", "mirctl_gaze.reading.surprisal:source"),
        WordFeatures("et1", "mirctl_gaze.reading.published:et1"),
        WordFeatures("et2", "mirctl_gaze.reading.published:et2"),
        WordFeatures("reading", "mirctl_gaze.reading.saving:source", kind="gaze/reading"),
    ]


@hookimpl
def mirctl_artifact_kinds() -> list[ArtifactKind]:
    """Generators that were learned."""
    loader = "mirctl_gaze.reading.saving:load"
    return [ArtifactKind("gaze/reading", 1, loader, headline=("mae",), less_is_better=("mae",))]


@hookimpl
def mirctl_recipes() -> Path:
    """recipes/gaze of this distribution."""
    from mirctl.recipe import shipped

    return shipped("gaze")


def _job(command: str, summary: str, measured: str) -> Job:
    return Job(
        f"gaze/{command}",
        config=f"mirctl_gaze.config:{command.title()}Config",
        function=f"mirctl_gaze.jobs:{command}",
        summary=summary,
        metrics=f"mirctl_gaze.{measured}:measured",
        makes="table",
    )
