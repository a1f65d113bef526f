"""What is done with a model that read content: items that are new, changed or elsewhere."""

import json

import pyarrow.parquet as pq
import pytest

from adapt.content.conftest import run


def test_items_never_seen_are_embedded(mirctl, recipe, tmp_path, catalogue, pictures):
    run(mirctl, recipe, tmp_path / "m")
    table = catalogue / "new.csv"
    table.write_text("item_id,title\nnew,story one toy\ni3,one four toy\nbare,\n")
    out = tmp_path / "e.parquet"
    ran = mirctl("adapt", "embed", tmp_path / "m", "--items", table, "--images", pictures,
                 "--out", out, "--json")  # fmt: skip
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["new"] == 2
    rows = {row["item_id"]: row["embedding"] for row in pq.read_table(out).to_pylist()}
    assert {len(vector) for vector in rows.values()} == {16}
    from mirctl_adapt import recommender

    saved = recommender.load(tmp_path / "m")
    known = saved.scorer.embeddings[saved.item_index["i3"]].tolist()
    assert rows["i3"] == pytest.approx(known, abs=1e-4), "the same content embeds the same"


def test_other_items_of_a_known_kind_can_be_measured(mirctl, recipe, tmp_path, catalogue):
    run(mirctl, recipe, tmp_path / "m")
    more = catalogue / "more.csv"
    more.write_text((catalogue / "items.csv").read_text() + "new,story one\n")
    ran = mirctl("adapt", "eval", tmp_path / "m", f"data.items={more}", "--json")
    assert ran.code == 0, ran.err


def test_eval_reads_the_items_as_they_are_now(mirctl, recipe, tmp_path, catalogue):
    before, _ = run(mirctl, recipe, tmp_path / "m", "train.epochs=8")
    lines = (catalogue / "items.csv").read_text().splitlines()
    toys = [lines[0], *(f"{line.partition(',')[0]},toy" for line in lines[1:])]
    (catalogue / "toys.csv").write_text("\n".join(toys) + "\n")
    changed = f"data.items={catalogue / 'toys.csv'}"
    ran = mirctl("adapt", "eval", tmp_path / "m", changed, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["metrics"]["mrr"] != before["metrics"]["mrr"]


def test_other_weights_than_the_trained_ones_are_refused(
    mirctl, recipe, tmp_path, catalogue, bert, vit, llama
):
    run(mirctl, recipe, tmp_path / "m")
    text = (tmp_path / "m" / "extra" / "towers.json").read_text()
    from mirctl import hub
    from mirctl.errors import ArtifactError
    from mirctl_adapt import recommender, serving

    assert hub.resolve(str(bert)).sha256 in text
    saved = recommender.load(tmp_path / "m")
    saved.towers["text"]["weights"] = "0" * 64
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recommender, "load", lambda *_: saved)
        with pytest.raises(ArtifactError, match="other weights"):
            serving.embed(
                tmp_path / "m", catalogue / "items.csv", catalogue / "images",
                tmp_path / "e.parquet", None, None, force=False,
            )  # fmt: skip


def test_new_items_are_encoded_in_the_precision_of_the_training(mirctl, recipe, tmp_path):
    from mirctl_adapt import recommender

    run(mirctl, recipe, tmp_path / "m", "precision=bf16")
    saved = recommender.load(tmp_path / "m")
    assert {tower["precision"] for tower in saved.towers.values()} == {"bf16"}
    ran = mirctl("adapt", "eval", tmp_path / "m", "precision=auto", "--json")
    assert ran.code == 0, ran.err


