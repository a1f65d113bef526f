"""Statistical similarity: is a table spread as the real one is, and do its columns hang together?

    column_wd         mean over number columns of the Wasserstein-1 distance, in standard deviations
    column_js         mean over category columns of the Jensen-Shannon distance (base 2, 0 to 1)
    correlation       mean absolute difference of Pearson's r over pairs of number columns
    association       the same over all pairs, by the measures of association.py
    detection         AUC, out of five folds, of boosted trees that tell table from real rows
    sdmetrics.shapes, sdmetrics.trends    the scores of that library (1 is best)

All sides are samples of one size, since small samples differ by chance alone; `real` is the same
of real rows against other real rows: the holdout, or halves of the real table. Distances are over
known cells. A table without a hole, where the real one has some, gets real rows' holes before it
is told apart: a detector would see nothing else.
"""

import itertools
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from mirctl_impute.criteria import association
from mirctl_impute.criteria.auc import measured
from mirctl_impute.criteria.boosting import boosted
from mirctl_impute.criteria.features import Features
from mirctl_impute.criteria.part import Part, some
from mirctl_impute.evaluating import divergence
from mirctl_impute.table import Table

if TYPE_CHECKING:
    from pandas import DataFrame, Series

MOST_ROWS = 20_000
MOST_DETECTED = 10_000
MOST_COLUMNS = 60
"""Columns that are taken in pairs."""
FEWEST_ROWS = 20
FOLDS = 5


@dataclass
class Similar(Part):
    """Beside the metrics the distances by column, and the matrices (columns, columns)."""

    gaps: list[tuple[int, float, float]] = field(default_factory=list)
    """Column, distance, and that of real rows."""
    paired: list[int] = field(default_factory=list)
    matrices: tuple[np.ndarray, np.ndarray] | None = None
    """Real and table, of the paired columns."""


@dataclass(frozen=True)
class Sides:
    """Real rows, those of the table, and other real rows (n, columns), n the same."""

    real: np.ndarray
    table: np.ndarray
    again: np.ndarray


def refusal(real: np.ndarray, other: np.ndarray, holdout: np.ndarray | None) -> str | None:
    """Why this cannot be measured; None where it can."""
    beside = len(real) // 2 if holdout is None else len(holdout)
    if min(len(real), len(other), beside) >= FEWEST_ROWS:
        return None
    halves = f"; without a holdout {2 * FEWEST_ROWS} of the real table" if holdout is None else ""
    return f"similarity wants {FEWEST_ROWS} rows of each table{halves}"


def sides(real: np.ndarray, other: np.ndarray, holdout: np.ndarray | None, seed: int) -> Sides:
    """Samples of one size; where the tables are as long as each other, of the same rows, which are
    the same row before and after in a filled table."""
    rng = np.random.default_rng((seed, 21))
    if holdout is None:
        order = rng.permutation(len(real))
        half = len(real) // 2
        again, places = real[np.sort(order[half:])], np.sort(order[:half])
    else:
        again, places = holdout, np.arange(len(real))
    count = min(len(places), len(again), len(other), MOST_ROWS)
    ours = np.sort(rng.choice(places, count, replace=False))
    same = len(real) == len(other)
    table = other[ours] if same else some(other, count, rng)
    return Sides(real[ours], table, some(again, count, rng))


def measure(
    table: Table, real: np.ndarray, other: np.ndarray, holdout: np.ndarray | None, seed: int = 0
) -> Similar:
    """Compare a table (rows, columns) with the real one."""
    part = Similar()
    three = sides(real, other, holdout, seed)
    beside = "itself, in halves" if holdout is None else "the holdout"
    part.notes.append(
        f"similarity: {len(three.real):,} rows a side; beside is the real table against {beside}"
    )
    _columns(part, table, three)
    _pairs(part, table, three, real)
    paired = len(real) == len(other)
    part.metrics["detection"] = detection(table, three.real, three.table, paired=paired, seed=seed)
    chance = detection(table, three.real, three.again, paired=False, seed=seed)
    part.metrics["detection"]["real"] = chance["value"]
    _sdmetrics(part, table, three)
    return part


def _columns(part: Similar, table: Table, three: Sides) -> None:
    found: dict[str, list[tuple[float, float]]] = {"column_wd": [], "column_js": []}
    for i, categories in enumerate(table.categories):
        name = "column_js" if categories else "column_wd"
        real, ours, again = (rows[:, i] for rows in (three.real, three.table, three.again))
        if np.isnan(real).all():
            continue
        distances = tuple(column_distance(real, x, categories) for x in (ours, again))
        found[name].append(distances)
        part.gaps.append((i, *distances))
        if np.isnan(ours).all():
            part.warnings.append(f"column {table.columns[i].name!r} of the table is empty")
    for name, distances in found.items():
        if distances:
            value, beside = np.mean(distances, 0).tolist()
            unit = "standard deviations" if name == "column_wd" else "distance"
            part.metrics[name] = {
                "value": value, "real": beside, "n": len(distances), "of": "columns", "unit": unit
            }  # fmt: skip


def column_distance(real: np.ndarray, other: np.ndarray, categories: int) -> float:
    """Of two columns (n,), over what is known; an empty one is as far as the mean, or at 1."""
    from scipy.stats import wasserstein_distance

    real, other = real[~np.isnan(real)], other[~np.isnan(other)]
    if categories:
        if not len(other):
            return 1.0
        return divergence(real, other, categories)
    mean, sd = real.mean(), real.std() or 1.0
    other = other if len(other) else np.array([mean])
    return float(wasserstein_distance((real - mean) / sd, (other - mean) / sd))


