import csv
import json
import random
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from mirctl.data.catalogue import load_catalogue
from mirctl.data.config import DataConfig
from mirctl.errors import DataError

ROWS = [("u2", "b", 5), ("u1", "007", 9), ("u1", "b", 3), ("u2", "b", 7), ("u3", "c", 1)]
ITEMS = [("c", "Sea"), ("007", " "), ("b", "&amp; \x00 日本"), ("d", "never taken")]


def write_csv(path: Path, header: str, rows) -> Path:
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return path


@pytest.fixture
def files(tmp_path):
    return {
        "interactions": write_csv(tmp_path / "log.csv", "user_id,item_id,timestamp", ROWS),
        "items": write_csv(tmp_path / "items.csv", "item_id,title", ITEMS),
    }


def load(seed=0, **settings):
    return load_catalogue(DataConfig(**settings), seed=seed)


def histories(catalogue) -> dict[str, list[str]]:
    offsets, items = catalogue.interactions.sequences()
    names = [catalogue.items.ids[i] for i in items]
    return {
        user: names[offsets[n] : offsets[n + 1]]
        for n, user in enumerate(catalogue.interactions.users)
    }


def test_histories_run_from_old_to_new(files):
    catalogue = load(**files)
    assert histories(catalogue) == {"u1": ["b", "007"], "u2": ["b", "b"], "u3": ["c"]}
    assert catalogue.interactions.time.tolist() == [3, 9, 5, 7, 1]
    assert catalogue.interactions.user.dtype == catalogue.interactions.item.dtype == np.int32


def test_items_keep_their_order_and_their_text_as_it_is(files):
    items = load(**files).items
    assert items.ids == ["c", "007", "b", "d"]
    assert items.titles == ["Sea", None, "&amp; \x00 日本", "never taken"]
    assert items.text("title") == items.text() == items.titles
    assert items.index["b"] == 2


def test_the_report_counts_what_people_should_know(files):
    report = load(**files).report
    counts = {"users": 3, "items": 4, "interactions": 5, "users_with_one": 1, "repeats": 1}
    gaps = {"items_without_interactions": 1, "items_without_text": 1, "items_without_image": 4}
    ties = {"tied": 0, "duplicate_rows": 0, "images_not_found": 0, "notes": []}
    dropped = {"dropped_unknown": 0, "dropped_duplicates": 0, "dropped_users": 0}
    assert {**counts, **gaps, **ties, **dropped} == report


def test_duplicate_rows_are_counted_and_kept(files, tmp_path):
    rows = [*ROWS, ROWS[0], ROWS[0]]
    write_csv(files["interactions"], "user_id,item_id,timestamp", rows)
    report = load(**files).report
    assert (report["duplicate_rows"], report["repeats"], report["tied"]) == (2, 3, 3)
    assert report["interactions"] == 7


