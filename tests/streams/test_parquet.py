"""Parquet as a stream: types, holes and row groups."""

import pyarrow as pa
import pytest
from pyarrow import parquet

from mirctl import tables
from mirctl.errors import DataError
from streams.conftest import COLUMNS, at, cells, copied


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
