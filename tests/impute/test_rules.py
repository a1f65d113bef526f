"""Rules of random columns, ranges and orders, against every row that there is."""

from decimal import Decimal
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirctl.errors import UsageError
from mirctl_impute import columns as kinds
from mirctl_impute import constraints
from mirctl_impute.profile import Profile
from mirctl_impute.schema import MISSING

COMPARE = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def column(name, cells):
    """A column learned from cells that are all there."""
    profile = Profile(name)
    profile.update(1, cells, frozenset(MISSING))
    kind = profile.kind("t.csv")
    found = kinds.unlearned(profile, kind, "t.csv")
    return kinds.learned(found, found.parse(cells, np.ones(len(cells), bool), 1, "t.csv"))


GRIDS = (
    ["0", "3", "6", "9"],
    ["2", "3", "4", "5", "6", "7"],
    ["0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "3.5"],
    ["0.1", "0.2", "0.3", "0.7"],
    ["5", "15", "10"],
    [str(2**60 + n) for n in (1, 4, 7, 10)],
    [str(2**60 + n) for n in (8, 3, 5)],
)


def legal(column):
    """Every text that the column can write."""
    low, high = column.scale.knots[[0, -1]]
    count = round((high - low) / column.step)
    return sorted(set(column.text(low + np.arange(count + 1) * column.step)), key=Decimal)


@st.composite
def cases(draw):
    """Columns, constraints between them that make no circle, observed cells, and drawn ones."""
    grids = draw(st.lists(st.sampled_from(GRIDS), min_size=2, max_size=4))
    columns = [column("abcd"[i], cells) for i, cells in enumerate(grids)]
    order = draw(st.permutations(range(len(columns))))
    texts = []
    for _ in range(draw(st.integers(1, 4))):
        i, j = sorted(draw(st.permutations(range(len(columns))))[:2])
        sign = draw(st.sampled_from(["<", "<="]))
        turned = {"<": ">", "<=": ">="}[sign]
        low, high = columns[order[i]].name, columns[order[j]].name
        texts.append(draw(st.sampled_from([f"{low} {sign} {high}", f"{high} {turned} {low}"])))
    if draw(st.booleans()):
        name = draw(st.sampled_from([c.name for c in columns]))
        texts.append(f"{name} {draw(st.sampled_from(list(COMPARE)))} {draw(st.integers(0, 8))}")
    cells = [draw(st.sampled_from(legal(c))) for c in columns]
    hidden = [draw(st.booleans()) for _ in columns]
    return columns, texts, cells, hidden


def keeps(texts, names, row):
    """Does a row of texts keep the constraints? Read from the constraints themselves."""
    values = dict(zip(names, map(Decimal, row), strict=True))
    for text in texts:
        low, sign, high = text.split()
        if not COMPARE[sign](*(values[x] if x in values else Decimal(x) for x in (low, high))):
            return False
    return True


@settings(max_examples=150, deadline=None)
@given(cases())
def test_every_row_that_can_keep_the_constraints_does_and_observed_cells_stay(case):
    columns, texts, cells, hidden = case
    names = [c.name for c in columns]
    ways = [
        legal(c) if gone else [cell] for c, cell, gone in zip(columns, cells, hidden, strict=True)
    ]
    possible = any(keeps(texts, names, row) for row in product(*ways))
    try:
        rules = constraints.rules(texts, columns, {c.name: c.kind for c in columns})
    except UsageError:
        everything = product(*map(legal, columns))
        assert not any(keeps(texts, names, row) for row in everything)
        return
    present = np.array([True])
    values = np.array(
        [[c.parse([x], present, 1, "")[0] for c, x in zip(columns, cells, strict=True)]]
    )
    mask = np.array([hidden])
    made = rules.repaired(rules.written(values, mask), mask)
    texts_made = [c.text(made[:, i])[0] for i, c in enumerate(columns)]
    assert all(
        new == old for new, old, gone in zip(texts_made, cells, hidden, strict=True) if not gone
    )
    assert all(new in legal(c) for new, c in zip(texts_made, columns, strict=True))
    assert keeps(texts, names, texts_made) == possible
    if keeps(texts, names, cells):
        assert texts_made == cells
    if possible:
        assert not rules.broken(made, mask).any()


def rules_of(texts, **cells):
    """Rules of columns learned from cells."""
    columns = [column(name, texts) for name, texts in cells.items()]
    return constraints.rules(texts, columns, {c.name: c.kind for c in columns})


def repaired(rules, row):
    """A row of texts, those in brackets hidden, once it is repaired."""
    hidden = np.array([[text.startswith("(") for text in row]])
    plain = [[text.strip("()")] for text in row]
    present = np.array([True])
    values = [c.parse(x, present, 1, "") for c, x in zip(rules.columns, plain, strict=True)]
    made = rules.repaired(rules.written(np.stack(values, 1), hidden), hidden)
    return [c.text(made[:, i])[0].strip() for i, c in enumerate(rules.columns)]


TENS = [str(10 * n) for n in range(11)]
UNITS = [str(n) for n in reversed(range(101))]  # that rise by one would be ids
DAYS = [f"2020-01-{n:02}" for n in range(1, 32)]
HOURS = [f"2020-01-{n:02} {n % 24:02}:00" for n in range(1, 32)]


def test_a_repair_goes_through_a_chain_and_stays_on_each_grid():
    rules = rules_of(["a < b <= c"], a=UNITS, b=TENS, c=UNITS)
    assert repaired(rules, ["35", "(10)", "(3)"]) == ["35", "40", "40"]
    assert repaired(rules, ["(90)", "(10)", "33"]) == ["29", "30", "33"]
    assert repaired(rules, ["(35)", "(40)", "(41)"]) == ["35", "40", "41"]


def test_what_observed_cells_leave_nothing_to_stays_and_the_rest_is_repaired():
    rules = rules_of(["a < b < c", "c <= d"], a=UNITS, b=UNITS, c=UNITS, d=UNITS)
    assert repaired(rules, ["50", "(7)", "50", "(20)"]) == ["50", "7", "50", "50"]
    assert repaired(rules, ["60", "(70)", "5", "9"]) == ["60", "70", "5", "9"]


def test_dates_of_two_formats_are_compared_as_times():
    rules = rules_of(["a < b", "2020-01-05 <= a"], a=DAYS, b=HOURS)
    assert repaired(rules, ["(2020-01-02)", "(2020-01-03 10:00)"]) == [
        "2020-01-05", "2020-01-05 01:00",
    ]  # fmt: skip


def test_large_whole_numbers_are_compared_to_their_last_digit():
    start = 2**60 + 1
    low, high = ([str(start + shift + n) for n in range(40)] for shift in (0, 3))
    rules = rules_of(["a < b"], a=low, b=high)
    assert {c.start for c in rules.columns} == {start, start + 3}
    assert repaired(rules, [str(start + 20), f"({start + 5})"]) == [low[20], str(start + 21)]
    assert repaired(rules, [f"({start + 9})", str(start + 9)]) == [str(start + 8), str(start + 9)]
    same = rules_of(["a <= b"], a=low, b=high)
    assert repaired(same, [f"({start + 9})", str(start + 9)]) == [str(start + 9)] * 2


def test_decimals_are_compared_as_they_are_written():
    tenths = [f"{n / 10:.1f}" for n in range(1, 100)]
    rules = rules_of(["a < b"], a=tenths, b=tenths)
    for n in range(1, 98):
        one = f"{n / 10:.1f}"
        assert repaired(rules, [one, f"({one})"]) == [one, f"{(n + 1) / 10:.1f}"]


def test_of_a_chain_without_its_middle_the_ends_are_left():
    rules = rules_of(["a <= b < c"], a=UNITS, b=UNITS, c=UNITS).without({1})
    assert repaired(rules, ["7", "1", "(3)"]) == ["7", "1", "8"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ["agee >= 0"],
            "constraint 'agee >= 0': the table has no column 'agee'; did you mean 'age'",
        ),
        (["a < bb < 3"], "'bb' is no column, and no value of 'a'"),
        (["a < name"], "column 'name' is of kind category"),
        (["a < day"], "'a' holds numbers and 'day' dates"),
        (["clock < day"], "'clock' holds times of day and 'day' dates"),
        (["day > 01.02.2020"], "no value of 'day', which is of kind date; its format is %Y-%m-%d"),
        (["a = 3"], "'=' is no order"),
        (["a"], "as in a <= b"),
        (["a <"], "as in a <= b"),
        ([""], "as in a <= b"),
        (["3 < 5"], "the table has no column '3'"),
        (["3 < 5 < a"], "'3' and '5' are both no column"),
        (["a < `a b"], "close the backticks"),
        (["a < `ag`"], "did you mean 'age'"),
        (["a < a"], "compared with itself"),
        (["a < age", "age <= b", "b < a"], "'b < a', with those before it, is a circle"),
        (["a > 100"], "leaves no value to column 'a', whose values are from 0 to 100"),
        (["a < b", "b <= 0"], "'b <= 0', with those before it, leaves no value"),
        (["3 < a < 4"], "leaves no value"),
    ],
)
def test_constraints_that_mean_nothing_are_refused(texts, message):
    columns = [column(name, UNITS) for name in ("a", "b", "age")]
    columns += [column("day", DAYS), column("clock", [f"{n:02}:30" for n in range(24)])]
    kind_of = {c.name: c.kind for c in columns} | {"name": "category"}
    with pytest.raises(UsageError) as told:
        constraints.rules(texts, columns, kind_of)
    assert message in str(told.value)


