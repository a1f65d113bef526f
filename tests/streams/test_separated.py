"""CSV and TSV as streams: every byte that is not filled stays."""

import csv
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirctl import tables
from mirctl.errors import DataError
from mirctl.tables import stream_records
from streams.conftest import FAST, at, cells, copied, written

ANY = st.text(st.sampled_from('ab, \t"\n\ré日\x0b\u2028'), max_size=5)
END = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def separated(draw):
    """The text of a CSV table, its columns, its rows of cells, and its fields as written."""
    width = draw(st.integers(2, 4))
    ends = draw(st.one_of(END.map(lambda end: [end]), st.just(["\n", "\r\n", "\r"])))
    text = draw(st.sampled_from(["", "\ufeff"])) + draw(st.sampled_from(["", "\n\n"]))
    names = [f"c{i}" for i in range(width)]
    text += ",".join(names) + draw(st.sampled_from(ends))
    rows, lines = [], []
    for _ in range(draw(st.integers(0, 6))):
        values, fields = [], []
        for _ in range(width):
            value = draw(ANY)
            quote = draw(st.booleans()) or any(mark in value for mark in ',"\r\n')
            values.append(value)
            fields.append('"' + value.replace('"', '""') + '"' if quote else value)
        rows.append(values)
        blank = draw(st.sampled_from(["", "", "", "\n", "\r\n\n"]))
        lines.append([blank, fields, draw(st.sampled_from(ends))])
    if lines and draw(st.booleans()):
        lines[-1][2] = ""
    # A lone carriage return and the line feed of a blank line would be one ending.
    for above, below in itertools.pairwise(lines):
        if above[2] == "\r" and below[0].startswith("\n"):
            below[0] = ""
    if lines and text.endswith("\r"):
        lines[0][0] = ""
    return text, names, rows, lines


def text_of(start, lines):
    return start + "".join(blank + ",".join(fields) + end for blank, fields, end in lines)


@FAST
@given(table=separated(), rows=st.integers(1, 7))
def test_a_csv_comes_out_byte_for_byte(tmp_path, table, rows):
    start, names, values, lines = table
    content = text_of(start, lines).encode()
    stream = tables.open_stream(written(tmp_path, "t.csv", content))
    assert copied(stream, tmp_path / "o.csv", rows) == content
    assert stream.columns == names
    assert cells(stream, rows) == {name: [row[i] for row in values] for i, name in enumerate(names)}


@FAST
@given(table=separated(), rows=st.integers(1, 7), value=ANY, data=st.data())
def test_filling_one_cell_changes_that_field_only(tmp_path, table, rows, value, data):
    start, names, _, lines = table
    if not lines:
        return
    row = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(0, len(names) - 1))
    stream = tables.open_stream(written(tmp_path, "t.csv", text_of(start, lines)))
    filled = copied(stream, tmp_path / "o.csv", rows, at(row + 1, names[column], value))
    quoted = any(mark in value for mark in ',"\r\n')
    lines[row][1][column] = '"' + value.replace('"', '""') + '"' if quoted else value
    assert filled == text_of(start, lines).encode()


@FAST
@given(st.lists(st.text(st.sampled_from('ab,"'), max_size=8), min_size=1, max_size=4))
def test_odd_quotation_marks_are_read_as_csv_readers_read_them(rows):
    dialect = stream_records.Dialect(",")
    for row in rows:
        match = dialect.start.fullmatch(row)
        try:
            expected = next(csv.reader([row + "\n"], strict=False))
        except csv.Error:
            expected = None
        if match is None:
            assert expected is None or expected[-1].endswith("\n")
        else:
            assert dialect.cells(row) == (expected or [""])
            assert ",".join(dialect.raw_fields(row)) == row


