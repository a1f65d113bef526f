"""What this plugin gives the core; imports nothing heavy."""

from mirctl.hookspecs import Job, hookimpl

mirctl_api = 1


@hookimpl
def mirctl_jobs() -> list[Job]:
    """From table to table."""
    return [
        _job("detect", "samples -> fixations"),
        _job("assign", "fixations and words -> fixations with their words"),
        _job("measures", "fixations with words -> reading measures"),
        _job("aoi", "fixations and areas -> dwell, entries, times"),
        _job("compare", "fixations -> likeness of scanpaths, by pairs", "scanpaths.config"),
    ]


def _job(command: str, summary: str, module: str = "config") -> Job:
    return Job(
        f"gaze/{command}",
        config=f"mirctl_gaze.{module}:{command.title()}Config",
        function=f"mirctl_gaze.jobs:{command}",
        summary=summary,
        makes="table",
    )
