"""What a column's cells look like, row block after row block, and which kind that makes it.

The memory of a profile does not grow with the table: distinct cells are kept up to a limit.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mirctl.errors import DataError
from mirctl.tables import Stream, at_row
from mirctl_impute import dates
from mirctl_impute.schema import CATEGORIES, NUMBERS, ColumnKind, Kind, Schema, check_names

MOST_CATEGORIES = 20_000
MOST_COLUMNS = 1_000
BLOCK = 8_192
MOST_DIGITS = 300
"""Of a whole number that is computed with."""
LONGEST_DATE = 60
FEW = 20
"""A column of so few distinct texts is a category however short the table."""
INTEGER = re.compile(r"[+-]?\d+")
NUMBER = re.compile(
    r"[+-]?(\d+(?P<point>\.(?P<places>\d*))?|\.(?P<only>\d+))(?P<power>[eE][+-]?\d+)?"
)
PADDED = re.compile(r"[+-]?0\d")
ID_NAME = re.compile(r"(?i:(^|[\W_])(id|key|index|uuid|guid)$)|[a-z](Id|ID)$")


@dataclass
class Profile:
    """Everything a kind is inferred from."""

    name: str
    seen: int = 0
    numbers: int = 0
    integers: bool = True
    padded: bool = False
    power: bool = False
    """Is a number written with an exponent?"""
    places: tuple[int, int] = (99, 0)
    """Fewest and most digits after the point."""
    whole: tuple[int, int] | None = None
    """Smallest and largest whole number."""
    words: int = 0
    blanks: str | None = None
    """What stands before every cell, as the blank after a comma."""
    distinct: set[str] | None = field(default_factory=set)
    """Distinct cells, or None where there are too many to be categories."""
    digits: int = 1
    """Most significant digits of a number."""
    formats: tuple[str, ...] = dates.FORMATS
    padding: dates.Padding = field(default_factory=dates.Padding)
    ascending: bool = True
    """Does it count its rows, from 0 or 1 on?"""
    last: int | None = None
    odd: tuple[int, str] | None = None
    """Row and text of the first cell that is no number."""

    def update(self, first: int, cells: Sequence[str | None], missing: frozenset[str]) -> None:
        """Take in the cells of a block whose first row has the number `first`."""
        counts = Counter(cells)
        for cell, count in counts.items():
            if cell is None or (text := cell.strip()) in missing:
                continue
            self.seen += count
            self._written(cell, text, count, first, cells)
        if self.ascending and self.integers and self.numbers == self.seen:
            self._climb(cells, missing)

    def _written(
        self, cell: str, text: str, count: int, first: int, cells: Sequence[str | None]
    ) -> None:
        """Learn from one distinct cell."""
        match = NUMBER.fullmatch(text)
        if match:
            self.numbers += count
        elif self.odd is None:
            self.odd = (first + cells.index(cell), text)
        if self.distinct is not None:
            if cell in self.distinct:
                return
            self.distinct.add(cell)
            if len(self.distinct) > MOST_CATEGORIES:
                self.distinct = None
        before = cell[: len(cell) - len(cell.lstrip())]
        self.blanks = before if self.blanks in (None, before) else ""
        if match:
            self._number(text, match)
        else:
            self.integers = False
            self.words += len(text.split())
            self.formats = tuple(f for f in self.formats if dates.fits(text, f))
            if len(text) <= LONGEST_DATE:
                self.padding.update(text)

    def _number(self, text: str, match: re.Match[str]) -> None:
        self.formats = ()
        self.power |= match["power"] is not None
        self.padded |= PADDED.match(text) is not None
        mantissa = re.sub(r"[eE].*|\D", "", text)
        shown = mantissa if INTEGER.fullmatch(text) else mantissa.rstrip("0")
        self.digits = max(self.digits, len(shown.lstrip("0")))
        if match["power"] is None:
            places = len(match["places"] or match["only"] or "")
            self.places = min(self.places[0], places), max(self.places[1], places)
        if INTEGER.fullmatch(text) and len(text) <= MOST_DIGITS:
            low, high = self.whole or (int(text),) * 2
            self.whole = min(low, int(text)), max(high, int(text))
        else:
            self.integers = False

    def _climb(self, cells: Sequence[str | None], missing: frozenset[str]) -> None:
        """Does each whole number stand above the one before it, as in a column of row numbers?"""
        for cell in cells:
            if cell is None or cell.strip() in missing:
                continue
            value = int(cell)
            if value not in ((0, 1) if self.last is None else (self.last + 1,)):
                self.ascending = False
                return
            self.last = value

    def kind(self, where: str) -> ColumnKind:
        """The kind these cells make; mixed ones that no kind fits are a DataError."""
        many = self.distinct is None
        count = MOST_CATEGORIES + 1 if many else len(self.distinct or ())
        if self.seen == 0:
            return ColumnKind(kind="empty")
        if count == 1 and self.seen > 1:
            return ColumnKind(kind="constant")
        if count == 2 and self.seen > 2:
            return ColumnKind(kind="boolean")
        every = count == self.seen or many
        if self.numbers == self.seen and not self.padded:
            named = every and self.integers and ID_NAME.search(self.name) is not None
            if self.integers and (named or (self.ascending and self.seen >= FEW)):
                return ColumnKind(kind="id")
            return ColumnKind(kind="integer" if self.integers else "number")
        if self.formats and self.numbers == 0:
            return ColumnKind(kind="date", format=self.padding.of(self.formats[0]))
        if count <= FEW:
            return ColumnKind(kind="category")
        if self.numbers >= 0.8 * self.seen and self.odd is not None:
            self._refuse_mixed(where)
        if not many and count <= self.seen / 2:
            return ColumnKind(kind="category")
        spoken = self.words / max(count, 1) >= 3
        return ColumnKind(kind="text" if spoken else "id")

    def _refuse_mixed(self, where: str) -> None:
        row, text = self.odd or (0, "")
        raise DataError(
            f"column {self.name!r} has {text[:40]!r} where {self.numbers} of its {self.seen} cells "
            f"are numbers: correct it, add it to `missing` in a schema file (or --missing, which "
            "replaces the usual texts), or say there which kind the column is (`impute schema`)",
            where=at_row(where, row),
        )


@dataclass(frozen=True)
class Looked:
    """A whole table's profile."""

    rows: int
    profiles: dict[str, Profile]
    kinds: dict[str, ColumnKind]

    def columns(self) -> dict[str, Kind | ColumnKind]:
        """As a schema says it: the kind alone, but for dates."""
        return {n: said if said.format else said.kind for n, said in self.kinds.items()}


