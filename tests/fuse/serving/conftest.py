"""A client of a served index, for all tests of a file."""

import pytest

from mirctl_fuse.searching import Search


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
