"""`gaze/correlate`: what the command does, as a job that a recipe names."""

from mirctl.run import Result, Run
from mirctl_gaze.attention import running
from mirctl_gaze.attention.config import CorrelateConfig


def correlate(config: CorrelateConfig, run: Run) -> Result:
    """Correlate reading measures with attention."""
    asked = running.Asked(
        str(config.gaze), config.model, text=None if config.text is None else str(config.text),
        language=config.language, heads=config.heads, seed=config.seed, device=config.device,
        precision=config.precision,
    )  # fmt: skip
    found = running.correlate(asked, run.out)
    found.tell()
    return Result(table=run.out, metrics=found.metrics())
