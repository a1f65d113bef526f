"""A catalogue around a circle, of which titles, pictures and vectors each tell the place."""

import pytest

from fuse.runs import trained, write_recipe


@pytest.fixture
def recipe(tmp_path, bert, vit):
    """A recipe of three modalities; one item has no picture, and one no vector."""
    return write_recipe(tmp_path, bert, vit)


@pytest.fixture
def model(mirctl, recipe, tmp_path):
    """What that recipe makes."""
    out = tmp_path / "model"
    trained(mirctl, recipe, out)
    return out
