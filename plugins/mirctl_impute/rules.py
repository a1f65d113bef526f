"""Constraints between the numbers of a row: whether they hold, and the nearest row that keeps them.

Each is a range of a column or an order of two, `a <= b` or `a < b`. Orders make no circle, so the
values that a hidden cell may have are an interval of its column's grid,

    low_b  = max(range, smallest value >= low_a,  for each a <= b),   columns in order
    high_a = min(range, largest value <= high_b,  for each a <= b),   columns backwards

with observed cells as they are; the row is repaired in the same order, each cell moved as little as
the cells before it and `high` ask for. Where low > high there is nothing left for the cell.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from graphlib import TopologicalSorter

import numpy as np

from mirctl_impute.columns import Column, NumberColumn


@dataclass(frozen=True)
class Range:
    """Values of a column from `low` to `high`, both on its grid."""

    column: int
    low: float
    high: float


@dataclass(frozen=True)
class Order:
    """The column `low` is at most the column `high`; less, if `strict`."""

    low: int
    high: int
    strict: bool


@dataclass(frozen=True)
class Rules:
    """What holds in every row; columns are counted as the modelled ones are."""

    columns: tuple[Column, ...]
    ranges: tuple[Range, ...] = ()
    orders: tuple[Order, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ranges or self.orders)

    @cached_property
    def in_order(self) -> list[int]:
        """The columns that rules speak of, the lower of an order first; a graphlib.CycleError where
        orders make a circle."""
        before: dict[int, set[int]] = {r.column: set() for r in self.ranges}
        for order in self.orders:
            before.setdefault(order.high, set()).add(order.low)
        return [*TopologicalSorter(before).static_order()]

    def within(self, ranges: Sequence[Range]) -> "Rules":
        """These rules and more ranges."""
        return replace(self, ranges=(*self.ranges, *ranges))

    def without(self, gone: Set[int]) -> "Rules":
        """These rules where columns do not exist: of a <= b <= c stays a <= c."""
        orders = list(self.orders)
        for column in gone:
            below = [o for o in orders if o.high == column]
            above = [o for o in orders if o.low == column]
            orders = [o for o in orders if o not in below and o not in above]
            orders += [Order(a.low, b.high, a.strict or b.strict) for a in below for b in above]
        ranges = tuple(r for r in self.ranges if r.column not in gone)
        return replace(self, ranges=ranges, orders=tuple(dict.fromkeys(orders)))

    def written(self, values: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Values (rows, columns) whose hidden ones are, in ruled columns, as their texts read."""
        values = values.copy()
        for c in self.in_order:
            at = hidden[:, c]
            values[at, c] = self.columns[c].written(values[at, c])
        return values

    def broken(self, values: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Rows (rows,) that break a rule by one of their hidden cells; what is NaN breaks none."""
        found = np.zeros(len(values), bool)
        for r in self.ranges:
            one = values[:, r.column]
            found |= hidden[:, r.column] & ((one < r.low) | (one > r.high))
        for o in self.orders:
            low = _in_units(values[:, o.low], self.columns[o.low], self.columns[o.high])
            high = values[:, o.high]
            wrong = low >= high if o.strict else low > high
            found |= wrong & (hidden[:, o.low] | hidden[:, o.high])
        return found

    def limits(self, values: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and the highest values (rows, columns) that the rules leave to hidden cells;
        those of other cells, and of columns without a rule, are the values."""
        low, high = values.copy(), values.copy()
        for c in self.in_order:
            knots = self.columns[c].scale.knots
            mine = [r for r in self.ranges if r.column == c]
            bottom = max([knots[0], *(r.low for r in mine)])
            low[hidden[:, c], c] = self._bound(c, low, 1)[hidden[:, c]].clip(min=bottom)
        for c in reversed(self.in_order):
            knots = self.columns[c].scale.knots
            mine = [r for r in self.ranges if r.column == c]
            top = min([knots[-1], *(r.high for r in mine)])
            high[hidden[:, c], c] = self._bound(c, high, -1)[hidden[:, c]].clip(max=top)
        return low, high

    def _bound(self, column: int, values: np.ndarray, side: int) -> np.ndarray:
        """What orders make of the values (rows, columns) below a column (side 1) or above it (side
        -1): the least extreme value (rows,) that it may have."""
        bound = np.full(len(values), -side * np.inf)
        tighter = np.maximum if side > 0 else np.minimum
        for o in self.orders:
            here, there = (o.high, o.low) if side > 0 else (o.low, o.high)
            if here == column:
                mine = self.columns[column]
                limit = _in_units(values[:, there], self.columns[there], mine)
                bound = tighter(bound, mine.beyond(limit, side, o.strict))
        return bound

    def lost(self, values: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Hidden cells (rows, columns) to which the rules leave nothing."""
        low, high = self.limits(values, hidden)
        return hidden & (low > high)

    def impossible(self, given: Mapping[int, float]) -> list[int]:
        """Columns to which the rules leave nothing in a row of which some columns are given, or
        given columns that break a rule."""
        values = np.array([[given.get(c, np.nan) for c in range(len(self.columns))]])
        if self.broken(values, ~np.isnan(values)).any():
            return list(given)
        low, high = self.limits(values, np.isnan(values))
        return [c for c in self.in_order if low[0, c] > high[0, c]]

    def repaired(self, values: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Values (rows, columns) with hidden ones moved until the rules hold; those to which
        nothing is left stay, and count as observed."""
        while (lost := self.lost(values, hidden)).any():
            hidden = hidden & ~lost
        low, high = self.limits(values, hidden)
        values = values.copy()
        for c in self.in_order:
            at = hidden[:, c]
            bottom = np.maximum(low[:, c], self._bound(c, values, 1))
            values[at, c] = values[at, c].clip(bottom[at], high[at, c])
        return values


def _in_units(values: np.ndarray, source: NumberColumn, target: NumberColumn) -> np.ndarray:
    """Values (rows,) of one column as another counts them, which may start elsewhere."""
    gap = source.start - target.start
    if not gap:
        return values
    # Large whole numbers: a float of the sum would forget its last digits, a Fraction does not.
    return np.array([float(Fraction(v) + gap) if np.isfinite(v) else v for v in values.tolist()])
