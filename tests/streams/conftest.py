"""Tables on disk, and streams copied from them and through pipes."""

import subprocess
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from pyarrow import parquet

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
