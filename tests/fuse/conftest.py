"""A catalogue around a circle, of which titles, pictures and vectors each tell the place."""

import pytest

from fuse.runs import HOSTILE, trained, write_recipe
from mirctl.conformance.running import run


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


@pytest.fixture(scope="module")
def index(tmp_path_factory, tiny_bert, tiny_vit):
    """Of a model that need not be good; for all tests of a file. Item i0 has no picture, and
    i7 a title that would be HTML."""
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIRCTL_CACHE", str(folder / "cache"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        recipe = write_recipe(folder, tiny_bert, tiny_vit)
        quoted = HOSTILE.replace('"', '""')
        items = (folder / "items.csv").read_text().splitlines()
        rows = ["item_id,title,kind", *(f"{row},odd" for row in items[1:])]
        rows[8] = f'i7,"{quoted}","{quoted}"'
        (folder / "items.csv").write_text("\n".join(rows) + "\n")
        trained(run, recipe, folder / "model", "train.epochs=1")
        assert run("fuse", "index", folder / "model", "--out", folder / "index").code == 0
    return folder / "index"
