"""What a comparison is to be: read from the command line, checked before any work."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mirctl import device as devices
from mirctl.errors import UsageError
from mirctl_impute.asking import listed
from mirctl_impute.criteria import require_extra
from mirctl_impute.rivals import fill, generate, ours
from mirctl_impute.rivals.needs import require

FILL, GENERATE = "fill", "generate"
MECHANISMS = ("mcar", "mar", "mnar")
METHODS = {
    FILL: ("mtabgen", "mean", "knn", "mice", "missforest"),
    GENERATE: ("mtabgen", "tabddpm", "smote", "shuffle", "copy"),
}
"""What is compared unless told."""
LEVELS, MECHANISM, DRAWS = (0.3,), ("mcar",), 5


@dataclass(frozen=True)
class Plan:
    """A comparison."""

    table: str
    task: str
    methods: tuple[str, ...]
    mechanisms: tuple[str, ...]
    levels: tuple[float, ...]
    seeds: int
    draws: int
    target: str | None
    learning: ours.Learning
    schema_file: Path | None = None
    share: float = 0.8
    """Of the rows that makers of rows learn; they are judged beside the rest."""


def make(
    table: str, settings: Sequence[str] = (), *, task: str = FILL, methods: str | None = None,
    levels: str | None = None, mechanism: str | None = None, seeds: int = 3,
    draws: int | None = None, target: str | None = None, ablate: bool = False,
    names: str | None = None, missing: Sequence[str] | None = None,
    schema_file: Path | None = None, device: str | None = None, share: float | None = None,
) -> Plan:  # fmt: skip
    """Raise a UsageError for what is no method, level or setting, a MissingError for a package."""
    generating = task == GENERATE
    for option, value in (("--levels", levels), ("--mechanism", mechanism), ("--draws", draws)):
        if generating and value is not None:
            raise UsageError(f"{option} is for --task fill: nothing is hidden where rows are made")
    if target is not None and not generating:
        raise UsageError("--target is for --task generate: it is what the rows are to teach")
    if share is not None and not generating:
        raise UsageError("--share is for --task generate: of the rows, those that are learned")
    learning = ours.Learning(tuple(settings), names, tuple(missing) if missing else None, device)
    plan = Plan(
        table,
        task,
        _methods(task, methods, ablate=ablate),
        MECHANISM if mechanism is None else listed("--mechanism", mechanism, MECHANISMS),
        LEVELS if levels is None else _levels(levels),
        seeds,
        draws or DRAWS,
        target,
        learning,
        schema_file,
        Plan.share if share is None else share,
    )
    _check(plan)
    return plan


def known_methods(task: str) -> dict[str, tuple[str, ...]]:
    """Every method of a task, and the modules that it needs."""
    own, others = (ours.FILL, fill.METHODS) if task == FILL else (ours.GENERATE, generate.METHODS)
    return {
        **dict.fromkeys(own, ()),
        **{name: method.modules for name, method in others.items()},
    }


def own_settings(plan: Plan) -> dict[str, tuple[str, ...]]:
    """The settings of each method asked for that is the project's own model."""
    own = ours.FILL if plan.task == FILL else ours.GENERATE
    return {name: own[name] for name in plan.methods if name in own}


def _methods(task: str, text: str | None, *, ablate: bool) -> tuple[str, ...]:
    known = known_methods(task)
    found = METHODS[task] if text is None else listed("--methods", text, known)
    more = tuple(ours.ABLATIONS) if ablate else ()
    return tuple(dict.fromkeys((*found, *more)))


def _levels(text: str) -> tuple[float, ...]:
    """`0.1,0.3`: shares of the cells, in order."""
    levels = []
    for part in text.split(","):
        try:
            level = float(part)
        except ValueError:
            level = -1.0
        if not 0 < level < 1:
            raise UsageError(f"--levels {part.strip()!r}: a share between 0 and 1, as in 0.1,0.3")
        levels.append(level)
    return tuple(sorted(set(levels)))


def _check(plan: Plan) -> None:
    known = known_methods(plan.task)
    for method in plan.methods:
        require(known[method], f"--methods {method}")
    if plan.task == GENERATE:
        require_extra("--task generate")
    if plan.table == "-":
        raise UsageError("compare reads its table more than once: write stdin to a file first")
    devices.choose(plan.learning.device or "auto")
    for settings in own_settings(plan).values() or [()]:
        plan.learning.config(plan.table, settings)
