"""`column=value`: who may be found."""

import pyarrow as pa
import pytest

from mirctl.errors import DataError, UsageError
from mirctl_fuse.index.filtering import allowed

ITEMS = pa.table(
    {
        "item_id": ["a", "b", "c", "d"],
        "year": pa.array([1999, 2000, None, 2000]),
        "price": [1.5, 2.0, 2.5, None],
        "new": [True, False, True, None],
        "genres": [["war", "drama"], [], None, ["war"]],
        "place": pa.array(["x=y", "z", "z", "x"]).dictionary_encode(),
        "empty": pa.nulls(4),
    }
)


@pytest.mark.parametrize(
    ("conditions", "kept"),
    [
        ([], "abcd"),
        (["year=2000"], "bd"),
        (["price=2"], "b"),
        (["new=true"], "ac"),
        (["genres=war"], "ad"),
        (["genres=drama", "genres=war"], "ad"),
        (["genres=war", "year=2000"], "d"),
        (["place=x=y"], "a"),
        (["place=z", "place=x"], "bcd"),
        (["item_id=c"], "c"),
    ],
)
def test_a_filter_keeps_who_has_the_value(conditions, kept):
    mask = allowed(ITEMS, conditions).tolist()
    assert "".join(name for name, is_in in zip("abcd", mask, strict=True) if is_in) == kept


def test_a_table_in_pieces_is_filtered_as_a_whole():
    pieces = pa.concat_tables([ITEMS[:1], ITEMS[1:3], ITEMS[3:]])
    for condition in ("genres=war", "place=x", "year=2000"):
        assert allowed(pieces, [condition]).tolist() == allowed(ITEMS, [condition]).tolist()


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("year", "write COLUMN=VALUE"),
        ("yaer=2000", "did you mean 'year'"),
        ("year=now", "the column holds int64"),
        ("genre=war", "did you mean 'genres'"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(condition, problem):
    with pytest.raises(UsageError, match=problem):
        allowed(ITEMS, [condition])


@pytest.mark.parametrize("condition", ["year=1", "empty=1", "place=nowhere"])
def test_a_filter_that_leaves_nothing_is_refused(condition):
    with pytest.raises(DataError, match="nothing is left"):
        allowed(ITEMS, [condition])
