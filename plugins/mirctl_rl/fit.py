"""How well completed scores foretell what is held out: what a simulator's rewards are worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from mirctl_rl.building import Completed, Plan
from mirctl_rl.factors import Cells, Factors, biases
from mirctl_rl.logged import Log

HELD_OUT = 0.1


def fit(log: Log, found: Plan, halves: Completed, seed: int) -> dict[str, dict[str, Any]]:
    """Of the early half's completion on the late half, and of the late half's on a tenth of it."""
    cells, early = halves.late_cells, halves.early
    rng = np.random.default_rng((seed, 0xF17))
    held = rng.random(len(cells.row)) < HELD_OUT
    if not held.any() or held.all():
        return {}
    late = found.complete(cells.some(~held))
    if log.rated:
        return _of_ratings(cells, held, early, late, means(halves.early_cells))
    counts = np.bincount(halves.early_cells.column, minlength=cells.shape[1])
    return _of_taken(cells, held, (early, late, late.personal(even=found.even)), counts, rng)


def means(cells: Cells) -> Factors:
    """What the means of users and items alone foretell."""
    mean, of_row, of_column = biases(cells)
    rows, columns = (np.ones((len(own), 2)) for own in (of_row, of_column))
    rows[:, 0], columns[:, 1] = of_row + mean, of_column
    return Factors(rows, columns)


def _of_ratings(
    cells: Cells, held: np.ndarray, early: Factors, late: Factors, plain: Factors
) -> dict[str, dict[str, Any]]:
    def rmse(factors: Factors, of: Cells) -> float:
        return float(np.sqrt(np.mean((factors.scores(of.row, of.column) - of.value) ** 2)))

    some = cells.some(held)
    return {
        "fit.early_on_late": _entry(rmse(early, cells), len(cells.row), "RMSE on the late half"),
        "fit.completion": _entry(rmse(late, some), len(some.row), "RMSE on a held-out tenth"),
        "fit.means": _entry(rmse(plain, cells), len(cells.row), "RMSE of early means alone"),
        "fit.sd": _entry(float(cells.value.std()), len(cells.row), "SD of the late ratings"),
    }


def _of_taken(
    cells: Cells, held: np.ndarray, completed: tuple[Factors, Factors, Factors],
    counts: np.ndarray, rng: np.random.Generator,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """The share of other items that score below one that was taken: .5 is chance."""
    early, late, personal = completed
    popular = Factors(np.ones((cells.shape[0], 1)), counts[:, None].astype(np.float64))
    some = cells.some(held)
    unit = "share of random items scored below a taken one"

    def auc(factors: Factors, of: Cells) -> dict[str, Any]:
        others = rng.integers(cells.shape[1], size=(len(of.row), 20))
        own = factors.scores(of.row, of.column)[:, None]
        against = factors.scores(of.row[:, None], others)
        below = np.mean((against < own) + 0.5 * (against == own))
        return _entry(float(below), len(of.row), unit)

    return {
        "fit.early_on_late": auc(early, cells),
        "fit.completion": auc(late, some),
        "fit.personal": auc(personal, some),
        "fit.popularity": auc(popular, cells),
    }


def _entry(value: float, n: int, unit: str) -> dict[str, Any]:
    return {"value": value, "low": None, "high": None, "n": n, "unit": unit}
