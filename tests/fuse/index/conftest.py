"""A small catalogue in two spaces, where some items have no picture."""

import pyarrow as pa
import pytest
import torch

from mirctl import artifact
from mirctl_fuse.index import Model, Space, build

ITEMS, WIDTH = 400, 8


def table(start, stop):
    rows = range(start, stop)
    return pa.table(
        {
            "item_id": [f"i{row}" for row in rows],
            "year": pa.array([1990 + row % 10 for row in rows], pa.int64()),
            "genres": [["drama", "war"][: 1 + row % 2] for row in rows],
        }
    )


def space(items, seed, metric="inner", present=None):
    vectors = torch.randn(items, WIDTH, generator=torch.Generator().manual_seed(seed))
    return Space.of(vectors, metric, present)


def queries(count, seed=99):
    return torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def make_model(tmp_path):
    """Writes an artifact that stands for the model of an index."""

    def make(name, kind="fuse/model"):
        with artifact.create(tmp_path / name, kind) as draft:
            draft.json("extra/name.json", name)
        return artifact.open_artifact(tmp_path / name)

    return make


@pytest.fixture
def model(make_model):
    return make_model("model")


@pytest.fixture
def index(model):
    pictured = torch.arange(ITEMS) % 3 > 0
    spaces = {"text": space(ITEMS, 1), "image": space(ITEMS, 2, "cosine", pictured)}
    return build(table(0, ITEMS), spaces, Model.of(model))
