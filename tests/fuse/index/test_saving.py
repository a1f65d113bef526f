"""An index's artifact: written, opened, refused, changed."""

import os

import pyarrow as pa
import pytest
import torch

from fuse.index.conftest import ITEMS, queries, space, table
from mirctl import artifact
from mirctl.errors import ArtifactError, DataError, UsageError
from mirctl_fuse.index import Model, add, build, open_index, remove, write


def same(one, other, count=ITEMS):
    assert one.ids == other.ids
    for name in one.spaces:
        mine, theirs = (index.search(name, queries(9), count) for index in (one, other))
        assert torch.equal(mine.items, theirs.items)
        assert torch.equal(mine.scores, theirs.scores)


def test_an_index_comes_back_as_it_was(index, model, tmp_path):
    write(index, tmp_path / "index")
    back = open_index(tmp_path / "index", model)
    same(back, index)
    assert back.items == index.items
    assert back.model.sha256 == model.manifest.digest
    assert os.path.samefile(back.model.folder, model.folder)
    assert not artifact.verify(tmp_path / "index")


def test_the_same_index_is_the_same_artifact(index, tmp_path):
    for name in ("a", "b"):
        write(index, tmp_path / name)
    first, second = (artifact.open_artifact(tmp_path / name).manifest for name in ("a", "b"))
    assert first.digest == second.digest


def test_an_index_of_another_model_is_refused(index, make_model, tmp_path):
    write(index, tmp_path / "index")
    with pytest.raises(ArtifactError, match="make the index anew") as caught:
        open_index(tmp_path / "index", make_model("other"))
    assert caught.value.code == 4


def test_an_index_is_written_over_only_on_demand(index, tmp_path):
    write(index, tmp_path / "index")
    with pytest.raises(UsageError, match="exists already"):
        write(index, tmp_path / "index")


def test_an_open_index_can_take_its_own_place(index, tmp_path):
    write(index, tmp_path / "index")
    opened = open_index(tmp_path / "index")
    smaller = remove(opened, ["i0"])
    write(smaller, tmp_path / "index", force=True)
    same(opened, index)
    same(open_index(tmp_path / "index"), smaller)


def test_adding_is_as_building_with_them(index):
    pictured = index.spaces["image"].everybody()
    half = ITEMS // 2
    first, second = (
        build(
            table(start, start + half),
            {n: s.part(torch.arange(start, start + half)) for n, s in index.spaces.items()},
            index.model,
        )
        for start in (0, half)
    )
    both = add(first, second.items, second.spaces)
    same(both, index)
    assert both.items == index.items
    assert torch.equal(both.spaces["image"].everybody(), pictured)


def test_removing_is_as_building_without_them(index):
    gone = ["i3", "i77", "i399"]
    kept = torch.tensor([name not in gone for name in index.ids])
    rows = torch.nonzero(kept)[:, 0]
    spaces = {name: space.part(rows) for name, space in index.spaces.items()}
    same(remove(index, gone), build(index.items.filter(kept.numpy()), spaces, index.model))


def test_what_was_added_can_be_removed(index):
    new = table(ITEMS, ITEMS + 5)
    there = add(index, new, {"text": space(5, 3)})
    assert (there.search("image", queries(3), 1000).items < ITEMS).all()
    found = there.search("text", space(5, 3).vectors, ITEMS + 5).items
    assert all(row + ITEMS in found[row] for row in range(5))
    same(remove(there, new["item_id"].to_pylist()), index)


def test_columns_are_brought_into_the_order_and_types_of_the_index(index):
    new = pa.table(
        {
            "genres": pa.array([["war"]], pa.large_list(pa.string())),
            "year": pa.array([2001], pa.int16()),
            "item_id": [401],
        }
    )
    grown = add(index, new, {"text": space(1, 3)})
    assert grown.ids[-1] == "401"
    assert grown.allowed(["year=2001"]).sum() == 1


def test_changes_that_do_not_fit_are_refused(index):
    new, one = table(ITEMS, ITEMS + 1), space(1, 3)
    with pytest.raises(DataError, match="'i0' is in the index"):
        add(index, table(0, 1), {"text": one})
    with pytest.raises(UsageError, match="no space 'txt'"):
        add(index, new, {"txt": one})
    with pytest.raises(DataError, match="the index wants 1 of 8, cosine"):
        add(index, new, {"image": one})
    with pytest.raises(DataError, match="2 vectors of 8"):
        add(index, new, {"text": space(2, 3)})
    with pytest.raises(DataError, match="the new items have columns item_id, year;"):
        add(index, new.drop_columns("genres"), {"text": one})
    with pytest.raises(DataError, match="not as in the index"):
        add(index, new.set_column(1, "year", pa.array(["now"])), {"text": one})
    with pytest.raises(DataError, match="'i1111' is not in the index; did you mean"):
        remove(index, ["i1111"])
    with pytest.raises(DataError, match="one has to stay"):
        remove(index, index.ids)


def test_an_index_that_cannot_be_is_not_built(index):
    model, one = index.model, {"text": space(3, 1)}
    with pytest.raises(DataError, match="3 vectors for 2 items"):
        build(table(0, 2), one, model)
    with pytest.raises(DataError, match="one item and one space"):
        build(table(0, 0), one, model)
    with pytest.raises(DataError, match="one item and one space"):
        build(table(0, 3), {}, model)
    with pytest.raises(UsageError, match="a name is of"):
        build(table(0, 3), {"../text": space(3, 1)}, model)
    with pytest.raises(DataError, match="stands in rows 1 and 2"):
        build(pa.table({"item_id": ["a", "a", "b"]}), one, Model("0" * 64))
