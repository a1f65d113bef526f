"""ML efficiency: what a model learns from a table, tested on real rows it never saw.

    ml.boosting    AUC (category target; one against the rest, mean over classes) or R2 (number) of
                   gradient boosted trees
    ml.linear      the same of a logistic or ridge regression on one-hot and standardised columns
    ml_efficiency  ml.boosting of the table / ml.boosting of as many real rows

"Train on synthetic, test on real" (Esteban et al., 2017). Intervals are paired bootstraps over the
test rows: they hold the trained models as they are.
"""

from dataclasses import dataclass

import numpy as np

from mirctl.errors import UsageError, suggest
from mirctl_impute.criteria.auc import Ranked
from mirctl_impute.criteria.boosting import boosted, linear
from mirctl_impute.criteria.features import Features
from mirctl_impute.criteria.part import Part, some
from mirctl_impute.table import Table

MOST_ROWS = 40_000
MOST_TESTED = 20_000
MOST_CLASSES = 50
FEWEST_ROWS = 20
HELD_OUT = 0.2
LEARNABLE = {"AUC": 0.55, "R2": 0.05}
"""Under this even real rows tell next to nothing of the target."""


@dataclass(frozen=True)
class Task:
    """Features and target of the rows that are trained on, or tested with."""

    trees: np.ndarray
    linear: object
    target: np.ndarray


