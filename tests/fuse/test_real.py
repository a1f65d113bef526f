"""Real MovieLens: what is found suits what was asked."""

import json

import pytest

pytestmark = pytest.mark.real


def test_titles_and_genres_are_learned_and_searched(mirctl, real_data, tmp_path):
    folder = real_data / "movielens-posters"
    told = [
        "fuse/ml-100k", f"data.interactions={folder / 'interactions.csv'}",
        f"data.items={folder / 'items.csv'}", "data.images=null", "model.modalities.poster=null",
        "model.modalities.texture=null", "train.epochs=8",
    ]  # fmt: skip
    model, index = tmp_path / "model", tmp_path / "index"
    gate = ("--require", "ndcg@10>=0.05", "--require", "only.title/ndcg@10>=0.03")
    trained = mirctl("fuse", "train", *told, "--out", model)
    assert trained.code == 0, trained.err
    measured = mirctl("fuse", "eval", model, "--apart", *gate)
    assert measured.code == 0, measured.err
    assert mirctl("fuse", "index", model, "--out", index).code == 0
    asked = ("--by", "genres=Children's Animation", "--apart", "--k", 10)
    found = mirctl("fuse", "search", index, *asked)
    genres = dict(_genres(folder / "items.csv"))
    rows = [json.loads(line) for line in found.out.splitlines()]
    wanted = ("Children", "Animation")
    suits = [any(word in genres[row["item_id"]] for word in wanted) for row in rows]
    assert sum(suits) >= 8, "by chance it would be one"


def _genres(file):
    import csv

    with file.open() as lines:
        for row in csv.DictReader(lines):
            yield row["item_id"], row["genres"]


def test_posters_are_found_by_titles_and_genres(mirctl, real_data, tmp_path):
    folder = real_data / "movielens-posters"
    told = [
        "fuse/ml-100k-retrieval", f"data.items={folder / 'items.csv'}",
        f"data.images={folder / 'posters'}", "train.epochs=8",
    ]  # fmt: skip
    model, index = tmp_path / "model", tmp_path / "index"
    gate = ("--require", "recall@10>=0.02", "--require", "reverse/recall@10>=0.02")
    trained = mirctl("fuse", "train", *told, "--out", model, *gate)
    assert trained.code == 0, trained.err + "by chance it would be .007"
    assert mirctl("fuse", "index", model, "--out", index).code == 0
    found = mirctl("fuse", "search", index, "--image", folder / "posters" / "1.jpg", "--k", 1)
    assert json.loads(found.out)["title"] == "Toy Story"