def test_duplicate_rows_are_dropped_on_request(files, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("user_id,item_id,timestamp\nu,a,1\nu,a,1\nu,a,2\nv,a,1\nu,a,1\n")
    found = load_catalogue(DataConfig(interactions=log, duplicates="drop"), seed=0)
    assert found.interactions.time.tolist() == [1, 2, 1]
    assert (found.report["duplicate_rows"], found.report["dropped_duplicates"]) == (0, 2)
    few = DataConfig(interactions=log, duplicates="drop", min_interactions=2)
    assert load_catalogue(few, seed=0).interactions.users == ["u"]


def as_jsonl(path, header, rows):
    lines = [json.dumps(dict(zip(header.split(","), row, strict=True))) for row in rows]
    path.write_text("\n".join(lines))


def as_parquet(path, header, rows):
    columns = zip(header.split(","), zip(*rows, strict=True), strict=True)
    parquet.write_table(pa.table({name: list(values) for name, values in columns}), path)


@pytest.mark.parametrize(("suffix", "write"), [(".jsonl", as_jsonl), (".parquet", as_parquet)])
def test_every_format_loads_the_same(files, tmp_path, suffix, write):
    log, items = tmp_path / f"log{suffix}", tmp_path / f"items{suffix}"
    write(log, "user_id,item_id,timestamp", ROWS)
    write(items, "item_id,title", ITEMS)
    assert histories(load(interactions=log, items=items)) == histories(load(**files))


@pytest.mark.parametrize("kind", [pa.int32(), pa.float64(), pa.string(), pa.large_string()])
def test_ids_match_whatever_type_stores_them(tmp_path, kind):
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    ids = pa.array(["7", "8"] if text else [7, 8], kind)
    log = pa.table({"user_id": ids, "item_id": ids.dictionary_encode(), "timestamp": [1, 2]})
    parquet.write_table(log, tmp_path / "log.parquet")
    items = write_csv(tmp_path / "items.csv", "item_id,title", [("8", "x"), ("7", "y")])
    catalogue = load(interactions=tmp_path / "log.parquet", items=items)
    assert histories(catalogue) == {"7": ["7"], "8": ["8"]}


def test_without_an_items_table_items_come_from_the_interactions(files):
    catalogue = load(interactions=files["interactions"])
    assert catalogue.items.ids == ["007", "b", "c"]
    assert catalogue.items.titles == [None] * 3


def test_columns_may_have_other_names(tmp_path):
    log = write_csv(tmp_path / "log.csv", "who,sku,when", ROWS)
    items = write_csv(tmp_path / "items.csv", "sku,name", ITEMS)
    columns = {"user": "who", "item": "sku", "timestamp": "when", "title": "name"}
    catalogue = load(interactions=log, items=items, columns=columns)
    assert catalogue.items.titles[0] == "Sea"
    assert catalogue.report["users"] == 3


def test_without_time_stamps_the_rows_stand_oldest_first(tmp_path):
    log = write_csv(tmp_path / "log.csv", "user_id,item_id", [("u", "z"), ("v", "a"), ("u", "a")])
    catalogue = load(interactions=log, columns={"timestamp": None})
    assert histories(catalogue) == {"u": ["z", "a"], "v": ["a"]}
    assert catalogue.interactions.time is None
    assert "oldest first" in catalogue.report["notes"][0]


def test_headerless_histories_and_titles_are_recognised_and_said(tmp_path, capsys):
    (tmp_path / "users.tsv").write_text("u1\tb a  b\nu0\ta\n")
    (tmp_path / "items.tsv").write_text('a\t"Half a quote\nb\tTwo words\nc\tSea\n')
    catalogue = load(interactions=tmp_path / "users.tsv", items=tmp_path / "items.tsv")
    assert histories(catalogue) == {"u0": ["a"], "u1": ["b", "a", "b"]}
    assert catalogue.items.titles == ['"Half a quote', "Two words", "Sea"]
    assert capsys.readouterr().err.count("has no header") == 2


def test_users_with_too_few_interactions_are_left_out_and_counted(files):
    catalogue = load(**files, min_interactions=2)
    assert sorted(histories(catalogue)) == ["u1", "u2"]
    assert catalogue.report["dropped_users"] == 1


def test_unknown_items_are_dropped_only_when_told_to(files, capsys):
    write_csv(files["items"], "item_id,title", ITEMS[1:])
    catalogue = load(**files, unknown_items="drop")
    assert sorted(histories(catalogue)) == ["u1", "u2"]
    assert catalogue.report["dropped_unknown"] == 1
    assert "1 of 5 interactions" in capsys.readouterr().err


def test_pictures_are_found_by_id_in_any_case_of_suffix(files, tmp_path):
    folder = tmp_path / "posters"
    folder.mkdir()
    for name in ("007.JPG", "b.webp", "b.png", "notes.txt", "stranger.jpg"):
        (folder / name).touch()
    images = load(**files, images=folder).items.images
    assert images == [None, folder / "007.JPG", folder / "b.png", None]


def test_a_column_may_name_the_pictures(tmp_path, files, capsys):
    (tmp_path / "p").mkdir()
    (tmp_path / "p/one.png").touch()
    rows = [("c", "p/one.png"), ("007", ""), ("b", "p/gone.png")]
    write_csv(files["items"], "item_id,cover", rows)
    catalogue = load(**files, columns={"image": "cover"})
    assert catalogue.items.images == [tmp_path / "p/one.png", None, None]
    assert catalogue.report["images_not_found"] == 1
    assert "1 picture that" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("texts", "seconds"),
    [
        (["10", "-3"], [10, -3]),
        (["1.5", "2e0"], [1.5, 2.0]),
        (["1970-01-02", "1970-01-01"], [86400, 0]),
        (["1970-01-01T00:00:10Z", "1970-01-01T01:00:00+01:00"], [10, 0]),
        (["1970-01-01 00:00:00.5", "1970-01-01 00:00:02"], [0.5, 2.0]),
    ],
)
def test_time_stamps_are_numbers_or_dates(tmp_path, texts, seconds):
    rows = [(f"u{n}", "a", text) for n, text in enumerate(texts)]
    log = write_csv(tmp_path / "log.csv", "user_id,item_id,timestamp", rows)
    assert load(interactions=log).interactions.time.tolist() == seconds


