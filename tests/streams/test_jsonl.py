"""JSONL as a stream: values change in place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirctl import tables
from mirctl.errors import DataError, UsageError
from streams.conftest import FAST, at, cells, copied, written


def test_jsonl_changes_the_filled_values_only(tmp_path):
    content = (
        b'\xef\xbb\xbf{"n":1.50, "t" : "\\u00e9", "b":true, "l": [1,  2]}\r\n\n'
        b'{"n":null, "t": null, "b": null, "l": null}\n'
        b' {"t": "x", "t": "y" } \n{}\n{"new": {"a": "}"}, "n": 12345678901234567890123} '
    )
    path = written(tmp_path, "t.jsonl", content)
    stream = tables.open_stream(path)
    assert stream.types == {
        "n": "number", "t": "text", "b": "bool", "l": "opaque", "new": "opaque",
    }  # fmt: skip
    assert cells(stream)["n"] == ["1.50", None, None, None, "12345678901234567890123"]
    assert cells(stream)["t"] == ["é", None, "y", None, None]
    assert cells(stream)["b"] == ["true", None, None, None, None]
    for rows in (1, 2, 9):
        assert copied(stream, tmp_path / "o.jsonl", rows) == content
    with stream.writer(tmp_path / "o.jsonl") as writer:
        for block in stream.blocks(9):
            filled = {"n": {1: "2", 2: "3e1"}, "t": {1: 'é"', 2: "z", 3: "0"}, "b": {1: "True"}}
            writer.write(block, filled)
    lines = (tmp_path / "o.jsonl").read_bytes().decode("utf-8-sig").split("\n")
    assert lines[2] == '{"n":2, "t": "é\\"", "b": true, "l": null}'
    assert lines[3] == ' {"t": "x", "t": "z", "n": 3e1 } '
    assert lines[4] == '{"t": "0"}'
    before = content.decode("utf-8-sig").split("\n")
    assert (lines[0], lines[1], lines[5]) == (before[0], before[1], before[5])


def test_jsonl_knows_numbers_that_json_does_not(tmp_path):
    content = b'{"a": NaN, "b": -Infinity}\n{"a": 1e400, "b": 2}\n'
    stream = tables.open_stream(written(tmp_path, "t.jsonl", content))
    assert cells(stream) == {"a": [None, "1e400"], "b": ["-inf", "2"]}
    assert copied(stream, tmp_path / "o.jsonl", 1) == content


def test_a_nested_value_among_numbers_is_no_hole(tmp_path):
    content = b'{"a": 1}\n' * 10_000 + b'{"a": {"x": 1.50}}'
    stream = tables.open_stream(written(tmp_path, "t.jsonl", content))
    assert cells(stream, 20_000)["a"][-1] == '{"x": 1.50}'


def test_half_characters_come_through(tmp_path):
    content = b'{"a": null, "b": "\\ud800"}'
    stream = tables.open_stream(written(tmp_path, "t.jsonl", content))
    filled = copied(stream, tmp_path / "o.jsonl", 1, at(1, "a", cells(stream)["b"][0]))
    assert filled == b'{"a": "\\ud800", "b": "\\ud800"}'


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_half_a_character_in_a_name_stays_jsonl(tmp_path, suffix):
    content = b'{"\\ud83d": 1}\n'
    stream = tables.open_stream(written(tmp_path, "t.jsonl", content))
    assert copied(stream, tmp_path / "o.jsonl", 1) == content
    with (
        pytest.raises(UsageError, match="half of a character, which only jsonl can keep"),
        stream.writer(tmp_path / f"o.{suffix}"),
    ):
        pass


def test_jsonl_takes_new_columns(tmp_path):
    stream = tables.open_stream(written(tmp_path, "t.jsonl", b'{"a": 1}\n{}'))
    types = {"draw": "number"}
    with stream.writer(tmp_path / "o.jsonl", before=["draw"], after=["p"], types=types) as w:
        for block in stream.blocks(9):
            w.write(block, {}, {"draw": ["1", "1"], "p": ["x", None]})
            w.write(block, {}, {"draw": ["2", "2"], "p": ["x", None]})
    assert (tmp_path / "o.jsonl").read_text() == "\n".join([
        '{"draw": 1, "a": 1, "p": "x"}', '{"draw": 1, "p": null}',
        '{"draw": 2, "a": 1, "p": "x"}', '{"draw": 2, "p": null}',
    ])  # fmt: skip


TEXT = st.text(st.sampled_from('a"\\{}[],:é日\n'), max_size=4)
SIMPLE = st.none() | st.booleans() | st.integers() | TEXT | st.sampled_from([0.1, -1e300, 5e-324])
JSON = SIMPLE | st.lists(SIMPLE, max_size=2) | st.dictionaries(TEXT, SIMPLE, max_size=2)


@FAST
@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), JSON), min_size=1, max_size=4),
    st.sampled_from([None, 1]), st.booleans(), st.integers(1, 4),
)  # fmt: skip
def test_any_jsonl_is_copied_and_filled(tmp_path, rows, indent, ascii_only, size):
    separators = (",", ":") if indent else None
    lines = [json.dumps(r, ensure_ascii=ascii_only, separators=separators) for r in rows]
    content = "\n".join(lines).encode()
    stream = tables.open_stream(written(tmp_path, "t.jsonl", content))
    assert copied(stream, tmp_path / "o.jsonl", size) == content
    for name, kind in stream.types.items():
        if kind == "text":
            out = copied(stream, tmp_path / "o.jsonl", size, at(1, name, "new"))
            got = [json.loads(line) for line in out.decode().split("\n")]
            assert got == [{**rows[0], name: "new"}, *rows[1:]]


@pytest.mark.parametrize(("column", "text"), [("n", "many"), ("b", "maybe"), ("l", "[1]")])
def test_jsonl_refuses_what_a_column_does_not_hold(tmp_path, column, text):
    stream = tables.open_stream(written(tmp_path, "t.jsonl", b'{"n": 1, "b": true, "l": []}\n{}'))
    with pytest.raises(DataError, match=f"row 2: .*{column!r}"):
        copied(stream, tmp_path / "o.jsonl", 1, at(2, column, text))
