"""What this plugin gives the core; imports nothing heavy."""

from mirctl.hookspecs import Job, hookimpl

mirctl_api = 1


@hookimpl
def mirctl_jobs() -> list[Job]:
    """From table to table."""
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
            "gaze/correlate",
            config="mirctl_gaze.attention.config:CorrelateConfig",
            function="mirctl_gaze.attention.jobs:correlate",
            summary="reading measures and a model -> correlations with attention, by layers",
            metrics="mirctl_gaze.attention.summary:measured",
            makes="table",
        ),
    ]


def _job(command: str, summary: str, measured: str) -> Job:
    return Job(
        f"gaze/{command}",
        config=f"mirctl_gaze.config:{command.title()}Config",
        function=f"mirctl_gaze.jobs:{command}",
        summary=summary,
        metrics=f"mirctl_gaze.{measured}:measured",
        makes="table",
    )
