"""The one entry: judge a table by the criteria asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from mirctl import console
from mirctl.errors import DataError, MissingError
from mirctl_impute.columns import NumberColumn
from mirctl_impute.criteria import ml_efficiency, privacy, similarity
from mirctl_impute.criteria.part import Part
from mirctl_impute.criteria.privacy import Private
from mirctl_impute.criteria.similarity import Similar
from mirctl_impute.table import Table

CRITERIA = ("ml", "similarity", "privacy")
NAMES = {
    "ml": ("ml.boosting", "ml.linear", "ml_efficiency"),
    "similarity": (
        "column_wd", "column_js", "association", "correlation", "detection", "sdmetrics.shapes",
        "sdmetrics.trends",
    ),
    "privacy": ("dcr5", "nndr", "mia", "mia_density", "copies"),
}  # fmt: skip
"""Metrics by criterion."""
LIBRARIES = ("sklearn", "scipy", "pandas", "matplotlib", "sdmetrics")


@dataclass
class Judgement(Part):
    """All metrics, warnings and notes, and what the report draws."""

    criteria: tuple[str, ...] = ()
    similar: Similar | None = None
    private: Private | None = None

    def add(self, part: Part) -> None:
        """Take in what a criterion found."""
        self.metrics |= part.metrics
        self.warnings += part.warnings
        self.notes += part.notes
        if isinstance(part, Similar):
            self.similar = part
        elif isinstance(part, Private):
            self.private = part
        elif isinstance(part, Judgement):
            self.criteria += part.criteria
            self.similar = part.similar or self.similar
            self.private = part.private or self.private


def require_extra(what: str, otherwise: str = "") -> None:
    """Raise a MissingError where a library of the extra is not installed."""
    gone = [name for name in LIBRARIES if find_spec(name) is None]
    if gone:
        needs = f"{what} needs more packages ({', '.join(gone)})"
        raise MissingError(f"{needs}: pip install 'mirctl[impute]'{otherwise}")


def refusal(
    table: Table, real: np.ndarray, other: np.ndarray, holdout: np.ndarray | None, target: int,
    criterion: str,
) -> str | None:  # fmt: skip
    """Why a criterion cannot be measured, and what to do about it; None where it can."""
    if criterion == "ml":
        return ml_efficiency.refusal(table, real, other, holdout, target)
    return {"similarity": similarity, "privacy": privacy}[criterion].refusal(real, other, holdout)


def judge(
    table: Table, real: np.ndarray, other: np.ndarray, holdout: np.ndarray | None, target: int,
    criteria: Sequence[str], seed: int = 0,
) -> Judgement:  # fmt: skip
    """Judge `other` against the `real` rows it was learned from, and `holdout` rows it was not.

    All are (rows, modelled columns) as `Table.read` gives them: category numbers and numbers, NaN
    where a cell is missing or its category unknown. `target` is a modelled column. A criterion
    that cannot be measured is a DataError.
    """
    require_extra(f"judging by {', '.join(criteria)}")
    rows = [np.asarray(x, dtype=float) for x in (real, other)]
    held = None if holdout is None else np.asarray(holdout, dtype=float)
    for criterion in criteria:
        why = refusal(table, *rows, held, target, criterion)
        if why:
            raise DataError(why)
    judgement = Judgement(criteria=tuple(criteria))
    # Privacy asks for equal rows, so it takes them as they are; squares of huge numbers overflow.
    plain = [*rows, held]
    scaled = [None if x is None else _standard(table, x) for x in plain]
    with console.progress("judge", len(criteria), "criteria") as advance:
        for criterion in criteria:
            if criterion == "ml":
                judgement.add(ml_efficiency.measure(table, *scaled, target, seed))
            elif criterion == "similarity":
                judgement.add(similarity.measure(table, *scaled, seed))
            else:
                judgement.add(privacy.measure(table, *plain, seed))
            advance(1)
    return judgement


def _standard(table: Table, rows: np.ndarray) -> np.ndarray:
    """Rows (n, columns) with numbers in standard deviations of the learned table."""
    out = rows.copy()
    for i, column in enumerate(table.columns):
        if isinstance(column, NumberColumn):
            out[:, i] = column.scale.standard(rows[:, i])
    return out