def split(real: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the rows to train on (80 %) and to test with."""
    order = np.random.default_rng((seed, 11)).permutation(len(real))
    count = max(1, round(HELD_OUT * len(real)))
    return np.sort(order[count:]), np.sort(order[:count])


def known(rows: np.ndarray | None, target: int) -> np.ndarray:
    """The rows of which the target is known."""
    return rows[~np.isnan(rows[:, target])]


def target_place(table: Table, name: str | None) -> int:
    """The place of the target among the modelled columns, the last one unless told; a UsageError
    where there is none of that name."""
    names = [column.name for column in table.columns]
    if name is None:
        return len(names) - 1
    if name in names:
        return names.index(name)
    if name in table.names:
        raise UsageError(
            f"--target {name!r} is of kind {table.kinds[name]}, which is not modelled: choose one "
            f"of {', '.join(names)}"
        )
    hint = suggest(name, names, f"there are {', '.join(names)}")
    raise UsageError(f"--target {name!r}: no such column{hint}")


def refusal(
    table: Table, real: np.ndarray, other: np.ndarray, holdout: np.ndarray | None, target: int
) -> str | None:
    """Why this cannot be measured, and what to do about it; None where it can."""
    name, classes = table.columns[target].name, table.columns[target].categories
    if len(table.columns) < 2:
        return "ml wants a column besides the target, and only one is modelled"
    if classes > MOST_CLASSES:
        return (
            f"the target {name!r} has {classes:,} categories, and ml takes up to {MOST_CLASSES}: "
            "choose another with --target"
        )
    sides = {"the real table": real, "the table": other, "the holdout": holdout}
    for side, rows in sides.items():
        if rows is not None and len(known(rows, target)) < FEWEST_ROWS:
            return (
                f"{side} knows the target {name!r} in fewer than {FEWEST_ROWS} rows, too few for "
                "ml: choose another with --target"
            )
    tested, where = (real, "the real table") if holdout is None else (holdout, "the holdout")
    if len(np.unique(known(tested, target)[:, target])) < 2:
        return f"the target {name!r} is the same in all of {where}: choose another with --target"
    return None


def measure(
    table: Table, real: np.ndarray, other: np.ndarray, holdout: np.ndarray | None, target: int,
    seed: int = 0,
) -> Part:  # fmt: skip
    """Train on both tables (rows, columns), test on the holdout."""
    part, rng = Part(), np.random.default_rng((seed, 12))
    column = table.columns[target]
    if holdout is None:
        train, test = split(real, seed)
        real, holdout = real[train], real[test]
        part.notes.append(
            f"ml: no holdout, so {len(test):,} rows of the real table are tested with; a table "
            "that was made from all of it has seen them, and an edge: give --holdout"
        )
    real, other, holdout = (known(rows, target) for rows in (real, other, holdout))
    count = min(len(real), len(other), MOST_ROWS)
    if len({len(real), len(other), count}) > 1:
        part.notes.append(f"ml: both models are trained on {count:,} rows")
    holdout = some(holdout, MOST_TESTED, rng)
    features = Features.learn(table, real, without=target)
    by_table, by_real, tested = (
        Task(features.trees(rows), features.linear(rows), rows[:, target])
        for rows in (some(other, count, rng), some(real, count, rng), holdout)
    )
    if len(np.unique(by_table.target)) < 2:
        part.warnings.append(
            f"the target {column.name!r} is the same in all rows of the table: nothing can be "
            "learned from them"
        )
    classes, unit = column.categories, "AUC" if column.categories else "R2"
    scores = {}
    for side, task in (("table", by_table), ("real", by_real)):
        said = {
            "boosting": boosted(
                task.trees, task.target, tested.trees, features.categorical, classes, seed
            ),
            "linear": linear(task.linear, task.target, tested.linear, classes),
        }
        for kind, prediction in said.items():
            scores[kind, side] = Score(tested.target, prediction, classes)
    _report(part, scores, len(holdout), unit, rng)
    reached = part.metrics["ml.boosting"]["real"]
    if reached < LEARNABLE[unit]:
        part.warnings.append(
            f"even real rows tell next to nothing of {column.name!r} ({unit} {reached:.3f}): "
            "ml_efficiency means little; choose another --target"
        )
    part.notes.append(f"ml: the target is {column.name!r}, tested on {len(holdout):,} real rows")
    return part


class Score:
    """AUC or R2 of predictions, of all test rows or of a weighted resample of them."""

    def __init__(self, truth: np.ndarray, said: np.ndarray, classes: int) -> None:
        """truth (n,), said (n, classes) probabilities, or (n,) numbers where classes is 0."""
        self.truth, self.said = truth, said
        present = np.unique(truth).astype(int).tolist() if classes else []
        if len(present) == 2:  # either class gives the same area
            present = present[1:]
        self.ranked = [Ranked(truth == c, said[:, c]) for c in present]

    def of(self, weights: np.ndarray | None = None) -> float:
        """The score; NaN where a resample leaves nothing to tell apart."""
        if self.ranked:
            areas = np.array([ranked.auc(weights) for ranked in self.ranked])
            return float(np.nanmean(areas)) if (~np.isnan(areas)).any() else float("nan")
        weights = np.ones(len(self.truth)) if weights is None else weights
        mean = np.average(self.truth, weights=weights)
        spread = weights @ (self.truth - mean) ** 2
        return float(1 - weights @ (self.truth - self.said) ** 2 / spread) if spread else np.nan


def _report(
    part: Part, scores: dict[tuple[str, str], Score], rows: int, unit: str,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Put the scores and their ratio into the part, with intervals."""
    many = max(len(score.ranked) for score in scores.values())
    resamples = []
    for _ in range(500 if many < 2 else 100):
        weights = np.bincount(rng.integers(rows, size=rows), minlength=rows)
        resamples.append([score.of(weights) for score in scores.values()])
    again = dict(zip(scores, np.array(resamples).T, strict=True))
    for kind in ("boosting", "linear"):
        part.metrics[f"ml.{kind}"] = {
            "value": scores[kind, "table"].of(), **_interval(again[kind, "table"]),
            "real": scores[kind, "real"].of(), "n": rows, "unit": unit,
        }  # fmt: skip
    ours, real = (part.metrics["ml.boosting"][key] for key in ("value", "real"))
    ratio: dict[str, object] = {"value": None}
    if real > 0:
        resampled = again["boosting", "real"]
        ratio = {"value": ours / real}
        if (resampled > 0).all():
            ratio |= _interval(again["boosting", "table"] / resampled)
    part.metrics["ml_efficiency"] = {**ratio, "real": 1.0, "n": rows, "unit": f"ratio of {unit}"}


def _interval(values: np.ndarray) -> dict[str, float]:
    low, high = np.nanquantile(values, [0.025, 0.975]).tolist()
    return {"low": low, "high": high}
