"""Which kind a column is taken for, and what is refused."""

import pytest

from mirctl.errors import DataError, UsageError
from mirctl.tables import open_stream
from mirctl_impute.profile import MOST_COLUMNS, Profile, look
from mirctl_impute.schema import MISSING, Schema, dump, read


def kind(name, cells):
    profile = Profile(name)
    half = len(cells) // 2
    profile.update(1, cells[:half], frozenset(MISSING))
    profile.update(1 + half, cells[half:], frozenset(MISSING))
    return profile.kind("t.csv").kind


MANY = range(60)


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("age", [str(i % 50) for i in MANY], "integer"),
        ("age", [f" {i % 50}" for i in MANY], "integer"),
        ("x", [f"{i % 50}.5" for i in MANY], "number"),
        ("x", ["1e3", "-.5", "+7", "2."] * 9, "number"),
        ("flag", ["0", "1"] * 30, "boolean"),
        ("flag", ["yes", "no", "?"] * 30, "boolean"),
        ("colour", ["red", "green", "blue"] * 9, "category"),
        ("code", ["007", "012", "113"] * 9, "category"),
        ("city", [f"city {i % 25}" for i in range(80)], "category"),
        ("when", [f"2020-01-{i % 28 + 1:02}" for i in MANY], "date"),
        ("when", [f"{i % 28 + 1:02}.01.1950" for i in MANY], "date"),
        ("same", ["7"] * 9, "constant"),
        ("none", ["", "NA", " ? ", None] * 5, "empty"),
        ("user_id", [str(7 * i % 61) for i in MANY], "id"),
        ("userId", [str(7 * i % 61) for i in MANY], "id"),
        ("humid", [str(7 * i % 61) for i in MANY], "integer"),
        ("row", [str(i) for i in MANY], "id"),
        ("year", [str(1900 + i) for i in MANY], "integer"),
        ("key", [f"k{i}" for i in MANY], "id"),
        ("note", [f"it was number {i} that day" for i in MANY], "text"),
    ],
)
def test_kinds_are_inferred(name, cells, expected):
    assert kind(name, cells) == expected


def table(tmp_path, text, name="t.csv"):
    path = tmp_path / name
    path.write_text(text)
    return open_stream(path)


def test_a_word_among_numbers_is_named_with_its_row(tmp_path):
    rows = "".join(f"{i % 30},a\n" for i in range(100))
    stream = table(tmp_path, "age,b\n" + rows + "old,a\n" + rows)
    with pytest.raises(DataError, match=r"'age' has 'old' where 200 of its 201") as error:
        look(stream, Schema())
    assert error.value.where.endswith("t.csv, row 101")
    looked = look(stream, Schema(missing=("old",)))
    assert looked.kinds["age"].kind == "integer"


@pytest.mark.parametrize("odd", ["inf", "-Infinity", "12,5", "1_000", "0x1F"])
def test_what_is_no_plain_number_is_refused(tmp_path, odd):
    rows = "".join(f"{i / 8},a\n" for i in range(100))
    stream = table(tmp_path, f'x,b\n{rows}"{odd}",a\n')
    with pytest.raises(DataError, match="where 100 of its 101 cells"):
        look(stream, Schema())


def test_no_rows_and_too_many_columns_are_refused(tmp_path):
    with pytest.raises(DataError, match="no rows"):
        look(table(tmp_path, "a,b\n"), Schema())
    wide = ",".join(f"c{i}" for i in range(5000))
    with pytest.raises(DataError, match=f"5,000 columns.* {MOST_COLUMNS:,} "):
        look(table(tmp_path, wide + "\n"), Schema())


def test_the_users_word_counts_if_the_cells_allow_it(tmp_path):
    stream = table(tmp_path, "grade,day\n" + "".join(f"{i % 4},0{i % 9}/1999\n" for i in range(60)))
    path = tmp_path / "schema.yaml"
    path.write_text("columns:\n  grade: category\n  day: {kind: date, format: '%m/%Y'}\n")
    looked = look(stream, read(path))
    assert looked.kinds["grade"].kind == "category"
    assert looked.kinds["day"].format == "%m/%Y"
    again = tmp_path / "again.yaml"
    again.write_text(dump(Schema(columns=looked.columns())))
    assert look(stream, read(again)).kinds == looked.kinds
    with pytest.raises(UsageError, match="did you mean 'grade'"):
        look(stream, Schema(columns={"grad": "integer"}))
    with pytest.raises(DataError, match="no constant"):
        look(stream, Schema(columns={"grade": "constant"}))
    with pytest.raises(DataError, match="no known format"):
        look(stream, Schema(columns={"day": "date"}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("columns: {a: whole}", "columns.a"),
        ("columns: {a: {kind: number, format: '%Y'}}", "format is for dates"),
        ("colums: {}", "did you mean 'columns'"),
        ("[1, 2]", "mapping"),
    ],
)
def test_a_wrong_schema_says_where(tmp_path, text, message):
    path = tmp_path / "schema.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        read(path)
