"""What the correlations of all trials come to: each layer's mean, and that of a layer chosen on
other trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl_gaze import output
from mirctl_gaze.attention.correlation import held_out, interval
from mirctl_gaze.attention.scores import SCORES, Column
from mirctl_gaze.means import mean
from mirctl_gaze.metrics import Metrics
from mirctl_gaze.rows import Unusable
from mirctl_gaze.schema import MEASURED

COLUMNS = {
    "model": "text", "score": "text", "measure": "text", "layer": "text", "head": "text",
    "rho": "double", "low": "double", "high": "double", "trials": "int64", "folds": "int64",
    "partial_rho": "double", "partial_low": "double", "partial_high": "double",
    "partial_trials": "int64", "partial_folds": "int64",
}  # fmt: skip
CHOSEN = "cv"
UNIT = "mean Spearman correlation over trials"
SHOWN = 5
LESS = frozenset({"skip"})
"""Measures of which more is less reading: their best layer has the lowest correlation."""


@dataclass(frozen=True)
class Mean:
    """A mean over trials with its 95 % interval."""

    value: float
    low: float
    high: float
    trials: int
    folds: int
    """How many folds chose the layer; of a chosen one, how many there were."""

    def metric(self) -> dict[str, Any]:
        if not self.trials:
            return {"value": None, "low": None, "high": None, "unit": UNIT, "n": 0}
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        return {**numbers, "unit": UNIT, "n": self.trials}


@dataclass(frozen=True)
class Row:
    """A measure against a score, in one layer or in the chosen ones."""

    score: str
    measure: str
    layer: str
    head: str
    plain: Mean
    partial: Mean


def summarize(
    plain: np.ndarray, partial: np.ndarray, measures: Sequence[str], columns: Sequence[Column],
    seed: int,
) -> list[Row]:  # fmt: skip
    """Rows of correlations (trials, measures, columns), and of what is left of them with controls
    held fixed."""
    rows = []
    for score, (place, measure), single in product(SCORES, enumerate(measures), (False, True)):
        which = [
            n for n, column in enumerate(columns)
            if column.score == score and (column.head is not None) == single
        ]  # fmt: skip
        if not which:
            continue
        sign = -1 if measure in LESS else 1
        sides = [_means(values[:, place, which], sign, seed) for values in (plain, partial)]
        names = [(str(columns[n].layer), str(columns[n].head or "")) for n in which]
        names.append((CHOSEN, CHOSEN if single else ""))
        rows += [
            Row(score, measure, *name, *both) for name, *both in zip(names, *sides, strict=True)
        ]
    return rows


def _means(values: np.ndarray, sign: int, seed: int) -> list[Mean]:
    """Of each column of (trials, columns), and last of the one chosen on other trials."""
    chosen, folds = held_out(sign * values, seed)
    every = np.column_stack([values, sign * chosen])
    low, high = interval(every, seed)
    numbers = zip(
        mean(every).tolist(), low.tolist(), high.tolist(), (~np.isnan(every)).sum(0).tolist(),
        [*folds.tolist(), int(folds.sum())], strict=True,
    )  # fmt: skip
    return [Mean(*one) for one in numbers]


def measured() -> list[str]:
    """Names that --require may ask for."""
    return [
        f"{score}_{measure}{end}"
        for score in SCORES for measure in MEASURED for end in ("", "_partial")
    ]  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What came out, and what could not be used."""

    model: str
    weights: str
    trials: int
    left_out: dict[str, str]
    unusable: Unusable
    rows: list[Row]

    def chosen(self) -> list[Row]:
        """Those of layers chosen by cross-validation, of heads together."""
        return [row for row in self.rows if row.layer == CHOSEN and not row.head]

    def metrics(self) -> Metrics:
        """Of each score and measure, in the layer that is chosen on other trials."""
        found = {}
        for row in self.chosen():
            name = f"{row.score}_{row.measure}"
            found |= {name: row.plain.metric(), f"{name}_partial": row.partial.metric()}
        return found

    def facts(self) -> dict[str, Any]:
        """For a document."""
        left_out = [{"trial": trial, "why": why} for trial, why in self.left_out.items()]
        return {
            "model": self.model, "weights": self.weights, "trials": self.trials,
            "left_out": left_out, "unusable": self.unusable.facts(),
        }  # fmt: skip

    def write(self, out: Path | str, kind: str) -> None:
        """A row for each score, measure, layer and head."""
        cells = {
            "model": [self.model] * len(self.rows),
            **{key: [getattr(row, key) for row in self.rows] for key in list(COLUMNS)[1:5]},
            **_numbers([row.plain for row in self.rows], "", "rho"),
            **_numbers([row.partial for row in self.rows], "partial_", "partial_rho"),
        }
        with output.table(out, COLUMNS, kind, digits=6) as results:
            results.write(cells)

    def tell(self) -> None:
        """Say it to people: of each measure the layers that were chosen."""
        self.unusable.tell()
        if self.left_out:
            shown = [f"{trial!r} ({why})" for trial, why in list(self.left_out.items())[:SHOWN]]
            more = len(self.left_out) - SHOWN
            told = ", ".join(shown) + (f", and {more:,} more" if more > 0 else "")
            console.warn(f"{counted(len(self.left_out), 'trial')} left out: {told}")
        told = "mean over them of Spearman's rho in the layer that is best in other trials"
        console.say(f"{counted(self.trials, 'trial')}; {told}, and its 95 % interval:\n")
        console.say(self._report("plain") + "\n")
        console.say("the same with the words' length and log frequency held fixed:\n")
        console.say(self._report("partial"))

    def _report(self, side: str) -> str:
        """A line a measure, a column a score."""
        lines: dict[str, list[str]] = {}
        for row in self.chosen():
            lines.setdefault(row.measure, [row.measure]).append(self._cell(row, side))
        return console.table(["measure", *SCORES], list(lines.values()))

    def _cell(self, row: Row, side: str) -> str:
        """A mean, its interval, and the layer that most folds chose."""
        found: Mean = getattr(row, side)
        if not found.trials:
            return "-"
        same = (row.score, row.measure, "")
        layers = [r for r in self.rows if (r.score, r.measure, r.head) == same and r is not row]
        most = max(layers, key=lambda r: getattr(r, side).folds)
        return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f}) at {most.layer}"


def _numbers(means: Sequence[Mean], before: str, name: str) -> dict[str, np.ndarray]:
    columns = {
        name: [m.value for m in means], f"{before}low": [m.low for m in means],
        f"{before}high": [m.high for m in means], f"{before}trials": [m.trials for m in means],
        f"{before}folds": [m.folds for m in means],
    }  # fmt: skip
    return {key: np.array(values, float) for key, values in columns.items()}
