import pytest

from mirctl.data.catalogue import load_catalogue
from mirctl.data.config import DataConfig
from mirctl.errors import DataError


@pytest.fixture
def root(tmp_path):
    """The layout of MicroLens-100k as it is unpacked, with a few videos."""
    name = "MicroLens-100k"
    pairs = "user,item,timestamp\n1,10,1583378629552\n1,2,1583378629000\n2,2,1583378629999\n"
    (tmp_path / f"{name}_pairs.csv").write_text(pairs)
    (tmp_path / f"{name}_pairs.tsv").write_text("1\t2 10\n2\t2\n")
    (tmp_path / f"{name}_title_en.csv").write_text('10,"Take, dirt"\n3,Never seen\n')
    (tmp_path / "MicroLens-50k_titles.csv").write_text("item,title\n10,another subset\n")
    (tmp_path / f"{name}_likes_and_views.txt").write_text("10\t5\t90\n")
    for file in ("covers/inner/10.jpg", "audios/2.wav", "videos/2.mp4", "video_features/2.npy"):
        path = tmp_path / f"{name}_{file}"
        path.parent.mkdir(parents=True)
        path.touch()
    return tmp_path


def load(root):
    return load_catalogue(DataConfig(microlens=root), seed=0)


def test_the_layout_is_read_as_it_is(root):
    catalogue = load(root)
    assert catalogue.items.ids == ["10", "3", "2"]
    assert catalogue.items.titles == ["Take, dirt", "Never seen", None]
    assert catalogue.interactions.users == ["1", "2"]
    assert catalogue.interactions.item.tolist() == [2, 0, 2]
    assert catalogue.interactions.time[0] == 1583378629000


def test_covers_sounds_and_films_are_found(root):
    items = load(root).items
    name = root / "MicroLens-100k_covers/inner/10.jpg"
    assert items.images == [name, None, None]
    assert items.audio == [None, None, root / "MicroLens-100k_audios/2.wav"]
    assert items.video == [None, None, root / "MicroLens-100k_videos/2.mp4"]


def test_what_is_missing_is_counted_and_said(root, capsys):
    report = load(root).report
    gaps = {key: report[f"items_without_{key}"] for key in ("text", "image", "audio", "video")}
    assert gaps == {"text": 1, "image": 2, "audio": 2, "video": 2}
    assert "and so without a title: 1 item of the pairs" in capsys.readouterr().err


def test_titles_may_have_a_header(root):
    (root / "MicroLens-100k_title_en.csv").write_text("item,title\n10,Sea\n2,Sky\n")
    assert load(root).items.titles == ["Sea", "Sky"]


def test_the_histories_serve_where_the_pairs_are_missing(root):
    (root / "MicroLens-100k_pairs.csv").unlink()
    assert load(root).interactions.item.tolist() == [2, 0, 2]


def test_no_media_and_no_titles_are_fine(tmp_path):
    (tmp_path / "MicroLens-50k_pairs.csv").write_text("user,item,timestamp\n1,5,1\n")
    items = load(tmp_path).items
    assert (items.ids, items.titles, items.images, items.audio) == (["5"], [None], [None], None)


def test_two_subsets_in_one_folder_are_refused(root):
    (root / "MicroLens-50k_pairs.csv").write_text("user,item,timestamp\n1,5,1\n")
    with pytest.raises(DataError, match="keep each subset in a folder of its own"):
        load(root)


def test_a_folder_without_pairs_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds no NAME_pairs\.csv"):
        load(tmp_path)


def test_a_file_of_one_endless_row_is_refused(root):
    (root / "MicroLens-100k_pairs.csv").write_text("x" * 300_000)
    with pytest.raises(DataError, match="its first row is longer than"):
        load(root)
