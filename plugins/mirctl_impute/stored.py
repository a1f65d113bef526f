"""What table.json says, checked: a table that passes here fails nowhere later."""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from mirctl.errors import UsageError
from mirctl_impute import dates
from mirctl_impute.columns import CategoryColumn, NumberColumn
from mirctl_impute.scale import Scale
from mirctl_impute.schema import MODELLED, Kind
from mirctl_impute.table import Table

Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Finites = Annotated[list[FiniteFloat], Field(min_length=1)]
Positive = Annotated[FiniteFloat, Field(gt=0)]


class Stored(BaseModel):
    """A part of it; unknown keys are damage."""

    model_config = ConfigDict(extra="forbid")


class StoredScale(Stored):
    """See `Scale`."""

    knots: Finites
    low: Finites
    high: Finites
    mean: FiniteFloat
    sd: Positive

    @model_validator(mode="after")
    def knots_own_intervals_of_ranks(self) -> Self:
        if not len(self.knots) == len(self.low) == len(self.high):
            raise ValueError(f"{len(self.knots)} knots have {len(self.low)} intervals of ranks")
        ranks = np.array([0.0, *np.ravel([self.low, self.high], "F"), 1.0])
        if not (np.diff(self.knots) > 0).all() or not (np.diff(ranks) >= 0).all():
            raise ValueError("knots and their ranks rise")
        return self


class StoredNumbers(Stored):
    """See `NumberColumn`."""

    name: str
    kind: Literal["integer", "number", "date"]
    blanks: str
    places: tuple[Count, Count]
    power: bool
    format: str | None
    start: int
    scale: StoredScale
    step: Positive | None
    listed: bool = False
    digits: Annotated[int, Field(ge=1, le=17)] = 17

    @model_validator(mode="after")
    def can_be_written(self) -> Self:
        if self.places[0] > self.places[1]:
            raise ValueError("places are the fewest digits and the most")
        if self.kind == "date":
            if not self.format:
                raise ValueError("a date has a format")
            for end in (self.scale.knots[0], self.scale.knots[-1]):
                _check_date(end, self.format)
        return self

    def column(self) -> NumberColumn:
        scale = vars(self.scale)
        arrays = {name: np.array(scale[name], float) for name in ("knots", "low", "high")}
        return NumberColumn(**{**vars(self), "scale": Scale(**{**scale, **arrays})})


def _check_date(seconds: float, format: str) -> None:
    try:
        dates.text(seconds, format)
    except OverflowError as error:
        raise ValueError(f"{seconds} seconds from 1970 on are no date") from error


class StoredCategories(Stored):
    """See `CategoryColumn`."""

    name: str
    kind: Literal["boolean", "category"]
    spellings: Annotated[list[str], Field(min_length=1)]

    @model_validator(mode="after")
    def spellings_differ(self) -> Self:
        if len({text.strip() for text in self.spellings}) < len(self.spellings):
            raise ValueError("two spellings are alike")
        return self

    def column(self) -> CategoryColumn:
        return CategoryColumn(self.name, self.kind, tuple(self.spellings))


StoredColumn = Annotated[StoredNumbers | StoredCategories, Field(discriminator="kind")]


class StoredTable(Stored):
    """See `Table`."""

    names: list[str]
    kinds: dict[str, Kind]
    missing: list[str]
    columns: Annotated[list[StoredColumn], Field(min_length=1)]
    constants: dict[str, str]
    types: dict[str, str]
    headless: bool
    constraints: list[str] = []

    @model_validator(mode="after")
    def all_tell_of_the_same_columns(self) -> Self:
        names = sorted(self.names)
        learned = sorted((column.name, column.kind) for column in self.columns)
        if not names == sorted(self.kinds) == sorted(self.types):
            raise ValueError("names, kinds and types are of different columns")
        if learned != sorted(item for item in self.kinds.items() if item[1] in MODELLED):
            raise ValueError("columns are not those that the kinds say are learned")
        if set(self.constants) != {n for n, kind in self.kinds.items() if kind == "constant"}:
            raise ValueError("constants are not those that the kinds say")
        return self

    @model_validator(mode="after")
    def constraints_can_be_met(self) -> Self:
        try:
            _ = self.table().rules
        except UsageError as error:
            raise ValueError(error.message) from error
        return self

    def table(self) -> Table:
        return Table(
            tuple(self.names),
            dict(self.kinds),
            frozenset(self.missing),
            tuple(column.column() for column in self.columns),
            self.constants,
            self.types,
            self.headless,
            tuple(self.constraints),
        )
