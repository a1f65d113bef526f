import csv
import gzip
import io
import itertools
import json
import os
import subprocess
import sys
import threading
import tracemalloc
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from mirctl import tables
from mirctl.errors import DataError, UsageError
from mirctl.tables import stream_records
from mirctl.tables.source import PACKED

FAST = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def copied(stream, target, rows, fill=lambda block: {}, **added):
    with stream.writer(target) as writer:
        for block in stream.blocks(rows):
            writer.write(block, fill(block), **added)
    return target.read_bytes()


def at(row, column, text):
    """What fills one cell of a table, whatever block its row is in."""

    def fill(block):
        place = row - block.first
        return {column: {place: text}} if 0 <= place < len(block) else {}

    return fill


def cells(stream, rows=2):
    whole = {name: [] for name in stream.columns}
    for block in stream.blocks(rows):
        for name in stream.columns:
            whole[name] += block.cells[name]
    return whole


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


def test_an_error_on_the_way_leaves_the_old_file(tmp_path):
    path = written(tmp_path, "t.csv", b"a,b\n1,2\n3\n")
    old = written(tmp_path, "o.csv", b"old")
    with pytest.raises(DataError, match="row 2"):
        copied(tables.open_stream(path), old, 1)
    assert old.read_bytes() == b"old"
    assert sorted(tmp_path.iterdir()) == [old, path]


def test_the_file_that_is_read_may_be_written(tmp_path):
    path = written(tmp_path, "t.csv", b"a,b\n" + b"1,\n" * 1000)
    stream = tables.open_stream(path)
    copied(stream, path, 10, lambda block: {"b": {0: "x"}})
    assert path.read_bytes() == b"a,b\n" + (b"1,x\n" + b"1,\n" * 9) * 100
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["t.csv.gz", "t.jsonl.gz"])
def test_packed_tables_stay_packed(tmp_path, name):
    content = b"a,b\n1,2\n" if "csv" in name else b'{"a": 1}\n'
    path = written(tmp_path, name, gzip.compress(content))
    packed = copied(tables.open_stream(path), tmp_path / f"o{name}", 3)
    assert gzip.decompress(packed) == content


