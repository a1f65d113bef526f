"""Filling as a contest: holes are made in a table, and each method sees that table only."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mirctl.errors import RunError
from mirctl.tables import open_stream
from mirctl_impute import evaluating, masking
from mirctl_impute.comparing.case import Planned, Values
from mirctl_impute.comparing.real import Real, translate
from mirctl_impute.comparing.seen import Seen, learned
from mirctl_impute.profile import BLOCK
from mirctl_impute.rivals import fill, ours
from mirctl_impute.rivals.result import Filling
from mirctl_impute.table import Table

POINT, SPREAD = ("nrmse", "accuracy"), ("wd", "js", "coverage")
"""What is measured of the best single value, and what of the draws."""


@dataclass(frozen=True)
class Learned:
    """A filling in terms of the table that its method learned."""

    table: Table
    filling: Filling


@dataclass(frozen=True)
class HolesCase:
    """A table with holes; mask (rows, the real table's columns) are the cells that are measured."""

    label: str
    seed: int
    real: Real
    seen: Seen
    mask: np.ndarray
    draws: int

    def run(self, method: str) -> Learned:
        """Fill the holes."""
        own = ours.FILL.get(method)
        if own is None:
            table, values = self.seen.table, self.seen.values
            filling = fill.METHODS[method].fill(table, values, self.draws, self.seed)
            return Learned(table, filling)
        imputer = self.seen.model(own, self.seed)
        filling = ours.fill(imputer, self.seen.values, self.draws, self.seed)
        return Learned(imputer.table, filling)

    def measure(self, made: Learned) -> tuple[Values, dict[str, Any]]:
        """The measures of `impute evaluate`: of the single values, and of the draws."""
        for values in (made.filling.point, *made.filling.spread):
            if empty := int(np.isnan(values).sum()):
                raise RunError(f"left {empty:,} cells empty")
        point = self._measured(made, made.filling.point[None])
        drawn = made.filling.draws is not None
        spread = self._measured(made, made.filling.spread) if drawn else point
        chosen = {name: point[name] for name in POINT if name in point}
        chosen |= {name: spread[name] for name in SPREAD if name in spread}
        details = {"point": point, **({"draws": spread} if drawn else {})}
        return chosen, details

    def _measured(self, made: Learned, values: np.ndarray) -> Values:
        real = self.real
        draws = np.stack([translate(made.table, real.table, v, self.mask) for v in values])
        filled = evaluating.Filled(real.table, real.values, draws, self.mask)
        metrics, _ = evaluating.measure(filled, resamples=0)
        return {name: metric["value"] for name, metric in metrics.items()}


def cases(
    real: Real, mechanisms: tuple[str, ...], levels: tuple[float, ...], seeds: int, draws: int,
    learning: ours.Learning, work: Path,
) -> Iterator[Planned]:  # fmt: skip
    """Each mechanism and level, seed after seed; only one table with holes exists at a time."""
    for seed in range(seeds):
        for mechanism in mechanisms:
            for level in levels:
                make = partial(_make, real, mechanism, level, seed, draws, learning, work)
                yield Planned(label(mechanism, level), seed, make)


def label(mechanism: str, level: float) -> str:
    """`mcar-0.3`."""
    return f"{mechanism}-{level:g}"


def _make(
    real: Real, mechanism: str, level: float, seed: int, draws: int, learning: ours.Learning,
    work: Path,
) -> HolesCase:  # fmt: skip
    path = work / f"holes.{real.stream.kind}"
    path.unlink(missing_ok=True)
    masking.mask(real.stream, path, masking.Holes(level, mechanism, seed), real.said)
    mask, there = _hidden(real, path)
    seen = learned(real, path, there, learning)
    left = {column.name for column in seen.table.columns}
    mask &= np.array([column.name in left for column in real.table.columns])
    if not mask.any():
        raise RunError(f"{mechanism} at {level:g} hides no cell of this table: --levels is too low")
    return HolesCase(label(mechanism, level), seed, real, seen, mask, draws)


def _hidden(real: Real, path: Path) -> tuple[np.ndarray, dict[str, bool]]:
    """Which known cells of the real table (rows, columns) are holes now, and in which columns of
    the file anything is left."""
    there = dict.fromkeys(real.stream.columns, False)
    parts = []
    for block in open_stream(path, real.names).blocks(BLOCK):
        _, absent = real.table.read(block, path.name)
        parts.append(absent)
        for name, cells in block.cells.items():
            there[name] = there[name] or not real.table.absent(cells).all()
    return np.concatenate(parts) & ~np.isnan(real.values), there