def test_today_s_items_take_the_place_of_the_trained_ones(mirctl, recipe, catalogue, tmp_path):
    """Gone ones are not recommended, new ones are; histories keep what is still there."""
    run(mirctl, recipe, tmp_path / "m", "model.image=null", "train.epochs=8")
    lines = (catalogue / "items.csv").read_text().splitlines()
    today = tmp_path / "today.csv"
    today.write_text("\n".join([lines[0], *lines[6:], "new,one three toy"]) + "\n")
    options = ["--items", today, "--k", "40"]
    ran = mirctl("adapt", "recommend", tmp_path / "m", "--history", "i7,i8,i9", *options)
    assert ran.code == 0, ran.err
    rows = [json.loads(line) for line in ran.out.splitlines()]
    names = [row["item_id"] for row in rows]
    assert "new" in names
    assert not {"i0", "i1", "i2", "i3", "i4", "i7", "i8", "i9"} & set(names)
    assert len(names) == 26 - 3
    scores = {row["item_id"]: row["score"] for row in rows}
    before = mirctl("adapt", "recommend", tmp_path / "m", "--history", "i7,i8,i9", "--k", "40")
    for row in map(json.loads, before.out.splitlines()):
        if row["item_id"] in scores:
            assert scores[row["item_id"]] == pytest.approx(row["score"], abs=1e-4)
    ran = mirctl("adapt", "recommend", tmp_path / "m", "--all", *options)
    served = [json.loads(line) for line in ran.out.splitlines()]
    assert {row["user_id"] for row in served} == {f"u{n}" for n in range(60)}
    ran = mirctl("adapt", "recommend", tmp_path / "m", "--history", "i0", *options)
    assert ran.code == 3


def test_a_table_of_new_items_alone_says_nothing_of_old_users(mirctl, recipe, tmp_path):
    run(mirctl, recipe, tmp_path / "m", "model.image=null", "train.epochs=1")
    (tmp_path / "new.csv").write_text("item_id,title\nn1,one cold toy\nn2,two cold toy\n")
    options = ["--items", tmp_path / "new.csv", "--k", str(10**9)]
    for whom in (["--all"], ["--user", "u1"]):
        ran = mirctl("adapt", "recommend", tmp_path / "m", *whom, *options)
        assert (ran.code, "no item of any user's history" in ran.err) == (3, True), ran.err
        assert ran.out == ""
    ran = mirctl("adapt", "recommend", tmp_path / "m", "--history", "n1", *options)
    assert (ran.code, json.loads(ran.out)["item_id"]) == (0, "n2")
    assert f"fewer than {10**9:,} items for 1 user: there are 2" in ran.err


def test_eval_on_another_split_is_told(mirctl, recipe, catalogue, tmp_path):
    """Gone items move the targets up; the same catalogue in another order moves nothing."""
    run(mirctl, recipe, tmp_path / "m", "model.image=null")
    lines = (catalogue / "items.csv").read_text().splitlines()
    (tmp_path / "fewer.csv").write_text("\n".join(lines[:-3]) + "\n")
    (tmp_path / "turned.csv").write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    log = (catalogue / "interactions.csv").read_text().splitlines()
    (tmp_path / "turned_log.csv").write_text("\n".join([log[0], *log[:0:-1]]) + "\n")
    for changes, told in (
        ([f"data.items={tmp_path / 'fewer.csv'}", "data.unknown_items=drop"], True),
        (["data.min_interactions=8"], True),
        (["evaluation.repeats=allow"], False),
        ([f"data.items={tmp_path / 'turned.csv'}"], False),
        ([f"data.interactions={tmp_path / 'turned_log.csv'}"], False),
    ):
        ran = mirctl("adapt", "eval", tmp_path / "m", "data.images=null", *changes)
        assert ran.code == 0, ran.err
        assert ("may be one it learned from" in ran.err) == told, changes


def test_an_export_tells_nothing_of_where_it_was_made(mirctl, recipe, tmp_path, bert):
    run(mirctl, recipe, tmp_path / "m", "train.epochs=1")
    ran = mirctl("artifact", "export", tmp_path / "m", "--out", tmp_path / "hf")
    assert ran.code == 0, ran.err
    held = [path.read_bytes() for path in (tmp_path / "hf").rglob("*") if path.is_file()]
    for place in (tmp_path, bert):
        assert not any(str(place).encode() in content for content in held)
    assert any(b"- text: `" in content for content in held)


def test_the_artifact_s_recipe_does_the_same_again(mirctl, recipe, tmp_path):
    run(mirctl, recipe, tmp_path / "a")
    run(mirctl, tmp_path / "a" / "recipe.yaml", tmp_path / "b")
    metrics = [(tmp_path / name / "metrics.json").read_bytes() for name in "ab"]
    assert metrics[0] == metrics[1]