BAD = [
    ("t.csv", b"", "is empty"),
    ("t.csv", b" \n\n", "is empty"),
    ("t.csv", b"\xef\xbb\xbf\n", "is empty"),
    ("t.csv", b"\xff\xfea\x00,\x00", "UTF-16"),
    ("t.csv", bytes(range(256)) * 20, "binary data"),
    ("t.csv", b"a,b\n1,caf\xe9\n", r"byte 9 \(line 2\) is not UTF-8"),
    ("t.csv", b"a,b\n1,\xe2\x82", r"byte 6 \(line 2\) is not UTF-8"),
    ("t.csv", b"a,\xe9\n1,2\n", r"byte 2 \(line 1\) is not UTF-8"),
    ("t.csv", b"user;item\n1;2\n", "separated by a semicolon where a comma"),
    ("t.tsv", b"user,item\n1,2\n", "separated by a comma where a tab"),
    ("t.csv", b"a,a\n1,2\n", "more than one column 'a'"),
    ("t.csv", b"a,b\n1,2\n\n3\n4,5\n", r"row 2: has 1 columns where 2 are expected: '3'"),
    ("t.csv", b'\n\na,b\n"1",2\n3,4\n4,5,6\n', r"row 3: has 3 columns"),
    ("t.csv", b'a,b\n1,2\n1,"open\n2,x\n', "row 2: .* in column 'b' and never closes"),
    ("t.csv", b'a,"b\n1,2\n', "header cannot be read: a quotation mark opens"),
    ("t.csv.gz", b"not zipped", "cannot be read"),
    ("t.csv.gz", gzip.compress(b"a,b\n" + os.urandom(50_000).hex().encode())[:-9000], "be read"),
    ("t.jsonl", b'{"a": 1}\n{"a": \n', "row 2: is not JSON"),
    ("t.jsonl", b"[1, 2]\n", "row 1: .* where a JSON object is expected"),
    ("t.jsonl", b'{"a": 1}\n{"a": "\xff"}\n', r"byte 16 \(line 2\) is not UTF-8"),
    ("t.jsonl", b'{"a": ' + b"[" * 100_000, "row 1: is nested more than 100 deep"),
    ("t.jsonl", b'{"a": 1}\n{"a": ' + b"[" * 300 + b"]" * 300 + b"}\n", "row 2: is nested more"),
    ("t.jsonl", b'{"b": 1}\n{"a": ' + b'{"a":' * 100_000, "row 2: is nested more"),
    *((f"t.csv.{packed}", b"not packed", "cannot be read") for packed in ("zst", "bz2", "lz4")),
    ("t.parquet.gz", gzip.compress(b"PAR1" * 9)[:-9], "cannot be read"),
    ("t.csv", b"a," + b"x" * 300_000, "first row is longer than 256 kB"),
    ("t.parquet", b"PAR1 and then nothing", "cannot be read as Parquet"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
@pytest.mark.parametrize("from_stdin", [False, True])
def test_a_broken_table_says_what_is_wrong_and_where(
    tmp_path, monkeypatch, name, content, message, from_stdin
):
    path = written(tmp_path, name, content)
    if from_stdin:
        if name.endswith((".gz", ".tsv", ".zst", ".bz2", ".lz4")) or content.startswith(b"[1"):
            pytest.skip("only a name tells what this is")
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        path = "-"
    with pytest.raises(DataError, match=message) as caught:
        list(tables.open_stream(path).blocks(100))
    assert ("stdin" if from_stdin else name) in str(caught.value)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_name_that_is_not_utf_8_is_read_and_written(tmp_path, kind):
    source, target = (
        tmp_path / os.fsdecode(name + b"\xff.%b" % kind.encode()) for name in (b"s", b"t")
    )
    with tables.new_table(source, ["a"], {}) as table:
        table.write({"a": ["x", "y"]})
    copied(tables.open_stream(source), target, 1)
    assert cells(tables.open_stream(target)) == {"a": ["x", "y"]}


@pytest.mark.parametrize("codec", ["gz", "bz2", "zst", "lz4", "br"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_packed_tables_of_every_codec_are_read(tmp_path, kind, codec):
    with tables.new_table(tmp_path / f"t.{kind}", ["a"], {}) as table:
        table.write({"a": ["x", "y"]})
    path = tmp_path / f"t.{kind}.{codec}"
    with pa.CompressedOutputStream(str(path), PACKED[f".{codec}"]) as packed:
        packed.write((tmp_path / f"t.{kind}").read_bytes())
    assert cells(tables.open_stream(path)) == {"a": ["x", "y"]}


def test_packings_that_are_only_read_are_not_written(tmp_path):
    stream = tables.open_stream(written(tmp_path, "t.csv", "a\n1\n"))
    with pytest.raises(UsageError, match=r"\.zst is only read: end its name in \.gz"):
        stream.writer(tmp_path / "o.csv.zst")


def test_a_name_too_long_is_told(tmp_path):
    with pytest.raises(DataError, match="name too long"):
        tables.open_stream(tmp_path / ("x" * 300))
    with (
        pytest.raises(UsageError, match="name too long"),
        tables.new_table(tmp_path / ("x" * 300 + ".csv"), ["a"], {}),
    ):
        pass


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet", "pipe"])
def test_what_may_not_be_read_is_told(tmp_path, no_privileges, name):
    path = tmp_path / name
    os.mkfifo(path) if name == "pipe" else path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        tables.open_stream(path)
    if name == "pipe":
        with pytest.raises(UsageError, match="permissions"), tables.new_table(path, ["a"], {}):
            pass


@pytest.mark.parametrize("content", [b"PAR1 and then nothing", b"a,b\n1\n", b'{"a": [\n'])
@pytest.mark.parametrize("how", ["-", "file"])
def test_a_broken_table_ends_the_process_in_an_orderly_way(tmp_path, content, how):
    code = (
        "import sys\nfrom mirctl import errors, tables\n"
        "try: [*tables.open_stream(sys.argv[1]).blocks(9)]\n"
        "except errors.DataError: sys.exit(3)"
    )
    path = "-" if how == "-" else written(tmp_path, "table", content)
    ran = subprocess.run([sys.executable, "-c", code, path], input=content, capture_output=True)
    assert (ran.returncode, ran.stderr) == (3, b"")


def test_a_quotation_that_never_closes_is_not_read_to_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(stream_records, "LONGEST", 1000)
    monkeypatch.setattr("mirctl.tables.stream_ends.CHUNK_BYTES", 100)
    path = written(tmp_path, "t.csv", b'a,b\n1,2\n3,"x\n' + b"4,5\n" * 500 + b"\xff")
    with pytest.raises(DataError, match="row 2: a quotation mark opens in column 'b'"):
        list(tables.open_stream(path).blocks(1))


def test_repeated_columns_cannot_be_added(tmp_path):
    stream = tables.open_stream(written(tmp_path, "t.csv", b"a,b\n"))
    with (
        pytest.raises(DataError, match="more than one column 'a'"),
        stream.writer(tmp_path / "o.csv", before=["a"]),
    ):
        pass


def test_a_pipe_is_read_once(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n")))
    stream = tables.open_stream("-")
    assert len(list(stream.blocks(1))) == 1
    with pytest.raises(DataError, match="stdin: can be read only once"):
        list(stream.blocks(1))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_block_is_given_before_the_pipe_ends(tmp_path, kind):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    go_on = threading.Event()
    row = b"1,2\n" if kind == "csv" else b'{"a": 1, "b": 2}\n'

    def feed():
        with path.open("wb", buffering=0) as pipe:
            pipe.write((b"a,b\n" if kind == "csv" else b"") + row * 10_000)
            assert go_on.wait(20)
            pipe.write(row)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        blocks = tables.open_stream(path).blocks(10_000)
        assert len(next(blocks)) == 10_000
    finally:
        go_on.set()
        thread.join()
    assert [len(block) for block in blocks] == [1]


class Endless(io.RawIOBase):
    """The same rows over and over, up to a number of bytes."""

    def __init__(self, start, row, size):
        self.row, self.left = row * (65_536 // len(row)), size
        self.next = start or self.row

    def readable(self):
        return True

    def readinto(self, buffer):
        if self.left <= 0:
            return 0
        count = min(len(buffer), len(self.next))
        buffer[:count] = self.next[:count]
        self.next = self.next[count:] or self.row
        self.left -= count
        return count


@pytest.mark.parametrize("row", [b"1,2,3\n", b'1,"2\n",3\n', b'{"a": 1, "b": 2}\n'])
def test_memory_stays_flat(monkeypatch, tmp_path, row):
    def peak(size):
        start = b"" if row.startswith(b"{") else b"a,b,c\n"
        raw = io.BufferedReader(Endless(start, row, size))
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(raw))
        tracemalloc.start()
        stream = tables.open_stream("-")
        with stream.writer(tmp_path / "out") as writer:
            for block in stream.blocks(500):
                writer.write(block, {"b": {0: "9"}})
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    small, large = peak(250_000), peak(750_000)
    assert large < small * 1.2 + 100_000


def test_stdout_gets_the_bytes(tmp_path, capfdbinary):
    content = "\ufeffa,b\r\n1,é\r\n".encode()
    stream = tables.open_stream(written(tmp_path, "t.csv", content))
    with stream.writer("-") as writer:
        for block in stream.blocks(10):
            writer.write(block)
    assert capfdbinary.readouterr().out == content


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


COLUMNS = {
    "int": (pa.int32(), 1, "7", 7),
    "whole": (pa.int64(), 1, "7.0", 7),
    "float": (pa.float64(), 0.1, "2.5", 2.5),
    "half": (pa.float16(), 1.5, "2.5", 2.5),
    "bool": (pa.bool_(), False, "true", True),
    "text": (pa.string(), "a", "é", "é"),
    "large": (pa.large_string(), "a", "b", "b"),
    "code": (pa.dictionary(pa.int8(), pa.string()), "a", "new", "new"),
    "day": (pa.date32(), date(2020, 1, 2), "2021-03-04", date(2021, 3, 4)),
    "moment": (
        pa.timestamp("us"), datetime(2020, 1, 2), "2021-03-04 05:06:07",
        datetime(2021, 3, 4, 5, 6, 7),
    ),
    "money": (pa.decimal128(5, 2), Decimal("1.20"), "3.45", Decimal("3.45")),
    "clock": (pa.time64("us"), time(1, 2), "03:04:05", time(3, 4, 5)),
    "span": (pa.duration("us"), timedelta(1), "5", timedelta(microseconds=5)),
}  # fmt: skip


@pytest.fixture
def typed(tmp_path):
    """A Parquet table with a hole in row 2 of each column, and columns no text stands for."""
    arrays = {name: pa.array([v, None, v], kind) for name, (kind, v, _, _) in COLUMNS.items()}
    nested = {"list": [[1], None, [2, 3]], "bytes": [b"\xff", None, b""]}
    table = pa.table({**arrays, **nested}).replace_schema_metadata({"made": "here"})
    parquet.write_table(table, tmp_path / "t.parquet", compression="zstd", row_group_size=2)
    return tmp_path / "t.parquet"


@pytest.mark.parametrize("rows", [1, 2, 3, 10])
def test_parquet_comes_out_with_its_types_and_holes(typed, tmp_path, rows):
    stream = tables.open_stream(typed)
    copied(stream, tmp_path / "o.parquet", rows)
    old, new = parquet.ParquetFile(typed), parquet.ParquetFile(tmp_path / "o.parquet")
    with old, new:
        assert new.schema_arrow.equals(old.schema_arrow, check_metadata=True)
        assert new.read().to_pylist() == old.read().to_pylist()
        assert new.metadata.row_group(0).column(0).compression == "ZSTD"
    assert stream.types["list"] == stream.types["bytes"] == "opaque"
    assert [len(block) for block in stream.blocks(2)] == [2, 1]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_filled_cell_of_parquet_has_its_columns_type(typed, tmp_path, name):
    kind, _, text, value = COLUMNS[name]
    stream = tables.open_stream(typed)
    old = parquet.read_table(typed)
    for rows in (1, 3):
        copied(stream, tmp_path / "o.parquet", rows, at(2, name, text))
        new = parquet.read_table(tmp_path / "o.parquet")
        expected = old.to_pylist()
        expected[1][name] = value
        assert new.to_pylist() == expected
        assert new.schema.field(name).type == kind


@pytest.mark.parametrize("name", COLUMNS)
def test_a_cell_of_parquet_goes_back_as_it_is_read(typed, tmp_path, name):
    stream = tables.open_stream(typed)
    value = cells(stream)[name][0]
    copied(stream, tmp_path / "o.parquet", 3, at(2, name, value))
    column = parquet.read_table(tmp_path / "o.parquet")[name].to_pylist()
    assert column == [column[0]] * 3


def test_nan_is_a_hole_that_stays(tmp_path):
    parquet.write_table(pa.table({"a": [1.0, float("nan"), None]}), tmp_path / "t.parquet")
    stream = tables.open_stream(tmp_path / "t.parquet")
    assert cells(stream) == {"a": ["1", None, None]}
    copied(stream, tmp_path / "o.parquet", 2)
    column = parquet.read_table(tmp_path / "o.parquet")["a"]
    assert str(column[1]) == "nan"
    assert column.null_count == 1


def test_a_fill_that_parquet_cannot_hold_names_row_and_column(typed, tmp_path):
    with pytest.raises(DataError, match=r"row 2: '1.5' cannot stand in 'int', a column of int32"):
        copied(tables.open_stream(typed), tmp_path / "o.parquet", 1, at(2, "int", "1.5"))
    assert list(tmp_path.iterdir()) == [typed]


def test_row_groups_do_not_depend_on_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("mirctl.tables.stream_parquet.MOST_ROWS", 40)
    parquet.write_table(pa.table({"a": range(100)}), tmp_path / "t.parquet", row_group_size=30)
    stream = tables.open_stream(tmp_path / "t.parquet")
    copies = {copied(stream, tmp_path / "o.parquet", rows) for rows in (1, 7, 40, 41, 1000)}
    assert len(copies) == 1
    with parquet.ParquetFile(tmp_path / "o.parquet") as file:
        groups = range(file.num_row_groups)
        assert [file.metadata.row_group(i).num_rows for i in groups] == [40, 40, 20]
    assert [len(b) for b in stream.blocks(45)] == [45, 45, 10]


def test_links_and_devices_are_written_through(tmp_path):
    path = written(tmp_path, "t.csv", b"a,b\n1,2\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    copied(tables.open_stream(path), tmp_path / "link.csv", 1)
    assert (tmp_path / "real.csv").read_bytes() == b"a,b\n1,2\n"
    os.mkfifo(tmp_path / "pipe")
    got = []
    thread = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    thread.start()
    with tables.new_table(tmp_path / "pipe", ["a"], {}, kind="tsv") as table:
        table.write({"a": ["x"]})
    thread.join(20)
    assert got == [b"a\nx\n"]


SCRIPT = """
import sys
from mirctl import tables
stream = tables.open_stream("-")
with stream.writer("-") as writer:
    for block in stream.blocks(2):
        writer.write(block)
        if "fail" in sys.argv:
            raise SystemExit(7)
"""


def piped(content, *arguments):
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], input=content, capture_output=True
    )


def test_parquet_goes_through_pipes(typed):
    ran = piped(typed.read_bytes())
    assert ran.returncode == 0, ran.stderr.decode()
    copy = parquet.read_table(pa.BufferReader(ran.stdout))
    assert copy.to_pylist() == parquet.read_table(typed).to_pylist()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_behind_stdout_is_an_error():
    with open("/dev/full", "wb") as full:
        ran = subprocess.run(
            [sys.executable, "-c", SCRIPT], input=b"a,b\n1,2\n", stdout=full,
            stderr=subprocess.PIPE,
        )  # fmt: skip
    assert b"StdoutError: stdout: cannot be written" in ran.stderr


def test_half_a_table_on_stdout_is_no_parquet(typed):
    ran = piped(typed.read_bytes(), "fail")
    assert ran.returncode == 7
    assert ran.stdout in (b"", b"PAR1")
    assert ran.stderr == b""


def test_csv_needs_no_arrow_to_be_imported():
    code = "import sys; from mirctl import tables; print('pyarrow' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert ran.stdout.split() == [b"False"]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_new_tables_are_made_in_every_format(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    types = {"n": "number", "b": "bool", "d": "date32[day]"}
    with tables.new_table(path, ["n", "b", "d", "t"], types) as table:
        rows = {"n": ["1.5", None], "b": ["true", None], "t": ['a\t,"', ""]}
        table.write({**rows, "d": ["2020-01-02", None]})
        table.write({name: [] for name in rows} | {"d": []})
    got = tables.read_table(path).to_pylist()
    if suffix in ("csv", "tsv"):
        first = {"n": "1.5", "b": "true", "d": "2020-01-02", "t": 'a\t,"'}
        assert got == [first, {"n": "", "b": "", "d": "", "t": ""}]
    else:
        day = date(2020, 1, 2) if suffix == "parquet" else "2020-01-02"
        first = {"n": 1.5, "b": True, "d": day, "t": 'a\t,"'}
        assert got == [first, {"n": None, "b": None, "d": None, "t": ""}]


def test_a_new_table_on_stdout_is_of_the_kind_asked_for(capfdbinary):
    with tables.new_table("-", ["a"], {"a": "number"}, kind="jsonl") as table:
        table.write({"a": ["1"]})
    assert capfdbinary.readouterr().out == b'{"a": 1}\n'


def test_another_suffix_converts(tmp_path):
    stream = tables.open_stream(written(tmp_path, "t.csv", b'a,b\n1,"x,y"\n2,\n'))
    copied(stream, tmp_path / "o.tsv", 1, at(2, "b", "z"))
    assert (tmp_path / "o.tsv").read_text() == "a\tb\n1\tx,y\n2\tz\n"
    stream = tables.open_stream(written(tmp_path, "t.jsonl", b'{"a": 1, "b": null}\n'))
    copied(stream, tmp_path / "o.parquet", 1)
    assert parquet.read_table(tmp_path / "o.parquet").to_pylist() == [{"a": 1.0, "b": None}]


def test_what_a_format_cannot_hold_is_not_dropped(tmp_path, typed):
    with pytest.raises(UsageError, match=r"'list' is nested or binary.* write \.parquet"):
        copied(tables.open_stream(typed), tmp_path / "o.csv", 2)
    lines = b'{"a": 1}\n' * 10_000 + b'{"a": 1, "late": 2}\n'
    stream = tables.open_stream(written(tmp_path, "t.jsonl", lines))
    assert copied(stream, tmp_path / "o.jsonl", 3000) == lines
    with pytest.raises(DataError, match="the key 'late'"):
        copied(stream, tmp_path / "o.csv", 3000)


def test_names_are_for_tables_that_have_none(tmp_path, typed):
    with pytest.raises(UsageError, match="names its columns itself"):
        tables.open_stream(typed, names=["a"])
