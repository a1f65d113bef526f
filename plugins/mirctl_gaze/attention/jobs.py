"""`gaze/correlate`: what the command does, as a job that a recipe names."""

from mirctl import hub
from mirctl.run import Result, Run
from mirctl_gaze.attention import running
from mirctl_gaze.attention.config import CorrelateConfig
from mirctl_gaze.reading import frequency


def correlate(config: CorrelateConfig, run: Run) -> Result:
    """Correlate reading measures with attention."""
    found = running.correlate(_asked(config), run.out)
    found.tell()
    return Result(table=run.out, metrics=found.metrics())


def check(config: CorrelateConfig) -> None:
    """Read the tables as a run would, and look for the model; raise what would stop it."""
    frequency.zipf(config.language)
    running.read(_asked(config))
    hub.look_for(config.model)


def _asked(config: CorrelateConfig) -> running.Asked:
    return running.Asked(
        str(config.gaze), config.model, text=None if config.text is None else str(config.text),
        language=config.language, heads=config.heads, seed=config.seed, device=config.device,
        precision=config.precision,
    )  # fmt: skip
