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
    ]


def _job(command: str, summary: str) -> Job:
    return Job(
        f"gaze/{command}",
        config=f"mirctl_gaze.config:{command.title()}Config",
        function=f"mirctl_gaze.jobs:{command}",
        summary=summary,
        makes="table",
    )