@FAST
@given(st.binary(max_size=60), st.integers(1, 3))
def test_any_bytes_are_copied_or_refused(tmp_path, noise, rows):
    content = b"a,b\n1,2\n" + noise
    path = written(tmp_path, "t.csv", content)
    try:
        copy = copied(tables.open_stream(path), tmp_path / "o.csv", rows)
    except DataError:
        return
    assert copy == content


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_chunks_may_end_anywhere(tmp_path, monkeypatch, chunk):
    content = '\ufeffa,b\r\n1,"x\r\ny ""é"""\r\r\n日,2\n\n3,"4'.encode() + b'"\r'
    path = written(tmp_path, "t.csv", content)
    monkeypatch.setattr("mirctl.tables.stream_ends.CHUNK_BYTES", chunk)
    stream = tables.open_stream(path)
    assert copied(stream, tmp_path / "o.csv", 2) == content
    assert cells(stream) == {"a": ["1", "日", "3"], "b": ['x\r\ny "é"', "2", "4"]}


def test_a_table_of_one_column_has_empty_cells(tmp_path):
    content = b'a\n1\n\n""\n2\n\n'
    stream = tables.open_stream(written(tmp_path, "t.csv", content))
    assert cells(stream) == {"a": ["1", "", "", "2", ""]}
    assert copied(stream, tmp_path / "o.csv", 2) == content
    filled = copied(stream, tmp_path / "o.csv", 2, at(1, "a", ""))
    assert filled == b'a\n""\n\n""\n2\n\n'


def test_a_long_quoted_cell_is_read(tmp_path):
    content = b'a,b\n1,"' + b'x""\n' * 50_000 + b'"\n'
    stream = tables.open_stream(written(tmp_path, "t.csv", content))
    assert cells(stream) == {"a": ["1"], "b": ['x"\n' * 50_000]}
    assert copied(stream, tmp_path / "o.csv", 2) == content


def test_blanks_belong_to_a_cell(tmp_path):
    stream = tables.open_stream(written(tmp_path, "t.csv", b"a,b\n39, State-gov \n"))
    assert cells(stream)["b"] == [" State-gov "]


def test_columns_are_added_in_front_and_at_the_end(tmp_path):
    path = written(tmp_path, "t.csv", b'\xef\xbb\xbfa,"b"\r\n1,"2"\r\n3,4')
    stream = tables.open_stream(path)
    with stream.writer(tmp_path / "o.csv", before=["draw"], after=["p,q"]) as writer:
        for block in stream.blocks(5):
            for draw in "12":
                added = {"draw": [draw] * 2, "p,q": [None, "x,y"]}
                writer.write(block, {"b": {1: draw}}, added)
    assert (tmp_path / "o.csv").read_bytes() == (
        b'\xef\xbb\xbfdraw,a,"b","p,q"\r\n1,1,"2",\r\n1,3,1,"x,y"\r\n2,1,"2",\r\n2,3,2,"x,y"'
    )


def test_a_table_without_a_header_is_given_names(tmp_path):
    content = b"\xef\xbb\xbf1\t2\n\n3\t4"
    stream = tables.open_stream(written(tmp_path, "t.tsv", content), names=["x", "y"])
    assert cells(stream) == {"x": ["1", "3"], "y": ["2", "4"]}
    assert copied(stream, tmp_path / "o.tsv", 1) == content


@pytest.mark.parametrize("content", [b"a,b", b"a,b\n", b"\n a,b\r\n\r\n"])
def test_a_header_alone_is_a_table_without_rows(tmp_path, content):
    stream = tables.open_stream(written(tmp_path, "t.csv", content))
    assert list(stream.blocks(3)) == []
    assert copied(stream, tmp_path / "o.csv", 3) == content


def test_a_carriage_return_alone_ends_a_row(tmp_path):
    content = b"a,b\r1,\r\r3,4"
    stream = tables.open_stream(written(tmp_path, "t.csv", content))
    assert copied(stream, tmp_path / "o.csv", 1) == content
    assert copied(stream, tmp_path / "o.csv", 1, at(1, "b", "2")) == b"a,b\r1,2\r\r3,4"


def test_a_block_of_no_rows_is_refused(tmp_path, typed):
    for path in (typed, written(tmp_path, "t.csv", b"a,b\n1,2\n")):
        with pytest.raises(ValueError, match="1 or more"):
            next(tables.open_stream(path).blocks(0))