def look(stream: Stream, schema: Schema) -> Looked:
    """Read a table once and say which kind each column is; what the schema says counts."""
    if len(stream.columns) > MOST_COLUMNS:
        raise DataError(
            f"has {len(stream.columns):,} columns, and a row of more than {MOST_COLUMNS:,} is too "
            "wide for attention between its cells: choose columns",
            where=stream.name,
        )
    check_names(schema, stream.columns, stream.name)
    missing = frozenset(schema.missing)
    profiles = {name: Profile(name) for name in stream.columns}
    rows = 0
    for block in stream.blocks(BLOCK):
        for name, profile in profiles.items():
            profile.update(block.first, block.cells[name], missing)
        rows += len(block)
    if not rows:
        raise DataError("has no rows", where=stream.name)
    kinds = dict(_kinds(stream, schema, profiles))
    return Looked(rows, profiles, kinds)


def _kinds(
    stream: Stream, schema: Schema, profiles: dict[str, Profile]
) -> Iterator[tuple[str, ColumnKind]]:
    for name, profile in profiles.items():
        if stream.types.get(name) == "opaque":
            yield name, ColumnKind(kind="text")
            continue
        said = schema.column(name)
        if said is None:
            yield name, profile.kind(stream.name)
        else:
            yield name, _agreed(said, profile, stream.name)


def _agreed(said: ColumnKind, profile: Profile, where: str) -> ColumnKind:
    """What the user said, if the cells allow it."""
    if said.kind == "date" and said.format is None:
        if not profile.formats:
            raise DataError(
                f"column {profile.name!r} is a date in no known format: give it one, as in "
                f"{profile.name}: {{kind: date, format: '%d.%m.%y'}}",
                where=where,
            )
        return ColumnKind(kind="date", format=profile.padding.of(profile.formats[0]))
    if said.format is not None:
        return ColumnKind(kind="date", format=profile.padding.of(said.format))
    if said.kind in CATEGORIES and profile.distinct is None:
        raise DataError(
            f"column {profile.name!r} has more than {MOST_CATEGORIES:,} different cells, too many "
            "for categories: make it text or id in the schema",
            where=where,
        )
    if said.kind in ("integer", "number") and profile.odd is not None:
        row, text = profile.odd
        raise DataError(
            f"column {profile.name!r} is of kind {said.kind}, and {text[:40]!r} is not: correct "
            "it, or add it to `missing` in the schema file",
            where=at_row(where, row),
        )
    if said.kind == "integer" and not profile.integers:
        raise DataError(f"column {profile.name!r} is no integer: it holds decimals", where=where)
    if said.kind == "constant" and (profile.distinct is None or len(profile.distinct) > 1):
        raise DataError(f"column {profile.name!r} is no constant: it holds several", where=where)
    if said.kind in (*NUMBERS, *CATEGORIES, "constant") and not profile.seen:
        raise DataError(
            f"column {profile.name!r} is empty: nothing can be learned of it", where=where
        )
    return said
