"""Writes the course of a run as TensorBoard events, where `MIRCTL_TRACK` asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mirctl.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from mirctl.run import Run

mirctl_api = 1
NAME = "tensorboard"
_writers: dict[Path, SummaryWriter] = {}
"""Of the runs that are going on, by their `out`."""
_steps: dict[Path, int] = {}


@hookimpl
def mirctl_track(folder: Path) -> None:
    """Look for the package."""
    _writer()


@hookimpl
def mirctl_run_started(run: Run) -> None:
    """Begin a folder of events with the recipe in it."""
    if NAME not in run.track:
        return
    from mirctl import recipe

    writer = _writer()(str(place(run.track[NAME], run.out.name, resumed=run.checkpoint.is_file())))
    # Four spaces are code in Markdown, which TensorBoard shows.
    lines = recipe.dump(run.config).splitlines()
    writer.add_text("recipe", "\n".join(f"    {line}" for line in lines))
    _writers[run.out], _steps[run.out] = writer, 0


@hookimpl
def mirctl_step(run: Run, step: int, metrics: dict[str, float]) -> None:
    """The loss and the validation metrics of an epoch, over optimizer steps."""
    if writer := _writers.get(run.out):
        for name, value in metrics.items():
            if name != "epoch":
                group = "train" if name == "loss" else "valid"
                writer.add_scalar(f"{group}/{name}", value, step)
        writer.flush()  # a run that is killed keeps what it told
        _steps[run.out] = step


@hookimpl
def mirctl_run_finished(run: Run, artifact: Path | None) -> None:
    """The metrics of the finished artifact, at the last step."""
    writer, step = _writers.pop(run.out, None), _steps.pop(run.out, 0)
    if writer is None:
        return
    if artifact is not None:
        from mirctl.artifact import open_artifact

        for name, entry in open_artifact(artifact).metrics().items():
            value = entry["value"] if isinstance(entry, dict) else entry
            if value is not None:
                writer.add_scalar(f"test/{name}", value, step)
    writer.close()


def place(folder: Path, name: str, *, resumed: bool) -> Path:
    """A run's own folder: NAME, else NAME-2 and so on; a resumed run goes on in its last one."""
    number, last, free = 1, folder / name, folder / name
    while free.exists():
        number, last, free = number + 1, free, folder / f"{name}-{number + 1}"
    return last if resumed else free


def _writer() -> type[SummaryWriter]:
    from mirctl.errors import MissingError

    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        told = "TensorBoard is not installed: pip install 'mirctl[tensorboard]'"
        raise MissingError(told) from error
    return SummaryWriter
