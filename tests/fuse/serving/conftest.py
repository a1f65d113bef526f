"""A small model, its index, and a client of it, for all tests of a file."""

import pytest

from fuse.runs import trained, write_recipe
from fuse.serving.processes import HOSTILE
from mirctl.conformance.running import run
from mirctl_fuse.searching import Search


@pytest.fixture(scope="module")
def index(tmp_path_factory, tiny_bert, tiny_vit):
    """An index in which item i0 has no picture, and i7 a title that would be HTML."""
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


@pytest.fixture(scope="module")
def search(index):
    return Search(index, None, "cpu")


@pytest.fixture(scope="module")
def client(index, search):
    """Speaks to the application in this process."""
    testing = pytest.importorskip("starlette.testclient")
    from mirctl_fuse.serving import app, pictures

    files = pictures.of_items(search.index, search.saved.config.data, None)
    made = testing.TestClient(app.create(search, files), raise_server_exceptions=False)
    with made:
        yield made