def test_parquet_moments_become_seconds(tmp_path):
    moment = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    table = pa.table({"user_id": ["u"], "item_id": ["a"], "timestamp": [moment]})
    parquet.write_table(table, tmp_path / "log.parquet")
    assert load(interactions=tmp_path / "log.parquet").interactions.time.tolist() == [60]


def test_ties_are_shuffled_by_the_seed_alone(tmp_path):
    rows = [("u", f"i{n:02}", 1) for n in range(40)]
    log = write_csv(tmp_path / "log.csv", "user_id,item_id,timestamp", rows)
    orders = [load(seed, interactions=log).interactions.item.tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0])


def test_a_user_s_order_does_not_depend_on_who_else_is_there(tmp_path):
    """Else a target of today would have been trained on yesterday."""
    rng = np.random.default_rng(0)
    rows = [f"u{u},i{rng.integers(40)},{t // 4}" for u in range(12) for t in range(20)]

    def histories(lines):
        file = tmp_path / "log.csv"
        file.write_text("\n".join(["user_id,item_id,timestamp", *lines]))
        found = load_catalogue(DataConfig(interactions=file), seed=1)
        offsets, items = found.interactions.sequences()
        names = np.array(found.items.ids)[items]
        parts = [part.tolist() for part in np.split(names, offsets[1:-1])]
        return dict(zip(found.interactions.users, parts, strict=True))

    everyone = histories(rows)
    some = histories([row for row in rows if row[:3] not in ("u0,", "u3,")])
    assert some == {user: everyone[user] for user in some}
    more = histories([*rows, "u99,i1,0.5"])
    assert {user: more[user] for user in everyone} == everyone


def test_ties_of_different_users_are_shuffled_apart(tmp_path):
    """A common order of tied items would tell one user's next item by another's."""
    rows = [(f"u{user}", item, 1) for user in range(400) for item in "ab"]
    log = write_csv(tmp_path / "log.csv", "user_id,item_id,timestamp", rows)
    first = load(interactions=log).interactions.item[::2]
    assert 150 < (first == 0).sum() < 250


logs = st.lists(
    st.tuples(st.sampled_from(["u", "v", "w"]), st.sampled_from("abcd"), st.integers(0, 3)),
    min_size=1,
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(rows=logs, shuffle=st.randoms(use_true_random=False), decimals=st.booleans())
def test_loading_does_not_depend_on_the_order_of_rows(tmp_path_factory, rows, shuffle, decimals):
    folder = tmp_path_factory.mktemp("log")
    if decimals:
        rows = [(user, item, time + 0.5) for user, item, time in rows]
    loaded = []
    for _ in range(2):
        log = write_csv(folder / "log.csv", "user_id,item_id,timestamp", rows)
        loaded.append(load(3, interactions=log))
        shuffle.shuffle(rows)
    assert histories(loaded[0]) == histories(loaded[1])
    assert loaded[0].interactions.time.tolist() == loaded[1].interactions.time.tolist()
    assert loaded[0].report == loaded[1].report


def test_sequences_agree_with_a_plain_loop(tmp_path):
    chance = random.Random(0)
    rows = [(f"u{chance.randrange(50)}", f"i{chance.randrange(80)}", time) for time in range(2000)]
    expected: dict[str, list[str]] = {}
    for user, item, _ in rows:
        expected.setdefault(user, []).append(item)
    chance.shuffle(rows)
    log = write_csv(tmp_path / "log.csv", "user_id,item_id,timestamp", rows)
    assert histories(load(interactions=log)) == expected


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1_600_000_000_123_456_789, 5], pa.timestamp("ns")), 1_600_000_000.123456),
        (pa.array([2**63 + 2**20, 5], pa.uint64()), float(2**63 + 2**20)),
        (pa.array(["2020-09-13T12:26:40.123456789", "2020-01-01"]), 1_600_000_000.123456),
    ],
    ids=["nanoseconds", "unsigned", "nanoseconds as text"],
)
def test_time_stamps_that_pandas_writes_are_read(tmp_path, column, expected):
    table = pa.table({"user_id": ["u", "u"], "item_id": ["b", "a"], "timestamp": column})
    parquet.write_table(table, tmp_path / "log.parquet")
    found = load_catalogue(DataConfig(interactions=tmp_path / "log.parquet"), seed=0)
    assert found.interactions.time[1] == pytest.approx(expected, abs=1e-6)


