"""One's own vectors: in the order of items, or by their ids."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mirctl.errors import DataError
from mirctl_fuse import vectors

IDS = ["a", "b", "c"]
VALUES = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32)


def test_an_array_is_in_the_order_of_the_items(tmp_path):
    np.save(tmp_path / "v.npy", VALUES)
    states = vectors.read(tmp_path / "v.npy", IDS, "item_id")
    assert states.widths == (2,)
    assert states.gather(np.array([2, 0])).tolist() == [[5, 6], [1, 2]]


def test_several_layers_stand_behind_each_other(tmp_path):
    np.save(tmp_path / "v.npy", VALUES.reshape(3, 2, 1))
    states = vectors.read(tmp_path / "v.npy", IDS, "item_id")
    assert states.widths == (1, 1)
    assert states.gather(np.array([1])).tolist() == [[3, 4]]


def test_a_table_goes_by_ids_and_may_lack_some(tmp_path):
    table = pa.table({"item_id": ["c", "x", "a"], "v": [[5.0, 6.0], [0.0, 0.0], [1.0, 2.0]]})
    pq.write_table(table, tmp_path / "v.parquet")
    states = vectors.read(tmp_path / "v.parquet", IDS, "item_id")
    assert states.present().tolist() == [True, False, True]
    assert states.gather(np.array([0, 1, 2])).tolist() == [[1, 2], [0, 0], [5, 6]]
    assert states.absent == {"no vector": [1]}


def test_numbers_that_are_none_make_an_item_absent(tmp_path):
    values = VALUES.copy()
    values[0, 1], values[2, 0] = np.inf, np.nan
    np.save(tmp_path / "v.npy", values)
    assert vectors.read(tmp_path / "v.npy", IDS, "item_id").present().tolist() == [0, 1, 0]


def test_other_vectors_have_another_content(tmp_path):
    found = set()
    for name, values in (("one", VALUES), ("two", VALUES + 1), ("three", VALUES)):
        np.save(tmp_path / f"{name}.npy", values)
        found.add(vectors.read(tmp_path / f"{name}.npy", IDS, "item_id").content)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (VALUES[:2], "holds 2 rows, and there are 3 items"),
        (VALUES[0], r"\(items, width\)"),
        (np.array(["a", "b", "c"]), r"\(items, width\)"),
        (np.zeros((3, 0)), r"\(items, width\)"),
    ],
)
def test_arrays_of_another_shape_are_refused(tmp_path, values, told):
    np.save(tmp_path / "v.npy", values)
    with pytest.raises(DataError, match=told):
        vectors.read(tmp_path / "v.npy", IDS, "item_id")


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"id": ["a"], "v": [[1.0]]}, "there should be 'item_id'"),
        ({"item_id": ["a"], "v": ["x"]}, "lists of numbers"),
        ({"item_id": ["a"], "v": [["x"]]}, "holds no numbers"),
        ({"item_id": ["a", "b"], "v": [[1.0], [1.0, 2.0]]}, "of 2 lengths"),
        ({"item_id": ["a"], "v": [[1.0]], "w": [[1.0]]}, "of several, one called"),
    ],
)
def test_tables_of_another_kind_are_refused(tmp_path, columns, told):
    pq.write_table(pa.table(columns), tmp_path / "v.parquet")
    with pytest.raises(DataError, match=told):
        vectors.read(tmp_path / "v.parquet", IDS, "item_id")


def test_a_file_that_is_no_array_is_told(tmp_path):
    (tmp_path / "v.npy").write_text("no")
    with pytest.raises(DataError, match=r"no \.npy file"):
        vectors.read(tmp_path / "v.npy", IDS, "item_id")
