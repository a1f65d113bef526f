"""Where streams are written: links, pipes, stdout, other formats, new tables."""

import os
import subprocess
import sys
import threading
from datetime import date

import pyarrow as pa
import pytest
from pyarrow import parquet

from mirctl import tables
from mirctl.errors import DataError, UsageError
from streams.conftest import SCRIPT, at, copied, piped, written


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


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet"])
@pytest.mark.parametrize("made_anew", [True, False])
def test_work_that_fails_before_its_first_row_leaves_stdout_empty(
    tmp_path, capfdbinary, name, made_anew
):
    with tables.new_table(tmp_path / name, ["a", "b"], {}) as table:
        table.write({"a": ["1"], "b": ["2"]})
    stream = tables.open_stream(tmp_path / name)
    opened = (
        tables.new_table("-", ["a"], {}, stream.kind)
        if made_anew
        else stream.writer("-", after=["c"], types={"c": "text"})
    )
    with pytest.raises(KeyError), opened:
        raise KeyError
    assert capfdbinary.readouterr().out == b""
