"""What a stream is read from: files, pipes, packed ones, and broken tables."""

import gzip
import io
import json
import os
import random
import subprocess
import sys
import threading
import tracemalloc

import pyarrow as pa
import pytest
from pyarrow import parquet

from mirctl import tables
from mirctl.errors import DataError, UsageError
from mirctl.tables import stream_records
from mirctl.tables.source import PACKED
from streams.conftest import cells, copied, written


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
    path = written(tmp_path, name, gzip.compress(content, mtime=0))
    packed = copied(tables.open_stream(path), tmp_path / f"o{name}", 3)
    assert gzip.decompress(packed) == content


NOISE = b"a,b\n" + random.Random(0).randbytes(50_000).hex().encode()
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
    ("t.csv", b"a,b\n1,2\n\n3\n4,5\n", r"row 2: has 1 column where 2 are expected: '3'"),
    ("t.csv", b'\n\na,b\n"1",2\n3,4\n4,5,6\n', r"row 3: has 3 columns"),
    ("t.csv", b'a,b\n1,2\n1,"open\n2,x\n', "row 2: .* in column 'b' and never closes"),
    ("t.csv", b'a,"b\n1,2\n', "header cannot be read: a quotation mark opens"),
    ("t.csv.gz", b"not zipped", "cannot be read"),
    ("t.csv.gz", gzip.compress(NOISE, mtime=0)[:-9000], "be read"),
    ("t.jsonl", b'{"a": 1}\n{"a": \n', "row 2: is not JSON"),
    ("t.jsonl", b"[1, 2]\n", "row 1: .* where a JSON object is expected"),
    ("t.jsonl", b'{"a": 1}\n{"a": "\xff"}\n', r"byte 16 \(line 2\) is not UTF-8"),
    ("t.jsonl", b'{"a": ' + b"[" * 100_000, "row 1: is nested more than 100 deep"),
    ("t.jsonl", b'{"a": 1}\n{"a": ' + b"[" * 300 + b"]" * 300 + b"}\n", "row 2: is nested more"),
    ("t.jsonl", b'{"b": 1}\n{"a": ' + b'{"a":' * 100_000, "row 2: is nested more"),
    *((f"t.csv.{packed}", b"not packed", "cannot be read") for packed in ("zst", "bz2", "lz4")),
    ("t.parquet.gz", gzip.compress(b"PAR1" * 9, mtime=0)[:-9], "cannot be read"),
    ("t.csv", b"a," + b"x" * 300_000, "first row is longer than 256 kB"),
    ("t.parquet", b"PAR1 and then nothing", "cannot be read as Parquet"),
]


NAMED = (".gz", ".tsv", ".zst", ".bz2", ".lz4")
"""Only a name tells what these are: nothing of the kind can come from stdin."""
UNNAMED = [bad for bad in BAD if not bad[0].endswith(NAMED) and not bad[1].startswith(b"[1")]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
def test_a_broken_table_says_what_is_wrong_and_where(tmp_path, name, content, message):
    path = written(tmp_path, name, content)
    with pytest.raises(DataError, match=message) as caught:
        list(tables.open_stream(path).blocks(100))
    assert name in str(caught.value)


@pytest.mark.parametrize(("name", "content", "message"), UNNAMED)
def test_a_broken_table_on_stdin_says_the_same(monkeypatch, name, content, message):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(DataError, match=message) as caught:
        list(tables.open_stream("-").blocks(100))
    assert "stdin" in str(caught.value)


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


@pytest.mark.parametrize("suffix", ["jsonl", "parquet", "csv"])
def test_a_column_comes_as_its_format_holds_it(tmp_path, suffix):
    rows = [{"a": "x", "l": [{"n": 1}]}, {"a": None, "l": []}]
    path = tmp_path / f"t.{suffix}"
    if suffix == "csv":
        path.write_text("a,l\nx,[1]\n,\n")
    elif suffix == "parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    stream = tables.open_stream(path)
    (block,) = stream.blocks(9)
    if suffix == "csv":
        assert stream.values(block, "l") == block.cells["l"]
    else:
        assert [stream.values(block, name) for name in "al"] == [["x", None], [[{"n": 1}], []]]
