"""How good filled cells are, measured where the truth is known.

    nrmse     root of the mean squared error of numbers, in standard deviations of their column
    accuracy  share of the categories that are right
    wd        mean over number columns of the Wasserstein-1 distance between what was filled and the
              truth, in standard deviations
    js        mean over category columns of the Jensen-Shannon distance (base 2, 0 to 1) of the same
    coverage  share of the numbers inside the 5 % to 95 % interval of their draws

Of several draws the squared errors, the hits and the distances are averaged. wd and js say whether
the filled cells are spread like true ones; a point estimate has a better nrmse, and a worse wd,
than a draw. All three tables are held in memory.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.tables import Stream, at_row, require_columns
from mirctl_impute import profile, schema
from mirctl_impute.columns import NumberColumn
from mirctl_impute.filling import DRAW
from mirctl_impute.profile import BLOCK
from mirctl_impute.table import Table, learn

FEWEST_DRAWS = 19
"""Of fewer, no interval between two of them holds 90 %."""
RESAMPLES = 1_000
NAMES = ("nrmse", "accuracy", "wd", "js", "coverage")

Metrics = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Filled:
    """The hidden cells of a table: truth (rows, columns), draws (draws, rows, columns), which cells
    count (rows, columns)."""

    table: Table
    truth: np.ndarray
    draws: np.ndarray
    mask: np.ndarray

    def standard(self, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Truth (cells,) and draws (draws, cells) of a column, in standard deviations."""
        scale = self.table.columns[column].scale
        at = self.mask[:, column]
        return (
            scale.standard(self.truth[at, column]),
            scale.standard(self.draws[:, at, column]),
        )


@dataclass(frozen=True)
class Draws:
    """A table's rows, copy by copy: values and missing cells (draws, rows, columns)."""

    name: str
    values: np.ndarray
    absent: np.ndarray

    @property
    def unseen(self) -> int:
        """Cells that hold a category the real table does not have."""
        return int((np.isnan(self.values) & ~self.absent).sum())


def learn_real(real: Stream, said: schema.Schema) -> tuple[Table, np.ndarray]:
    """The real table, which says what kinds the columns are, and its values (rows, columns)."""
    with tempfile.TemporaryDirectory() as folder:
        looked = profile.look(real, said)
        table, mapped = learn(real, looked, said, Path(folder), headless=False)
        return table, np.array(mapped)


def read_draws(table: Table, stream: Stream, *, split: bool = True) -> Draws:
    """The rows of a table; a column `draw` that the real one does not have tells copies apart,
    unless `split` is off."""
    require_columns([c.name for c in table.columns], stream.columns, stream.name)
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for block in stream.blocks(BLOCK):
        values, absent = table.read(block, stream.name)
        drawn = block.cells.get(DRAW) if split and DRAW not in table.names else None
        labels = np.array(drawn or [""] * len(block))
        for label in dict.fromkeys(labels.tolist()):
            ours = labels == label
            parts.setdefault(label, []).append((values[ours], absent[ours]))
    if not parts:
        raise DataError("has no rows", where=stream.name)
    whole = [[np.concatenate(cells) for cells in zip(*p, strict=True)] for p in parts.values()]
    lengths = {len(values) for values, _ in whole}
    if len(lengths) > 1:
        raise DataError(
            f"its draws have from {min(lengths):,} to {max(lengths):,} rows: is it cut off?",
            where=stream.name,
        )
    return Draws(stream.name, np.stack([v for v, _ in whole]), np.stack([a for _, a in whole]))


def filled_cells(table: Table, truth: np.ndarray, full: Draws, holes: Draws) -> Filled:
    """Lay the tables side by side; truth (rows, columns) is the real one."""
    for read in (holes, full):
        rows = read.values.shape[1]
        if rows != len(truth):
            raise DataError(
                f"has {counted(rows, 'row')} where the real table has {len(truth):,}",
                where=read.name,
            )
    shown, missing = holes.values, holes.absent
    _check_same(table, truth, shown[0], ~missing[0], holes.name)
    mask = missing[0] & ~np.isnan(truth)
    if not mask.any():
        raise DataError("hides no cell that the real table knows", where=holes.name)
    empty = full.absent & mask
    if empty.any():
        _, row, column = (int(x[0]) for x in empty.nonzero())
        raise DataError(
            f"column {table.columns[column].name!r} is still missing",
            where=at_row(full.name, row + 1),
        )
    for draw in full.values:
        _check_same(table, truth, draw, ~missing[0], full.name)
    return Filled(table, truth, full.values, mask)


