"""Making rows as a contest: each method learns a part of a table and is judged beside the rest."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.tables import new_table
from mirctl_impute.comparing.case import Planned, Values
from mirctl_impute.comparing.real import Real, translate
from mirctl_impute.comparing.seen import Seen, learned
from mirctl_impute.criteria import CRITERIA, judge, refusal
from mirctl_impute.profile import BLOCK
from mirctl_impute.rivals import generate, ours
from mirctl_impute.schema import MODELLED
from mirctl_impute.table import Table

FEWEST_ROWS, MOST_MADE = 100, 20_000
SHOWN = (
    "ml_efficiency", "column_wd", "column_js", "correlation", "detection", "dcr5", "mia", "copies",
)  # fmt: skip


@dataclass(frozen=True)
class SplitCase:
    """The training part, and the real rows of both parts."""

    label: str
    seed: int
    real: Real
    seen: Seen
    parts: tuple[np.ndarray, np.ndarray]
    """Rows (rows, the real table's columns) to learn from, and held out."""
    target: int

    def run(self, method: str) -> tuple[Table, np.ndarray]:
        """As many rows as there are to learn from, at most 20,000."""
        table, values = self.seen.table, self.seen.values
        count = min(len(values), MOST_MADE)
        own = ours.GENERATE.get(method)
        if own is None:
            names = [column.name for column in table.columns]
            wanted = self.real.table.columns[self.target].name
            target = names.index(wanted) if wanted in names else 0
            make = generate.METHODS[method].make
            return table, make(table, values, target, count, self.seed)
        imputer = self.seen.model(own, self.seed)
        return imputer.table, ours.generate(imputer, count, self.seed)

    def measure(self, made: tuple[Table, np.ndarray]) -> tuple[Values, dict[str, Any]]:
        """The three criteria of `impute evaluate`."""
        table, rows = made
        index = {column.name: i for i, column in enumerate(table.columns)}
        mask = np.zeros((len(rows), len(self.real.table.columns)), bool)
        for j, column in enumerate(self.real.table.columns):
            if column.name in index:
                mask[:, j] = ~np.isnan(rows[:, index[column.name]])
        other = translate(table, self.real.table, rows, mask)
        train, holdout = self.parts
        judged = judge(self.real.table, train, other, holdout, self.target, CRITERIA, self.seed)
        values = {
            name: float(metric["value"])
            for name, metric in judged.metrics.items()
            if metric["value"] is not None
        }
        return values, {"metrics": judged.metrics, "warnings": list(judged.warnings)}


def cases(
    real: Real, target: int, share: float, seeds: int, learning: ours.Learning, work: Path
) -> Iterator[Planned]:
    """A split a seed: a share of the rows is learned, the rest held out."""
    if len(real.values) < FEWEST_ROWS:
        raise DataError(
            f"has {counted(len(real.values), 'row')}, and fewer than {FEWEST_ROWS} cannot be split",
            where=real.stream.name,
        )
    _check(real, target, share, seeds)
    for seed in range(seeds):
        yield Planned("", seed, partial(_make, real, target, share, seed, learning, work))


def _check(real: Real, target: int, share: float, seeds: int) -> None:
    """Raise what would stop the criteria, before any work."""
    for seed in range(seeds):
        chosen = _chosen(len(real.values), share, seed)
        train, holdout = real.values[chosen], real.values[~chosen]
        for criterion in CRITERIA:
            why = refusal(real.table, train, train, holdout, target, criterion)
            if why:
                raise DataError(why, where=f"{real.stream.name}, split by seed {seed}")


def _chosen(rows: int, share: float, seed: int) -> np.ndarray:
    """Which rows (rows,) are to learn from."""
    order = np.random.default_rng((seed, 6)).permutation(rows)
    chosen = np.zeros(rows, bool)
    chosen[order[: round(share * rows)]] = True
    return chosen


def _make(
    real: Real, target: int, share: float, seed: int, learning: ours.Learning, work: Path
) -> SplitCase:
    chosen = _chosen(len(real.values), share, seed)
    path = work / f"train.{real.stream.kind}"
    path.unlink(missing_ok=True)
    seen = learned(real, path, _write(real, chosen, path), replace(learning, names=None))
    return SplitCase("", seed, real, seen, (real.values[chosen], real.values[~chosen]), target)


def _write(real: Real, chosen: np.ndarray, path: Path) -> dict[str, bool]:
    """Write the chosen rows of the columns that can be learned; which have a cell in them."""
    kinds = real.table.kinds
    names = [n for n in real.stream.columns if kinds[n] in (*MODELLED, "constant")]
    there = dict.fromkeys(names, False)
    types = {name: real.stream.types[name] for name in names}
    with new_table(path, names, types) as out:
        for block in real.stream.blocks(BLOCK):
            at = chosen[block.first - 1 : block.first - 1 + len(block)].nonzero()[0].tolist()
            cells = {name: [block.cells[name][row] for row in at] for name in names}
            for name, column in cells.items():
                there[name] = there[name] or not real.table.absent(column).all()
            if at:
                out.write(cells)
    return there
