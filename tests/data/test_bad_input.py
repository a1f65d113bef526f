import pytest
from pydantic import ValidationError

from mirctl.data.catalogue import load_catalogue
from mirctl.data.config import DataConfig
from mirctl.errors import DataError

LOG = "user_id,item_id,timestamp\nu1,a,1\nu1,b,2\nu2,a,3\n"
ITEMS = "item_id,title\na,Sea\nb,Sky\n"


def load(folder, log=LOG, items=ITEMS, suffix="csv", **settings):
    (folder / f"log.{suffix}").write_text(log)
    (folder / f"items.{suffix}").write_text(items)
    names = {"interactions": folder / f"log.{suffix}", "items": folder / f"items.{suffix}"}
    return load_catalogue(DataConfig(**names, **settings), seed=0)


def test_the_good_files_load(tmp_path):
    assert load(tmp_path).report["interactions"] == 3


BAD_LOGS = [
    ("", "log.csv: is empty"),
    ("user_id,item_id,timestamp\n", "has a header and no rows"),
    ("user,item_id,timestamp\nu,a,1\n", "no column 'user_id'; did you mean 'user'"),
    ("user_id,item_id\nu,a\n", "columns.timestamp to null"),
    ("user_id;item_id;timestamp\nu;a;1\n", "separated by a semicolon"),
    (f"{LOG}u3,b\n", "row 4: has 2 columns"),
    (f"{LOG},b,4\n", "row 4: column 'user_id' has no id in 1 of 4"),
    (f"{LOG}u3, ,4\n", "row 4: column 'item_id' has no id"),
    (f"{LOG}u3,a,soon\n", "row 4: column 'timestamp' has 'soon': expected a number, or a date"),
    (f"{LOG}u3,a,\n", "row 4: column 'timestamp' has ''"),
    (f"{LOG}u3,a,nan\n", "row 4: column 'timestamp' has nan"),
    (f"{LOG}u3,a,-inf\n", "row 4: column 'timestamp' has -inf"),
    (f"{LOG}u3,a,2020-01-01\n", "row 4: column 'timestamp' has '2020-01-01'"),
    ("user_id,item_id,timestamp\nu,a,2020-01-01\nu,a,2020-13-01\n", "row 2: .* '2020-13-01'"),
    (f"{LOG}u3,z,4\nu3,y,5\n", "row 4: item 'z' is not in .*2 of 5 interactions.*=drop"),
    ("user_id,item_id,timestamp\nu,A,1\nu,B,2\n", "no interaction names .* 'A', .* like 'a'"),
]


@pytest.mark.parametrize(("log", "message"), BAD_LOGS)
def test_bad_interactions_name_the_row(tmp_path, log, message):
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path, log=log)
    assert "log.csv" in str(caught.value)


BAD_ITEMS = [
    ("", "items.csv: is empty"),
    ("item_id,title\n", "has a header and no rows"),
    ("sku,title\na,Sea\n", "no column 'item_id'"),
    ("item_id,title\na,Sea\nb,Sky\na,Lake\n", "row 3: item 'a' stands in rows 1 and 3"),
    ("item_id,title\na,Sea\n,Sky\n", "row 2: column 'item_id' has no id"),
]


@pytest.mark.parametrize(("items", "message"), BAD_ITEMS)
def test_bad_items_name_the_row(tmp_path, items, message):
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path, items=items)
    assert "items.csv" in str(caught.value)


HEADERLESS = [
    ("u1\tb\nu2\ta a\n", "a\tSea shore\nb\tSky\n", "may be a header or a user with one item"),
    ("u1\ta b\nu2\t \n", "a\tSea\nb\tSky\n", "row 2: a user without items"),
    ("u1\ta b\nu1\tb\n", "a\tSea\nb\tSky\n", "row 1: user 'u1' has 2 rows"),
    ("u1\ta b\nu2\tb\n", "sku\tname\na\tSea\n", "may be a header or an item"),
]


@pytest.mark.parametrize(("log", "items", "message"), HEADERLESS)
def test_doubtful_headerless_files_are_refused(tmp_path, log, items, message):
    with pytest.raises(DataError, match=message):
        load(tmp_path, log=log, items=items, suffix="tsv")


def test_a_text_column_that_is_not_there_is_named(tmp_path):
    items = load(tmp_path).items
    with pytest.raises(DataError, match=r"no column 'titel'; did you mean 'title'"):
        items.text("titel")


def test_a_title_column_that_was_asked_for_must_be_there(tmp_path):
    with pytest.raises(DataError, match="no column 'name'"):
        load(tmp_path, columns={"title": "name"})


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ("1.5", r"row 1: column 'user_id' has 1\.5"),
        ("null", "row 1: column 'user_id' has no id in 1 of 1"),
        ("true", "column 'user_id' holds bool"),
        ("[1]", "column 'user_id' holds list"),
    ],
)
def test_ids_that_are_neither_text_nor_whole_are_refused(tmp_path, user, message):
    row = f'{{"user_id": {user}, "item_id": 1, "timestamp": 1}}\n'
    (tmp_path / "log.jsonl").write_text(row)
    with pytest.raises(DataError, match=message):
        load_catalogue(DataConfig(interactions=tmp_path / "log.jsonl"), seed=0)


def test_a_folder_where_no_picture_fits_is_refused(tmp_path):
    (tmp_path / "posters").mkdir()
    with pytest.raises(DataError, match="holds no file that ends in"):
        load(tmp_path, images=tmp_path / "posters")
    (tmp_path / "posters/poster_a.jpg").touch()
    with pytest.raises(DataError, match=r"as in a\.jpg \(there is 'poster_a\.jpg'\)"):
        load(tmp_path, images=tmp_path / "posters")
    with pytest.raises(DataError, match="no such folder"):
        load(tmp_path, images=tmp_path / "nowhere")


def test_pictures_that_are_all_lost_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"none of the pictures \(2\) that the items name is there"):
        load(tmp_path, items="item_id,cover\na,x.jpg\nb,y.jpg\n", columns={"image": "cover"})


def test_nothing_left_is_an_error(tmp_path):
    with pytest.raises(DataError, match="none of its 3 interactions is left"):
        load(tmp_path, min_interactions=9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "set interactions"),
        ({"images": "p", "interactions": "l.csv"}, "images need items"),
        ({"columns": {"user": "item_id"}}, "user and item both name the column 'item_id'"),
        ({"microlens": "m", "items": "i.csv"}, "leave out items"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        DataConfig(**settings)


def test_a_header_too_long_to_be_one_is_told(tmp_path):
    with pytest.raises(DataError, match="its header cannot be read"):
        load(tmp_path, items='item_id,"' + "x" * 200_000 + '"\na,b\n')


def test_a_link_that_leads_in_circles_stops_nothing(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"x")
    (tmp_path / "pictures" / "b.png").symlink_to("b.png")
    found = load(tmp_path, images=tmp_path / "pictures")
    assert [path and path.name for path in found.items.images] == ["a.png", "b.png"]