def _check_same(
    table: Table, truth: np.ndarray, values: np.ndarray, there: np.ndarray, where: str
) -> None:
    """Raise a DataError where an observed cell (rows, columns) is not the real table's."""
    wrong = there & (values != truth) & ~(np.isnan(values) & np.isnan(truth))
    if wrong.any():
        row, column = (int(x[0]) for x in wrong.nonzero())
        raise DataError(
            f"column {table.columns[column].name!r} is not what it is in the real table, though it "
            "was no hole: are the rows in another order?",
            where=at_row(where, row + 1),
        )


def measure(cells: Filled, seed: int = 0, *, resamples: int = RESAMPLES) -> tuple[Metrics, str]:
    """All measures, and those of each column as a table for people; intervals by so many
    resamples."""
    squares, hits, covered, distances, divergences = [], [], [], [], []
    rows = []
    for i, column in enumerate(cells.table.columns):
        count = int(cells.mask[:, i].sum())
        if not count:
            continue
        if isinstance(column, NumberColumn):
            truth, draws = cells.standard(i)
            squares.append(((draws - truth) ** 2).mean(0))
            distances.append(np.abs(np.sort(draws, 1) - np.sort(truth)).mean())
            if len(draws) >= FEWEST_DRAWS:
                # Weibull's positions i / (draws + 1): true draws fall inside 90 % of the time.
                low, high = np.quantile(draws, [0.05, 0.95], axis=0, method="weibull")
                covered.append((truth >= low) & (truth <= high))
            shown = np.sqrt(squares[-1].mean()), None, distances[-1]
        else:
            at = cells.mask[:, i]
            truth, draws = cells.truth[at, i], cells.draws[:, at, i]
            hits.append((draws == truth).mean(0))
            divergences.append(
                np.mean([divergence(truth, draw, column.categories) for draw in draws])
            )
            shown = None, hits[-1].mean(), divergences[-1]
        rows.append([column.name, str(count), *("" if x is None else f"{x:.3f}" for x in shown)])
    metrics: Metrics = {}
    for name, parts, unit in (
        ("nrmse", squares, "standard deviations"), ("accuracy", hits, "share"),
        ("coverage", covered, "share"),
    ):  # fmt: skip
        if parts:
            metrics[name] = mean_of(
                np.concatenate(parts), unit, seed, root=name == "nrmse", resamples=resamples
            )
    for name, means, unit in (
        ("wd", distances, "standard deviations"), ("js", divergences, "distance")
    ):  # fmt: skip
        if means:
            metrics[name] = {
                "value": float(np.mean(means)), "n": len(means), "of": "columns", "unit": unit
            }  # fmt: skip
    return metrics, console.table(["column", "cells", "nrmse", "accuracy", "wd | js"], rows)


def divergence(truth: np.ndarray, drawn: np.ndarray, categories: int) -> float:
    """Jensen-Shannon distance of two columns of category numbers; an unknown one is its own."""
    p, q = (
        np.bincount(np.nan_to_num(x, nan=categories).astype(int), minlength=categories + 1) / len(x)
        for x in (truth, drawn)
    )
    m = (p + q) / 2
    parts = [x[x > 0] * np.log2(x[x > 0] / m[x > 0]) for x in (p, q)]
    return float(np.sqrt(max(sum(part.sum() for part in parts) / 2, 0)))


def mean_of(
    cells: np.ndarray, unit: str, seed: int, *, root: bool = False, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Mean over cells (n,), or its root, with a 95 % bootstrap interval over them."""
    rng = np.random.default_rng((seed, 3))
    means = [rng.choice(cells, len(cells)).mean() for _ in range(resamples)] or [np.nan]
    numbers = np.array([cells.mean(), *np.quantile(means, [0.025, 0.975])])
    value, low, high = (np.sqrt(numbers) if root else numbers).tolist()
    return {"value": value, "low": low, "high": high, "n": len(cells), "unit": unit}
