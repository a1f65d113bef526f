"""Constraints as a user writes them: `a <= b`, `18 <= age < 99`, `` `unit price` > 0 ``.

Text between comparisons is a column's name or, where no column is called so, a value of the column
beside it, as that column writes values. A name with blanks at its ends or comparisons in it stands
in backticks.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError
from itertools import pairwise

import numpy as np

from mirctl.errors import DataError, UsageError, suggest
from mirctl_impute.columns import Column, NumberColumn
from mirctl_impute.rules import Order, Range, Rules
from mirctl_impute.schema import NUMBERS

PIECE = re.compile(r"\s*(`[^`]*`|[^`<>=!]*?)\s*([<>=!]+|$)")


@dataclass(frozen=True)
class Limit:
    """A value that a column is at least (side 1) or at most (side -1); not itself, if `strict`."""

    column: int
    value: float
    side: int
    strict: bool


Parsed = tuple[Limit | Order, ...]


def parse(text: str, columns: Sequence[Column], kinds: Mapping[str, str]) -> Parsed:
    """What a constraint says of modelled columns; `kinds` are those of all. A UsageError says what
    is wrong with it; columns need not have their scales yet."""
    try:
        terms, signs = _pieces(text)
        places = {column.name: i for i, column in enumerate(columns)}
        found = [_Term(term, places, kinds) for term in terms]
        if not any(term.column is not None for term in found):
            _refuse_unknown(found, kinds)
        return tuple(
            _compared(left, right, sign, columns, kinds)
            for (left, right), sign in zip(pairwise(found), signs, strict=True)
        )
    except UsageError as error:
        raise UsageError(f"constraint {text!r}: {error.message}") from error


def _pieces(text: str) -> tuple[list[str], list[str]]:
    """Terms and the comparisons between them."""
    terms, signs, place = [], [], 0
    while match := PIECE.match(text, place):
        terms.append(match[1])
        place = match.end()
        if not match[2]:
            break
        if match[2] not in ("<", "<=", ">", ">="):
            raise UsageError(f"{match[2]!r} is no order: write <, <=, > or >=")
        signs.append(match[2])
    if match is None:
        raise UsageError("close the backticks, and write a comparison after them")
    if not signs or "" in terms:
        raise UsageError("compare columns and values, as in a <= b or 18 <= age <= 99")
    return terms, signs


class _Term:
    """A part of a constraint: a column by its place, or a text that may be a value."""

    def __init__(self, text: str, places: Mapping[str, int], kinds: Mapping[str, str]) -> None:
        self.quoted = text.startswith("`")
        self.text = text.strip("`") if self.quoted else text
        self.column = places.get(self.text)
        kind = kinds.get(self.text)
        if kind is not None and kind not in NUMBERS:
            raise UsageError(
                f"column {self.text!r} is of kind {kind}, and only integers, numbers and dates are "
                "compared"
            )
        if self.quoted and kind is None:
            _refuse_unknown([self], kinds)


def _refuse_unknown(terms: Sequence[_Term], kinds: Mapping[str, str]) -> None:
    """Of texts that are no column, name the one that looks least like a value."""
    words = [t.text for t in terms if t.quoted or not re.match(r"[-+.\d]", t.text)]
    name = words[0] if words else terms[0].text
    hint = suggest(name, kinds, f"its columns: {', '.join(kinds)}")
    raise UsageError(f"the table has no column {name!r}{hint}")


def _compared(
    left: _Term, right: _Term, sign: str, columns: Sequence[Column], kinds: Mapping[str, str]
) -> Limit | Order:
    strict = "=" not in sign
    low, high = (left, right) if sign.startswith("<") else (right, left)
    if low.column is None and high.column is None:
        raise UsageError(f"{left.text!r} and {right.text!r} are both no column: name one")
    if low.column is None:
        return Limit(high.column, _value(low.text, columns[high.column], kinds), 1, strict)
    if high.column is None:
        return Limit(low.column, _value(high.text, columns[low.column], kinds), -1, strict)
    if low.column == high.column:
        raise UsageError(f"column {low.text!r} is compared with itself: name another, or a value")
    one, other = (_family(columns[term.column]) for term in (low, high))
    if one != other:
        raise UsageError(f"{low.text!r} holds {one} and {high.text!r} {other}: no order of them")
    return Order(low.column, high.column, strict)


def _family(column: NumberColumn) -> str:
    """What may be compared with each other."""
    if column.kind != "date":
        return "numbers"
    return "dates" if re.search("%-?[dj]", column.format or "") else "times of day"


def _value(text: str, column: NumberColumn, kinds: Mapping[str, str]) -> float:
    """A text as a value of a column."""
    try:
        return float(column.parse([text], np.array([True]), 1, "")[0])
    except DataError as error:
        hint = suggest(text, kinds, f"its format is {column.format}" if column.format else "")
        raise UsageError(
            f"{text!r} is no column, and no value of {column.name!r}, which is of kind "
            f"{column.kind}{hint}"
        ) from error


def check(texts: Sequence[str], columns: Sequence[Column], kinds: Mapping[str, str]) -> None:
    """Raise a UsageError for constraints that cannot be read, or go in a circle."""
    for _ in _growing(texts, columns, kinds):
        pass


def rules(texts: Sequence[str], columns: Sequence[Column], kinds: Mapping[str, str]) -> Rules:
    """What constraints mean for learned columns; a UsageError names the first that is wrong, or
    leaves no value inside the learned ranges."""
    found = Rules(tuple(columns))
    for text, parsed in zip(texts, _growing(texts, columns, kinds), strict=True):
        ranges = tuple(_range(one, columns) for one in parsed if isinstance(one, Limit))
        orders = tuple(one for one in parsed if isinstance(one, Order))
        found = Rules(found.columns, (*found.ranges, *ranges), (*found.orders, *orders))
        for c in found.impossible({}):
            raise UsageError(f"constraint {text!r}{_too_much(text, texts)} leaves no value "
                             f"to column {seen(columns[c])}")  # fmt: skip
    return found


def _growing(
    texts: Sequence[str], columns: Sequence[Column], kinds: Mapping[str, str]
) -> Iterator[Parsed]:
    """Each constraint parsed, as long as orders make no circle."""
    orders: list[Order] = []
    for text in texts:
        parsed = parse(text, columns, kinds)
        orders += [one for one in parsed if isinstance(one, Order)]
        try:
            _ = Rules(tuple(columns), (), tuple(orders)).in_order
        except CycleError as error:
            names = ", ".join(columns[c].name for c in error.args[1][1:])
            raise UsageError(
                f"constraint {text!r}{_too_much(text, texts)} is a circle of orders: {names}"
            ) from error
        yield parsed


def _too_much(text: str, texts: Sequence[str]) -> str:
    return "" if text == texts[0] else ", with those before it,"


def _range(limit: Limit, columns: Sequence[Column]) -> Range:
    """The part of the column's learned range that a limit leaves."""
    column = columns[limit.column]
    end = float(column.beyond(np.array([limit.value]), limit.side, limit.strict)[0])
    low, high = column.scale.knots[[0, -1]].tolist()
    return Range(limit.column, *((end, high) if limit.side > 0 else (low, end)))


def seen(column: NumberColumn) -> str:
    """A column's name and its learned range."""
    low, high = (text.strip() for text in column.text(column.scale.knots[[0, -1]]))
    return f"{column.name!r}, whose values are from {low} to {high}"
