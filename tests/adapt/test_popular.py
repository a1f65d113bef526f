"""A popularity artifact: what it saves, and what it recommends."""

import csv
import json
import random

import pyarrow.parquet as pq
import pytest

from mirctl.sequences.histories import pack
from mirctl_adapt import recommender


@pytest.fixture
def popular(mirctl, recipe, catalogue, tmp_path):
    """A popularity artifact of a table whose rows stand in no order, and each user's history."""
    table = catalogue / "interactions.csv"
    head, *rows = table.read_text().splitlines()
    random.Random(4).shuffle(rows)
    table.write_text("\n".join([head, *rows]) + "\n")
    ran = mirctl("adapt", "run", recipe, "model.method=pop", "--out", tmp_path / "pop")
    assert ran.code == 0, ran.err
    history = {}
    for user, item, _ in sorted(csv.reader(rows), key=lambda row: int(row[2])):
        history.setdefault(user, []).append(item)
    return tmp_path / "pop", history


def test_saved_histories_are_whole_and_oldest_first(popular):
    folder, history = popular
    saved = recommender.load(folder)
    table = pq.read_table(folder / "extra" / "users.parquet").to_pylist()
    told = {row["user_id"]: [saved.item_ids[i] for i in row["history"]] for row in table}
    assert told == history


def test_popular_items_of_the_history_are_not_recommended(mirctl, popular):
    folder, history = popular
    saved = recommender.load(folder)
    counts = saved.scorer.scores(pack([[0]]))[0].tolist()
    ran = mirctl("adapt", "recommend", folder, "--all", "--k", 10)
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert len(rows) == 10 * len(history)
    for user, seen in history.items():
        items = [row["item_id"] for row in rows if row["user_id"] == user]
        unseen = [c for c, name in zip(counts, saved.item_ids, strict=True) if name not in seen]
        assert set(items).isdisjoint(seen)
        told = [counts[saved.item_index[item]] for item in items]
        assert told == sorted(unseen, reverse=True)[:10]