def _pairs(part: Similar, table: Table, three: Sides, real: np.ndarray) -> None:
    """Correlations and associations."""
    width = len(table.columns)
    part.paired = list(range(min(width, MOST_COLUMNS)))
    if width > MOST_COLUMNS:
        part.notes.append(f"similarity: the first {MOST_COLUMNS} columns are taken in pairs")
    narrow = narrowed(table, part.paired)
    orders = association.levels_of(narrow, real[:, part.paired])
    matrices = [
        association.matrix(narrow, rows[:, part.paired], orders)
        for rows in (three.real, three.table, three.again)
    ]
    part.matrices = matrices[0], matrices[1]
    numbers = [i for i, c in enumerate(narrow.categories) if not c]
    for name, chosen in (("association", part.paired), ("correlation", numbers)):
        first, ours, again = (m[np.ix_(chosen, chosen)] for m in matrices)
        value, count = association.difference(first, ours)
        if value is not None:
            part.metrics[name] = {
                "value": value, "real": association.difference(first, again)[0], "n": count,
                "of": "pairs", "unit": "difference",
            }  # fmt: skip


def narrowed(table: Table, columns: list[int]) -> Table:
    """The table with some of its modelled columns."""
    return replace(table, columns=tuple(table.columns[i] for i in columns))


def detection(
    table: Table, real: np.ndarray, other: np.ndarray, *, paired: bool, seed: int
) -> dict[str, object]:
    """AUC of boosted trees that tell real rows from others (n, columns), each row scored by trees
    that never saw it, nor, where rows are `paired`, what it was before it was filled."""
    rng = np.random.default_rng((seed, 22))
    if len(real) > MOST_DETECTED:
        ours = np.sort(rng.choice(len(real), MOST_DETECTED, replace=False))
        real, other = real[ours], other[ours]
    count = len(real)
    if not np.isnan(other).any():
        other = np.where(np.isnan(real[rng.permutation(count)]), np.nan, other)
    fold = rng.permutation(count) % FOLDS
    folds = np.concatenate([fold, fold if paired else rng.permutation(count) % FOLDS])
    features = Features.learn(table, real)
    rows = features.trees(np.concatenate([real, other]))
    made = np.repeat([0, 1], count)
    scores = np.zeros(2 * count)
    for k in range(FOLDS):
        said = boosted(
            rows[folds != k], made[folds != k], rows[folds == k], features.categorical, 2, seed
        )[:, 1]
        # By rank in its fold: folds' scores are not on one scale.
        scores[folds == k] = np.searchsorted(np.sort(said), said) / len(said)
    return measured(made, scores)


def _sdmetrics(part: Similar, table: Table, three: Sides) -> None:
    """The library's scores, beside those of real rows."""
    three = Sides(*(rows[:MOST_DETECTED, part.paired] for rows in _each(three)))
    kinds = narrowed(table, part.paired).categories
    value, beside = (quality(three.real, x, kinds) for x in (three.table, three.again))
    for name, score in value.items():
        if score is not None:
            part.metrics[f"sdmetrics.{name}"] = {
                "value": score, "real": beside[name], "n": len(three.real), "unit": "score"
            }  # fmt: skip


def _each(three: Sides) -> tuple[np.ndarray, ...]:
    return three.real, three.table, three.again


def quality(real: np.ndarray, other: np.ndarray, kinds: list[int]) -> dict[str, float | None]:
    """sdmetrics' means over columns and over pairs of columns of two tables (n, columns)."""
    import pandas as pd

    names = [f"c{i}" for i in range(len(kinds))]
    one, two = (pd.DataFrame(rows, columns=names) for rows in (real, other))
    varied = [n for n in names if one[n].nunique() > 1 and two[n].nunique() > 1]
    numbers = {n for n, kind in zip(names, kinds, strict=True) if not kind}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = {
            "shapes": [_shape(one[n], two[n], n in numbers) for n in names],
            "trends": [
                _trend(one[[a, b]].copy(), two[[a, b]].copy(), numbers & {a, b})
                for a, b in itertools.combinations(varied, 2)
            ],
        }
    known = {name: [x for x in scores if not np.isnan(x)] for name, scores in found.items()}
    return {name: float(np.mean(x)) if x else None for name, x in known.items()}


def _shape(real: "Series", other: "Series", number: bool) -> float:
    """How alike two columns are; an empty one is like none."""
    from sdmetrics.single_column import KSComplement, TVComplement

    if real.isna().all():
        return np.nan
    if other.isna().all():
        return 0.0
    return (KSComplement if number else TVComplement).compute(real.dropna(), other.dropna())


def _trend(real: "DataFrame", other: "DataFrame", numbers: set[str]) -> float:
    """How alike two pairs of columns hang together; bins of numbers are the real table's."""
    from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity

    real, other = real.dropna(), other.dropna()
    if not len(real) or not len(other):
        return np.nan
    if len(numbers) == 2:
        if min(real.nunique().min(), other.nunique().min()) < 2:
            return np.nan
        return CorrelationSimilarity.compute(real, other)
    return ContingencySimilarity.compute(real, other, continuous_column_names=sorted(numbers))
