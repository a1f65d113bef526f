import gzip
import io
import json
import os

import pyarrow as pa
import pytest
from pyarrow import parquet

from mirctl import tables
from mirctl.errors import DataError, UsageError

ROWS = [{"id": "007", "title": 'a "quoted",\nline'}, {"id": "1", "title": "日本 \x00 ok"}]


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.parquet"])
def test_every_format_gives_back_what_was_written(tmp_path, name):
    assert tables.write_rows(tmp_path / name, ROWS) == 2
    assert tables.read_table(tmp_path / name).to_pylist() == ROWS


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.parquet"])
def test_a_table_is_written_in_every_format(tmp_path, name):
    tables.write_table(tmp_path / name, pa.Table.from_pylist(ROWS))
    assert tables.read_table(tmp_path / name).to_pylist() == ROWS


def test_csv_text_is_never_guessed_into_numbers(tmp_path):
    path = written(tmp_path, "t.csv", "a,b\n007,1.0\n,NA\n")
    rows = tables.read_table(path).to_pylist()
    assert rows == [{"a": "007", "b": "1.0"}, {"a": "", "b": "NA"}]


def test_only_the_columns_asked_for_are_read(tmp_path):
    path = written(tmp_path, "t.csv", "a,b\n1,2\n")
    assert tables.read_table(path, ["b"]).column_names == ["b"]


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"\n\n", b""])
def test_a_byte_order_mark_and_blank_lines_are_no_data(tmp_path, start):
    path = written(tmp_path, "t.csv", start + b"a,b\r\n1,2\r\n")
    assert tables.read_table(path).to_pylist() == [{"a": "1", "b": "2"}]


