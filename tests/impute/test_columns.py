"""Text to values and back: every kind, in the column's own way of writing."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from mirctl.errors import DataError
from mirctl_impute import columns as kinds
from mirctl_impute.profile import Profile
from mirctl_impute.scale import KNOTS, Scale
from mirctl_impute.schema import MISSING
from mirctl_impute.stored import StoredColumn

MISSING_SET = frozenset(MISSING)


def learn(cells, kind=None):
    """A column learned from its cells, and their values."""
    profile = Profile("x")
    profile.update(1, cells, MISSING_SET)
    found = kind or profile.kind("table.csv")
    column = kinds.unlearned(profile, found, "table.csv")
    present = np.array([c is not None and c.strip() not in MISSING_SET for c in cells])
    values = column.parse(cells, present, 1, "table.csv")
    return kinds.learned(column, values[present]), values


@pytest.mark.parametrize(
    "cells",
    [
        ["1", "2", "30"],
        [" 1", " 2", " 30"],
        ["1.50", "2.25", "3.00"],
        ["38.5", "66", "7.25"],
        ["-0.5", "0.0", "0.5"],
        ["1e-05", "2.5", "3000000.0"],
        ["2020-02-29", "1903-01-01", "1969-12-31"],
        ["1969-12-31 23:59:59", "2001-01-01 00:00:00", "1970-01-01 00:00:01"],
        ["2020-01-01T10:00:00Z", "2020-01-02T10:30:00Z", "2020-01-01T00:00:00Z"],
        ["0117-01-01", "0028-08-22", "0999-12-31"],
        ["2020-01-01T10:00:00.123000Z", "2020-01-02T10:30:00.000000Z"],
        ["31.12.1950", "01.02.2003", "15.06.1999"],
        ["12:30", "00:00", "23:59"],
        ["1/2/2021", "12/30/2021", "3/15/2020"],
        ["1.2.2021 09:05", "12.10.2021 10:55", "3.11.2020 23:00"],
        ["1.2.2021 9:05", "12.10.2021 10:55", "3.11.2020 0:00"],
        ["9007199254740993", "9007199254740995", "9007199254740999"],
        ["red", " green", "blue "],
    ],
)
def test_what_was_read_is_written_the_same(cells):
    column, values = learn(cells)
    assert column.text(values) == cells


def test_numbers_between_are_put_on_the_grid_and_into_the_range():
    column, _ = learn(["0.5", "1.0", "4.5", "2.0"])
    assert column.text(np.array([0.7, 0.8, 99.0, -3.0])) == ["0.5", "1.0", "4.5", "0.5"]
    whole, _ = learn(["10", "30", "70", "20"])
    assert whole.text(np.array([44.0, 46.0])) == ["40", "50"]


def test_days_stay_days():
    column, _ = learn(["2020-01-01", "2020-01-03", "2021-05-06"])
    noon = column.scale.knots[0] + 1.4 * 86400
    assert column.text(np.array([noon])) == ["2020-01-02"]


def test_an_unseen_category_is_unknown_and_a_word_among_numbers_an_error():
    column, _ = learn(["a", "b", "c", "a"])
    assert np.isnan(column.parse(["zebra"], np.array([True]), 1, "t.csv")[0])
    number, _ = learn(["1", "2", "5"])
    with pytest.raises(DataError, match="'many'") as error:
        number.parse(["1", "many"], np.array([True, True]), 11, "t.csv")
    assert error.value.where == "t.csv, row 12"
    for cell in ("inf", "nan", "1e999"):
        with pytest.raises(DataError):
            learn(["1.5", "2", "5"])[0].parse([cell], np.array([True]), 1, "t.csv")


@given(st.lists(st.integers(-(10**6), 10**6), min_size=3, max_size=60), st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_every_score_becomes_a_value_of_the_grid_inside_the_range(numbers, places):
    cells = [f"{n / 10**places:.{places}f}" for n in [*numbers, 0, 1, 2]]
    column, values = learn(cells, kinds.ColumnKind(kind="number"))
    scores = np.linspace(-6, 6, 41)
    texts = column.text(column.scale.decode(scores))
    units = [round(float(t) * 10**places) for t in texts]
    step = int(np.gcd.reduce(np.array([*numbers, 0, 1, 2]) - min(*numbers, 0)))
    assert all((u - min(*numbers, 0)) % step == 0 for u in units)
    assert all(values.min() - 1e-9 <= float(t) <= values.max() + 1e-9 for t in texts)
    assert all(len(t.partition(".")[2]) == places for t in texts)


def test_scores_are_mid_ranks_and_ties_share_one():
    scale = Scale.of(np.array([5.0, 1.0, 1.0, 1.0]))
    assert scale.encode(np.array([1.0, 5.0])) == pytest.approx([-0.3186, 1.1503], abs=1e-4)
    assert scale.decode(np.array([-9.0, 0.0, 9.0])).tolist() == [1.0, 1.0, 5.0]


@given(st.lists(st.integers(0, 9), min_size=2, max_size=80), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_a_value_owns_all_of_its_ranks(numbers, share):
    values = np.array(numbers, float)
    scale = Scale.of(values)
    inside = 0.001 + 0.998 * share
    assert scale.decode(scale.encode(values, inside)).tolist() == numbers


def test_learned_scores_are_normal_and_drawn_ones_give_each_value_its_share():
    rng = np.random.default_rng(0)
    values = rng.choice([0.0, 38.0, 39.0, 40.0, 60.0], 20_000, p=[0.3, 0.1, 0.01, 0.5, 0.09])
    scale = Scale.of(values)
    scores = scale.encode(values, rng.random(20_000))
    assert (scores.mean(), scores.std()) == pytest.approx((0, 1), abs=0.02)
    drawn = scale.decode(rng.normal(size=20_000))
    for value in (0.0, 38.0, 39.0, 40.0, 60.0):
        assert (drawn == value).mean() == pytest.approx((values == value).mean(), abs=0.01)


def test_a_long_column_keeps_no_more_than_its_quantiles():
    values = np.random.default_rng(0).exponential(size=50_000)
    scale = Scale.of(values)
    assert len(scale.knots) <= KNOTS
    scores = scale.encode(values)
    assert scores.std() == pytest.approx(1, abs=0.02)
    assert np.abs(scale.decode(scores) - values).max() < 0.02 * values.max()


def test_json_keeps_a_column():
    for cells in (["1.5", "2", "8"], ["a", "b", "a"], ["2020-01-01", "2020-02-01", "2021-01-01"]):
        column, values = learn(cells)
        stored = TypeAdapter(StoredColumn).validate_python(kinds.to_json(column))
        again = stored.column()
        assert again.text(values) == cells


@given(st.dates(date(1000, 1, 1), date(9999, 12, 31)), st.integers(0, 86399))
@settings(max_examples=40, deadline=None)
def test_dates_of_any_century_come_back(day, second):
    cells = [day.isoformat(), (day - timedelta(days=1) if day.year > 1000 else day).isoformat()]
    column, values = learn(cells, kinds.ColumnKind(kind="date", format="%Y-%m-%d"))
    assert column.text(values) == cells


def test_dates_of_which_one_is_padded_are_written_padded():
    column, values = learn(["01.2.2021", "12.10.2021", "30.11.2020"])
    assert column.text(values) == ["01.02.2021", "12.10.2021", "30.11.2020"]
    own, values = learn(["1/2/21", "12/3/21"], kinds.ColumnKind(kind="date", format="%d/%m/%y"))
    assert own.text(values) == ["01/02/21", "12/03/21"]


def test_an_exponent_does_not_make_the_other_numbers_long():
    column, _ = learn(["12", "1e5", "37", "250"])
    assert column.text(np.array([123.456, 41.0, 1234.5, 1e5, 1e9])) == [
        "123", "41", "1230", "100000", "100000",
    ]  # fmt: skip
    small, _ = learn(["1.5e-8", "2.25e-8", "0.75"])
    texts = small.text(np.array([1.23456e-8 * 1.5, 0.123456]))
    assert texts == ["1.85e-08", "0.123"]
    assert small.written(np.array([0.123456])) == 0.123
    above = small.beyond(np.array([0.123456, 1.85184e-8, 0.75]), 1, strict=True)
    assert above.tolist() == [0.124, 1.86e-8, np.inf]