def test_a_headerless_list_may_begin_with_an_item_nobody_took(tmp_path):
    (tmp_path / "users.tsv").write_text("u1\tA2 A3 A2\nu2\tA3\n")
    (tmp_path / "items.tsv").write_text("A1\tNever taken\nA2\tSea\nA3\tSky\n")
    config = DataConfig(interactions=tmp_path / "users.tsv", items=tmp_path / "items.tsv")
    assert load_catalogue(config, seed=0).items.ids == ["A1", "A2", "A3"]


def test_half_a_character_in_jsonl_is_replaced(tmp_path):
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\nu,a,1\nu,b,2\n")
    lines = [
        '{"item_id": "a", "title": "cut \\ud83d"}',
        '{"item_id": "b", "title": "\\ud83d\\ude00"}',
    ]
    (tmp_path / "items.jsonl").write_text("\n".join(lines))
    config = DataConfig(interactions=tmp_path / "log.csv", items=tmp_path / "items.jsonl")
    assert load_catalogue(config, seed=0).items.titles == ["cut ?", "\U0001f600"]


def test_moments_far_away_keep_their_order(tmp_path):
    far = pa.array([16_000_000_000_000, 0], pa.timestamp("s"))
    table = pa.table({"user_id": ["u", "u"], "item_id": ["b", "a"], "timestamp": far})
    parquet.write_table(table, tmp_path / "log.parquet", version="2.6", coerce_timestamps=None)
    found = load_catalogue(DataConfig(interactions=tmp_path / "log.parquet"), seed=0)
    assert found.interactions.time.tolist() == [0, 16_000_000_000_000]


@pytest.mark.parametrize("header", ["isbn13\tbook", "item\tname of it"])
def test_a_header_of_other_names_is_not_taken_for_an_item(tmp_path, header):
    (tmp_path / "users.tsv").write_text("u1\tA2 A3 A2\nu2\tA3\n")
    (tmp_path / "items.tsv").write_text(f"{header}\nA2\tSea\nA3\tSky\n")
    config = DataConfig(interactions=tmp_path / "users.tsv", items=tmp_path / "items.tsv")
    with pytest.raises(DataError, match="may be a header or an item"):
        load_catalogue(config, seed=0)


def test_half_a_character_deep_in_jsonl_is_replaced(tmp_path):
    (tmp_path / "items.jsonl").write_text('{"item_id": "a", "tags": ["\\ud83d"]}')
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\nu,a,1\n")
    config = DataConfig(interactions=tmp_path / "log.csv", items=tmp_path / "items.jsonl")
    assert load_catalogue(config, seed=0).items.table["tags"].to_pylist() == [["?"]]


def test_the_items_may_call_their_id_otherwise(tmp_path):
    (tmp_path / "log.csv").write_text("user_id,article,timestamp\nu,a,1\nu,b,2\n")
    (tmp_path / "items.csv").write_text("sku,title\na,Sea\nb,Sky\n")
    tables = {"interactions": tmp_path / "log.csv", "items": tmp_path / "items.csv"}
    columns = {"item": "article", "items_id": "sku"}
    assert load_catalogue(DataConfig(**tables, columns=columns), seed=0).items.ids == ["a", "b"]
    with pytest.raises(DataError, match=r"columns\.items_id"):
        load_catalogue(DataConfig(**tables, columns={"item": "article"}), seed=0)


def test_a_header_is_no_item_where_no_interactions_are_known(tmp_path):
    from mirctl.data.config import Columns
    from mirctl.data.items import load_items

    (tmp_path / "items.tsv").write_text("sku\tproduct title\nA2\tSea\n")
    with pytest.raises(DataError, match=r"columns\.items_id"):
        load_items(tmp_path / "items.tsv", Columns())


def test_categories_of_any_index_type_are_ids(tmp_path):
    kinds = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.uint32()), pa.array(["b", "a"]))
    table = pa.table({"user_id": ["u", "u"], "item_id": kinds, "timestamp": [1, 2]})
    parquet.write_table(table, tmp_path / "log.parquet")
    found = load_catalogue(DataConfig(interactions=tmp_path / "log.parquet"), seed=0)
    assert len(found.interactions.item) == 2
