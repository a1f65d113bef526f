"""What became of each method: quality with intervals, cost, and TPME over those that adapt."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mirctl import artifact
from mirctl.artifact import Artifact
from mirctl.errors import MirctlError
from mirctl.sequences import standing
from mirctl.sequences.standing import Metrics, Standing
from mirctl.steps.command import Made
from mirctl.steps.running import Failure
from mirctl_adapt import opening, saving
from mirctl_adapt.comparing import racing
from mirctl_adapt.comparing.contestants import Contestant, reference
from mirctl_adapt.config import COUNTED


def standings(
    made: Made, contestants: Sequence[Contestant], refused: Mapping[str, MirctlError]
) -> list[Standing]:
    """All methods, in order. `refused` by its step is what did not run, and why."""
    found = [
        _refused(one, refused[one.step]) if one.step in refused else _standing(made, one)
        for one in contestants
    ]
    standing.give_tpme(found)
    return found


def _refused(one: Contestant, error: MirctlError) -> Standing:
    failure = Failure(error.code, error.message, error.where)
    return Standing(one.name, one.adapts, failures=[failure])


def _standing(made: Made, one: Contestant) -> Standing:
    found = Standing(one.name, one.adapts)

    def opened(folder: Path) -> Artifact:
        art = artifact.open_artifact(folder, saving.KIND, saving.SCHEMA)
        if one.method not in COUNTED:
            found.rate = opening.config(art).train.lr
        return art

    found.read(made, racing.runs_of(made.plan.pipeline, one), opened)
    return found


def metrics(found: Sequence[Standing], against: str) -> Metrics:
    """`METHOD.MEASURE`, for a document and `--require`; `METHOD.MEASURE-AGAINST` is paired."""
    known = [s.name for s in found]

    def other(name: str) -> tuple[str, str] | None:
        meant = reference(name, against, known)
        return meant and (against, meant)

    return standing.metrics(found, other)


def names(contestants: Sequence[Contestant], against: str) -> list[str]:
    """All that `metrics` may hold."""
    return standing.names([one.name for one in contestants], against)