def test_names_may_hold_blanks_and_comparisons():
    rules = rules_of(
        ["`a<b` >= `unit price`", "unit price > 2"], **{"a<b": UNITS, "unit price": UNITS}
    )
    assert repaired(rules, ["(1)", "(1)"]) == ["3", "3"]


@pytest.mark.parametrize(
    "cells",
    [
        ["1.5e-8", "2.25e-3", "0.75", "0", "-3e2", "120"],
        ["0.12345678901234567", "0.7", "-2.25"],
        ["2020-01-01 10:00:00.25", "2020-01-01 10:00:00.125", "2020-03-01 10:00:00.5"],
    ],
)
def test_columns_without_a_grid_keep_orders_as_they_are_written(cells):
    rules = rules_of(["a < b <= c", "c > a"], a=cells, b=cells, c=cells)
    column, rng = rules.columns[0], np.random.default_rng(0)
    assert column.step is None
    low, high = column.scale.knots[[0, -1]]
    values = rng.uniform(low, high, (400, 3))
    values[::4] = values[::4, :1]  # equal before they are written
    values[1::4] *= 1e-5 ** rng.random((100, 3)) if low < 0 else 1
    hidden = np.ones(values.shape, bool)
    values[::3, 0], hidden[::3, 0] = column.written(values[::3, 0].clip(low, high)), False
    made = rules.repaired(rules.written(values, hidden), hidden)
    texts = [column.text(made[:, i]) for i in range(3)]
    a, b, c = (column.parse(one, np.ones(400, bool), 1, "") for one in texts)
    assert (a < b).all()
    assert (b <= c).all()
    assert (texts[0][::3] == np.array(column.text(values[::3, 0]))).all()