def test_a_gzipped_table_is_unpacked(tmp_path):
    path = written(tmp_path, "t.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0))
    assert tables.read_table(path).to_pylist() == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize("content", [b"a\tb\n1\t2\n", b"a,b\n1,2\n", b'{"a": "1", "b": "2"}\n'])
def test_stdin_is_read_by_what_it_holds(monkeypatch, content):
    stdin = io.TextIOWrapper(io.BytesIO(content))
    monkeypatch.setattr("sys.stdin", stdin)
    assert tables.read_table("-").to_pylist() == [{"a": "1", "b": "2"}]


def test_jsonl_keeps_dates_and_mixed_types_as_written(tmp_path):
    path = written(tmp_path, "t.jsonl", '{"a": "2020-01-01"}\n\n{"a": "2020-01-02", "b": 1}\n')
    assert tables.read_table(path)["a"].to_pylist() == ["2020-01-01", "2020-01-02"]
    path = written(tmp_path, "u.jsonl", '{"a": 1}\n{"a": "x"}\n{"a": null}\n')
    assert tables.read_table(path)["a"].to_pylist() == ["1", "x", None]


def test_jsonl_keeps_whole_numbers_beyond_64_bits(tmp_path):
    path = written(tmp_path, "t.jsonl", '{"a": 12345678901234567890123}\n')
    assert tables.read_table(path)["a"].to_pylist() == ["12345678901234567890123"]


def test_half_a_character_in_a_name_is_a_question_mark(tmp_path):
    path = written(tmp_path, "t.jsonl", '{"\\ud83d": 1}\n')
    assert tables.read_table(path).to_pylist() == [{"?": 1}]


@pytest.mark.parametrize("value", ['"' + "[" * 1000 + '"', "[" + ", ".join(["{}"] * 1000) + "]"])
def test_many_brackets_are_not_deep(tmp_path, value):
    path = written(tmp_path, "t.jsonl", f'{{"a": {value}}}\n')
    assert tables.read_table(path).to_pylist() == [{"a": json.loads(value)}]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
def test_a_header_without_a_line_end_has_no_rows(tmp_path, name):
    separator = {"t.csv": ",", "t.tsv": "\t"}[name]
    table = tables.read_table(written(tmp_path, name, f"a{separator}b"))
    assert (table.column_names, len(table)) == (["a", "b"], 0)


def test_a_name_that_is_not_utf_8_is_opened(tmp_path):
    path = written(tmp_path, os.fsdecode(b"t\xff.csv"), "a,b\n1,2\n")
    assert tables.read_table(path).to_pylist() == [{"a": "1", "b": "2"}]


def test_a_name_too_long_is_no_file():
    with pytest.raises(DataError, match="name too long"):
        tables.read_table("x" * 300)


def test_json_rows_give_line_numbers(tmp_path):
    path = written(tmp_path, "t.jsonl", '{"a": 1}\n\n{"a": [2]}\n')
    assert list(tables.json_rows(path)) == [(1, {"a": 1}), (3, {"a": [2]})]


def test_a_100_kb_cell_is_read(tmp_path):
    path = written(tmp_path, "t.csv", f"a,b\n1,{'x' * 100_000}\n")
    assert len(tables.read_table(path)["b"][0].as_py()) == 100_000


BAD = [
    ("t.csv", b"", "is empty"),
    ("t.csv", b" \n\n", "is empty"),
    ("t.csv", b"\xff\xfea\x00,\x00", "UTF-16"),
    ("t.csv", bytes(range(256)) * 20, "binary data"),
    ("t.csv", b"a,b\n1,caf\xe9\n", r"byte 9 \(line 2\) is not UTF-8"),
    ("t.csv", b"a,b\n1,\xe2\x82", r"byte 6 \(line 2\) is not UTF-8"),
    ("t.csv", b"user;item\n1;2\n", "separated by a semicolon where a comma"),
    ("t.csv", b"user\titem\n1\t2\n", "separated by a tab where a comma"),
    ("t.tsv", b"user,item\n1,2\n", "separated by a comma where a tab"),
    ("t.csv", b"a,b\n1,2\n3\n4,5\n", r"row 2: has 1 column where 2 are expected: '3'"),
    ("t.csv", b"\n\na,b\n1,2\n3,4\n4,5,6\n", r"row 3: has 3 columns"),
    ("t.csv", b'a,b\n1,"open\n2,x\n', "never closes"),
    ("t.csv", b"\xef\xbb\xbf\n", "is empty"),
    ("t.csv", b"\x89PNG" + bytes(range(128, 256)) * 100, "byte 0 .* is not UTF-8"),
    ("t.csv", b"a,a\n1,2\n", "more than one column 'a': is the first line a header"),
    ("t.jsonl", b'{"a": 1}\n{"a": \n', "row 2: is not JSON"),
    ("t.jsonl", b"[1, 2]\n", "where a JSON object is expected"),
    ("t.jsonl", b'{"a": "\xff"}\n', "row 1: is not UTF-8"),
    ("t.parquet", b"PAR1 and then nothing", "cannot be read as Parquet"),
    ("t.csv.gz", b"not zipped", "cannot be read"),
    *((f"t.csv.{packed}", b"not packed", "cannot be read") for packed in ("zst", "bz2", "lz4")),
    ("t.bz2", b"not packed", "cannot be read"),
    ("t.csv.gz", gzip.compress(bytes(range(32, 127)) * 99, mtime=0)[:-9], "cannot be read"),
    ("t.csv", b"a," + b"x" * 300_000, "first row is longer than 256 kB"),
    ("t.csv", b'a,b\n1,2\n3,"' + b"\nx,y" * 5_000_000, "row 2: is longer than 8 MB"),
    ("t.csv", b"a,b\n1," + b"x" * 20_000_000, "row 1: is longer than 8 MB"),
    ("t.jsonl", b'{"a": 1}\n' * 999 + b'{"a": "\xff"}\n', "row 1000: is not UTF-8"),
    ("t.jsonl", b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "row 1: is nested more"),
    ("t.jsonl", b'{"b": 1}\n{"a": ' + b'{"a":' * 100_000 + b"\n", "row 2: is nested more"),
    ("t.jsonl", b'{"\\ud83d": 1, "\\ud83e": 2}\n', r"more than one column '\?'"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
def test_a_broken_table_says_what_is_wrong_and_where(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message) as caught:
        tables.read_table(written(tmp_path, name, content))
    assert name in str(caught.value)


def test_the_nearest_column_is_named(tmp_path):
    path = written(tmp_path, "t.csv", "user_id,itemid\n1,2\n")
    with pytest.raises(DataError, match="no column 'item_id'; did you mean 'itemid'"):
        tables.read_table(path, ["item_id"])


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_what_is_no_file_is_a_data_error(tmp_path, name):
    with pytest.raises(DataError, match=r"no such file|is a folder"):
        tables.read_table(tmp_path / name)


def test_rows_go_to_stdout_as_jsonl(capsys):
    tables.write_rows("-", [{"a": "é", "b": [1, 2]}])
    assert json.loads(capsys.readouterr().out) == {"a": "é", "b": [1, 2]}


def test_lists_do_not_fit_into_csv(tmp_path):
    with pytest.raises(UsageError, match=r"use \.jsonl"):
        tables.write_rows(tmp_path / "t.csv", [{"a": [1]}])
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_suffix_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UsageError, match=r"\.parquet"):
        tables.write_rows(tmp_path / "t.xls", ROWS)


def test_rows_that_fail_midway_leave_the_old_file(tmp_path):
    path = written(tmp_path, "t.jsonl", "old")

    def rows():
        yield {"a": 1}
        raise RuntimeError

    with pytest.raises(RuntimeError):
        tables.write_rows(path, rows())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_parquet_is_streamed_in_batches(tmp_path):
    count = tables.write_rows(tmp_path / "t.parquet", ({"a": n} for n in range(25_000)))
    assert count == 25_000
    assert parquet.ParquetFile(tmp_path / "t.parquet").num_row_groups == 3


def test_no_rows_make_an_empty_file(tmp_path):
    for name in ("t.csv", "t.jsonl", "t.parquet"):
        assert tables.write_rows(tmp_path / name, []) == 0
        assert (tmp_path / name).exists()


def test_a_parquet_column_may_be_empty_for_long(tmp_path):
    rows = [{"id": n, "title": None if n < 10_000 else "late"} for n in range(10_001)]
    assert tables.write_rows(tmp_path / "t.parquet", rows) == 10_001
    assert tables.read_table(tmp_path / "t.parquet")["title"][10_000].as_py() == "late"


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_a_table_without_rows_has_its_columns(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    assert tables.write_rows(path, [], ("id", "title")) == 0
    if suffix == "parquet":
        assert parquet.read_table(path).column_names == ["id", "title"]
    else:
        assert path.read_text() == {"csv": "id,title\n", "tsv": "id\ttitle\n"}[suffix]
