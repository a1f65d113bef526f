"""An index whose files were changed and sealed again: damage that no checksum shows."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from damage import gone, seal, tensors, text
from mirctl.artifact import manifest as manifests
from mirctl.errors import ArtifactError
from mirctl_fuse.index import Approximation, open_index, write

ITEMS, SPACES = "extra/items.parquet", "extra/spaces.json"
TEXT, IMAGE = "spaces/text", "spaces/image"
IVF, HNSW = "approximate/text", "approximate/image"


def one(group, name, change):
    return tensors(group, lambda n, value: change(value) if n == name else value)


def items(change):
    def rewrite(folder):
        pq.write_table(change(pq.read_table(folder / ITEMS)), folder / ITEMS)

    return rewrite


def orphaned(folder):
    path = folder / manifests.FILE
    fields = json.loads(path.read_text())
    path.write_text(manifests.text({**fields, "parents": []}))


def facts(**changes):
    return text(SPACES, json.dumps({"text": {"metric": "inner", "approximate": None} | changes}))


def filled(value):
    return lambda tensor: torch.full_like(tensor, value)


def last(value):
    def change(tensor):
        tensor[-1] = value
        return tensor

    return change


EXACT = {
    "no vectors": gone("spaces/text.safetensors"),
    "a vector too few": one(TEXT, "vectors", lambda v: v[:-1]),
    "vectors of no width": one(TEXT, "vectors", lambda v: v[:, :0]),
    "vectors in a row": one(TEXT, "vectors", lambda v: v.flatten()),
    "vectors of another type": one(TEXT, "vectors", lambda v: v.double()),
    "vectors that are no numbers": one(TEXT, "vectors", filled(float("nan"))),
    "vectors too long to be compared": one(TEXT, "vectors", filled(1e30)),
    "a cosine of longer vectors": one(IMAGE, "vectors", lambda v: 2 * v),
    "presence of others": one(IMAGE, "present", lambda v: v[1:]),
    "presence in numbers": one(IMAGE, "present", lambda v: v.int()),
    "another tensor": lambda folder: shutil.copy(
        folder / "approximate/text.safetensors", folder / "spaces/text.safetensors"
    ),
    "no items": gone(ITEMS),
    "items that are no table": text(ITEMS, "item_id"),
    "no ids": items(lambda t: t.drop_columns("item_id")),
    "an item too few": items(lambda t: t[1:]),
    "no item at all": items(lambda t: t[:0]),
    "an item twice": items(lambda t: pa.concat_tables([t[:1], t[:-1]])),
    "an item without id": items(lambda t: t.set_column(0, "item_id", pa.nulls(len(t)))),
    "ids that are lists": items(lambda t: t.set_column(0, "item_id", t["genres"])),
    "no spaces": text(SPACES, "{}"),
    "spaces that are no facts": text(SPACES, "[]"),
    "another metric": facts(metric="l2"),
    "another kind": facts(approximate={"kind": "lsh", "effort": 1, "seed": 0}),
    "no effort": facts(approximate={"kind": "ivf", "effort": 0, "seed": 0}),
    "a space elsewhere": text(SPACES, '{"../x": {"metric": "inner", "approximate": null}}'),
    "metrics that are none": text("metrics.json", "[]"),
    "no model": orphaned,
}
LEARNED = {
    "nothing learned": gone("approximate/text.safetensors"),
    "a list that is not there": one(IVF, "lists", last(20)),
    "a list before the first": one(IVF, "lists", last(-1)),
    "lists of too few": one(IVF, "lists", lambda v: v[1:]),
    "no centroids": one(IVF, "centroids", lambda v: v[:0]),
    "centroids of another width": one(IVF, "centroids", lambda v: v[:, 1:]),
    "a sample of another width": one(IVF, "asked", lambda v: v[:, 1:]),
    "a sample of no shape": one(IVF, "asked", lambda v: v[0, 0]),
    "an array too many": lambda folder: shutil.copy(
        folder / "approximate/image.safetensors", folder / "approximate/text.safetensors"
    ),
    "a neighbour that is not there": one(HNSW, "neighbors", last(400)),
    "a neighbour before the first": one(HNSW, "neighbors", last(-2)),
    "neighbours of too few": one(HNSW, "neighbors", lambda v: v[1:]),
    "neighbours of no shape": one(HNSW, "neighbors", lambda v: v[0]),
    "no level": one(HNSW, "levels", last(0)),
    "a level too many": one(HNSW, "levels", last(9)),
    "levels without their places": one(HNSW, "levels", last(2)),
    "an entry that is not there": one(HNSW, "entry", filled(400)),
    "an entry before the first": one(HNSW, "entry", filled(-1)),
    "two entries": one(HNSW, "entry", lambda v: v.repeat(2)),
}


@pytest.fixture
def damaged(index, tmp_path):
    """Damage an index, and seal it again."""

    def make(damage, *learned):
        for space, kind in learned:
            index_ = Approximation(kind=kind, effort=8)
            make.index = getattr(make, "index", index).approximated(space, index_)
        write(getattr(make, "index", index), tmp_path / "index")
        damage(tmp_path / "index")
        if damage is not orphaned:
            seal(tmp_path / "index")
        return tmp_path / "index"

    return make


@pytest.mark.parametrize("damage", EXACT)
def test_damage_that_is_sealed_is_found(damaged, damage):
    needed = [("text", "ivf")] if damage == "another tensor" else []
    if needed:
        pytest.importorskip("faiss")
    with pytest.raises(ArtifactError):
        open_index(damaged(EXACT[damage], *needed))


@pytest.mark.parametrize("damage", LEARNED)
def test_what_was_learned_is_checked_before_faiss_has_it(damaged, damage):
    pytest.importorskip("faiss")
    with pytest.raises(ArtifactError):
        open_index(damaged(LEARNED[damage], ("text", "ivf"), ("image", "hnsw")))


def test_a_neighbour_above_its_own_level_is_found(damaged):
    pytest.importorskip("faiss")

    def lowered(folder):
        """Let every item of a higher level have a neighbour that stands in the lowest alone."""
        group = {}
        tensors(HNSW, lambda name, value: group.setdefault(name, value))(folder)
        low = int((group["levels"] == 1).nonzero()[0, 0])
        one(HNSW, "neighbors", lambda v: torch.where(v >= 0, low, v).int())(folder)

    with pytest.raises(ArtifactError, match="not in the level"):
        open_index(damaged(lowered, ("image", "hnsw")))


def test_an_untouched_index_opens(damaged):
    assert len(open_index(damaged(lambda folder: None))) == 400
