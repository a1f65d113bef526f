import pytest

from mirctl.data.catalogue import load_catalogue
from mirctl.data.config import DataConfig

pytestmark = pytest.mark.real


def test_movielens_with_posters_loads(real_data):
    folder = real_data / "movielens-posters"
    config = DataConfig(
        interactions=folder / "interactions.csv",
        items=folder / "items.csv",
        images=folder / "posters",
    )
    report = load_catalogue(config, seed=0).report
    assert (report["users"], report["items"], report["interactions"]) == (943, 1682, 100_000)
    assert report["items_without_image"] == 286


def test_amazon_scientific_loads_without_headers(real_data):
    folder = real_data / "amazon-scientific"
    config = DataConfig(interactions=folder / "users.tsv", items=folder / "items.tsv")
    catalogue = load_catalogue(config, seed=0)
    assert (catalogue.report["users"], catalogue.report["items"]) == (12_076, 20_825)
    first = catalogue.interactions.users.index("A0096681Y127OL1H8W3U")
    offsets, items = catalogue.interactions.sequences()
    names = [catalogue.items.ids[i] for i in items[offsets[first] : offsets[first + 1]]]
    assert names == ["B0098MLBAO", "B0098MLBAO", "B00E8JOCOE", "B00S730YWG", "B0098MLBAO"]
