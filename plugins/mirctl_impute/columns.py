"""A learned column: its cells as text on one side, as numbers on the other.

`parse` gives (rows,) float64 with NaN where there is nothing to read; `text` writes values the way
the column writes them: blanks before, digits after the point, spelling, date format.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from mirctl.errors import DataError
from mirctl.tables import at_row
from mirctl_impute import dates
from mirctl_impute.profile import Profile
from mirctl_impute.scale import Scale
from mirctl_impute.schema import CATEGORIES, ColumnKind

EXACT = 2**53
MOST_LISTED = 128
ROWS_A_VALUE = 30
"""A number column is drawn from the list of its values where they are at most so many, and seen
this often on average."""
Cells = Sequence[str | None]


@dataclass(frozen=True)
class NumberColumn:
    """Whole numbers, decimals or dates."""

    name: str
    kind: Literal["integer", "number", "date"]
    blanks: str
    places: tuple[int, int]
    power: bool
    format: str | None
    start: int
    """Taken off whole numbers that a float cannot hold."""
    scale: Scale | None = None
    step: float | None = None
    """All values are whole multiples of it away from the smallest."""
    listed: bool = False
    """Are its values so few that they are drawn as categories are?"""
    digits: int = 17
    """Significant digits of numbers that have no grid."""

    categories = 0
    spellings = ()

    @property
    def levels(self) -> int:
        """How many values it is drawn from, if they are listed; else 0."""
        return len(self.scale.knots) if self.listed else 0

    def parse(self, cells: Cells, present: np.ndarray, first: int, where: str) -> np.ndarray:
        """Values of the cells that are present; a cell that is no number is a DataError."""
        values = np.full(len(cells), np.nan)
        for row in present.nonzero()[0]:
            try:
                values[row] = self._value(cells[row].strip())
            except (ValueError, OverflowError) as error:
                raise DataError(
                    f"column {self.name!r} is of kind {self.kind}, and {cells[row][:40]!r} is not",
                    where=at_row(where, first + int(row)),
                ) from error
        return values

    def _value(self, text: str) -> float:
        if self.kind == "date":
            return dates.seconds(text, self.format or "")
        if self.start:
            return float(int(text) - self.start)
        value = float(text.replace("_", "x"))  # Python reads 1_000, tables do not
        if not math.isfinite(value):
            raise ValueError("not finite")
        return value

    def text(self, values: np.ndarray) -> list[str]:
        """As the column writes them, on its grid."""
        return [self.blanks + self._text(value) for value in self.on_grid(values).tolist()]

    @property
    def loose(self) -> bool:
        """Are numbers too far apart in size for a grid?"""
        return self.kind == "number" and (self.power or self.places[1] > 15)

    def on_grid(self, values: np.ndarray) -> np.ndarray:
        """The nearest values that the column can have, inside its learned range."""
        low, high = self.scale.knots[0], self.scale.knots[-1]
        if self.step:
            values = low + np.round((values - low) / self.step) * self.step
        return values.clip(low, high)

    def written(self, values: np.ndarray) -> np.ndarray:
        """The nearest values (rows,) that the column can have, exactly as their texts read."""
        values = self.on_grid(values)
        if self.step and self.kind != "number":
            return values
        most = abs(self.scale.knots[[0, -1]]).max() * 10.0 ** self.places[1]
        if self.step and most < EXACT / 2:
            return np.round(values, self.places[1])
        return self.parse(self.text(values), np.ones(len(values), bool), 1, self.name)

    def beyond(self, bounds: np.ndarray, side: int, strict: bool) -> np.ndarray:
        """The values closest to bounds (rows,) that are not below them (side 1) or not above them
        (side -1), and if `strict` not they themselves; infinite where the learned range has none.
        """
        values = self.written(bounds.clip(*self.scale.knots[[0, -1]]))
        for _ in range(2):  # the nearest may lie on the wrong side; one further is then right
            values = np.where(
                _short(values, bounds, side, strict),
                self.written(values + side * self._unit(values)),
                values,
            )
        return np.where(_short(values, bounds, side, strict), side * np.inf, values)

    def _unit(self, values: np.ndarray) -> np.ndarray | float:
        """How far apart values are written there."""
        if self.step:
            return self.step
        if self.kind == "date":
            return 1e-6
        if self.kind == "integer":
            return 1.0
        if not self.loose:
            return np.maximum(10.0 ** -self.places[1], np.spacing(np.abs(values)))
        smallest = np.abs(self.scale.knots[self.scale.knots != 0]).min(initial=np.inf)
        sizes = np.where(values == 0, smallest, np.abs(values))
        return np.maximum(10.0 ** (np.floor(np.log10(sizes)) - self.digits + 1), np.spacing(sizes))

    def _text(self, value: float) -> str:
        if self.kind == "date":
            return dates.text(value, self.format or "")
        if self.kind == "integer":
            return str(round(value) + self.start)
        fewest, most = self.places
        if self.loose:
            text = repr(float(f"{value:.{self.digits - 1}e}"))
            return text if fewest else text.removesuffix(".0")
        text = f"{value:.{most}f}"
        if fewest == most:
            return text
        whole, _, digits = text.partition(".")
        digits = digits.rstrip("0").ljust(fewest, "0")
        return f"{whole}.{digits}" if digits else whole


def _short(values: np.ndarray, bounds: np.ndarray, side: int, strict: bool) -> np.ndarray:
    """Which values (rows,) do not reach their bounds."""
    short = side * values < side * bounds
    return short | (values == bounds) if strict else short


@dataclass(frozen=True)
class CategoryColumn:
    """A fixed set of spellings, blanks and all; values are their numbers."""

    name: str
    kind: Literal["boolean", "category"]
    spellings: tuple[str, ...]

    @cached_property
    def codes(self) -> dict[str, int]:
        """Category numbers by spelling, blanks aside."""
        return {text.strip(): code for code, text in enumerate(self.spellings)}

    @property
    def categories(self) -> int:
        """How many there are."""
        return len(self.spellings)

    @property
    def levels(self) -> int:
        """How many values it is drawn from."""
        return self.categories

    def parse(self, cells: Cells, present: np.ndarray, first: int, where: str) -> np.ndarray:
        """Category numbers; NaN also for a category that was never learned."""
        code = self.codes.get
        return np.array(
            [
                code(cell.strip(), np.nan) if here else np.nan
                for cell, here in zip(cells, present.tolist(), strict=True)
            ],
            dtype=float,
        )

    def text(self, values: np.ndarray) -> list[str]:
        """The spellings of category numbers."""
        return [self.spellings[code] for code in values.astype(int).tolist()]


Column = NumberColumn | CategoryColumn


def unlearned(profile: Profile, kind: ColumnKind, where: str) -> Column:
    """A column as its profile shows it, its scale still to be learned."""
    if kind.kind in CATEGORIES:
        by_text: dict[str, str] = {}
        for cell in sorted(profile.distinct or ()):
            by_text.setdefault(cell.strip(), cell)
        return CategoryColumn(profile.name, kind.kind, tuple(by_text.values()))
    start = 0
    low, high = profile.whole or (0, 0)
    if kind.kind == "integer" and max(-low, high) > EXACT:
        if high - low > EXACT:
            raise DataError(
                f"column {profile.name!r} holds whole numbers beyond 2^53 that are too far apart "
                "to be computed with: make it id or category in a schema file",
                where=where,
            )
        start = low
    places = profile.places if profile.places[0] <= profile.places[1] else (0, 0)
    return NumberColumn(
        profile.name, kind.kind, profile.blanks or "", places, profile.power, kind.format, start,
        digits=min(profile.digits, 17),
    )  # fmt: skip


def learned(column: Column, values: np.ndarray) -> Column:
    """The column with the scale of its observed values (n,)."""
    if isinstance(column, CategoryColumn):
        return column
    scale = Scale.of(values)
    few = len(scale.knots) <= min(MOST_LISTED, len(values) // ROWS_A_VALUE)
    return dataclasses.replace(column, scale=scale, step=_step(column, values), listed=few)


def _step(column: NumberColumn, values: np.ndarray) -> float | None:
    """The largest step that all values are multiples of, seen from the smallest."""
    if column.loose:
        return None
    unit = 10.0 ** -column.places[1] if column.kind == "number" else 1.0
    offsets = np.round((values - values.min()) / unit)
    if column.kind == "date" and (offsets != (values - values.min())).any():
        return None
    if offsets.max() >= EXACT:
        return None
    step = int(np.gcd.reduce(offsets.astype(np.int64)))
    return step * unit if step else None


def to_json(column: Column) -> dict[str, Any]:
    """What the artifact keeps of a column."""
    fields = asdict(column)
    if isinstance(column, NumberColumn):
        for name in ("knots", "low", "high"):
            fields["scale"][name] = fields["scale"][name].tolist()
    return fields
