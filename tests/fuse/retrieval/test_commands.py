"""Retrieval through the command line: trained, measured, indexed, asked."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from adapt.test_resume import wait_for_checkpoint
from fuse.retrieval.conftest import THINGS, write_world
from fuse.runs import trained
from mirctl_fuse import index as indexes
from mirctl_fuse.retrieval import model, opening


def test_a_thing_is_found_by_its_other_view(mirctl, pairs_recipe, tmp_path):
    found = trained(mirctl, pairs_recipe, tmp_path / "model")["metrics"]
    assert found["recall@10"]["value"] > 0.6, "by chance it would be .07"
    assert found["reverse/recall@10"]["value"] > 0.6
    assert found["recall@10"]["unit"] == "mean over queries, 0..1"
    assert found["recall@10"]["n"] + found["valid/mrr"]["n"] < THINGS / 2


def test_eval_gives_the_numbers_of_training_and_more(mirctl, pairs_recipe, tmp_path):
    out = tmp_path / "model"
    trained(mirctl, pairs_recipe, out, "train.epochs=3")
    then = json.loads((out / "metrics.json").read_text())
    who = tmp_path / "who.csv"
    ran = mirctl("fuse", "eval", out, "--apart", "--missing", "--experts", who, "--json")
    assert ran.code == 0, ran.err
    now = json.loads(ran.out)["metrics"]
    assert {key: now[key] for key in then} == then
    names = ["queries.asked", "queries.more", "items.there"]
    assert [key for key in now if key.startswith("only")] == [f"only.{n}/ndcg@10" for n in names]
    assert now["only.items.there/ndcg@10"] == now["ndcg@10"], "items have no other"
    assert now["missing.75/ndcg@10"]["value"] < now["ndcg@10"]["value"]
    assert who.read_text().startswith("item_id,decides,there,shared 1\nt0,")
    told = mirctl("fuse", "eval", out, "--require", "reverse/mrr>=2")
    assert told.code == 1
    assert "items ask for queries" in told.out
    assert mirctl("fuse", "eval", out, "evaluation.test=0.5").code == 2
    assert mirctl("fuse", "eval", out, "--require", "nonsense>1").code == 2


def test_other_pairs_than_those_of_the_training_are_told(mirctl, pairs_recipe, tmp_path):
    trained(mirctl, pairs_recipe, tmp_path / "model", "train.epochs=1")
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("query_id,item_id,split\nt1,t2,train\nt4,t5,train\nt6,t7,test\nt8,t9,valid\n")
    ran = mirctl("fuse", "eval", tmp_path / "model", f"data.pairs={pairs}", "--json")
    assert ran.code == 0, ran.err
    assert "may be one it learned from" in ran.err
    assert json.loads(ran.out)["metrics"]["mrr"]["n"] == 1


def test_a_pipeline_measures_it(mirctl, pairs_recipe, tmp_path):
    steps = {
        "model": yaml.safe_load(pairs_recipe.read_text()),
        "told": {"uses": "fuse/eval", "model": {"step": "model"}, "apart": True,
                 "data": {"items": "items.csv"}},
    }  # fmt: skip
    steps["model"]["train"]["epochs"] = 1
    (tmp_path / "steps.yaml").write_text(yaml.safe_dump({"steps": steps}, sort_keys=False))
    ran = mirctl("run", tmp_path / "steps.yaml", "--out", tmp_path / "all")
    assert ran.code == 0, ran.err
    assert "only.queries.more/ndcg@10" in (tmp_path / "all" / "told.csv").read_text()


@pytest.fixture
def shop(mirctl, tmp_path, bert, vit):
    """A model of captions that ask for pictures, some with two captions, and its index."""
    words = ["toy", "story", "heat", "golden"]
    (tmp_path / "images").mkdir()
    queries, pairs = ["query_id,title"], ["query_id,item_id"]
    for n in range(40):
        colour = (n * 6, 255 - n * 6, 90)
        Image.new("RGB", (40, 40), colour).save(tmp_path / "images" / f"i{n}.png")
        for m in range(1 + n % 2):
            queries.append(f"q{n}.{m},{words[n % 4]} {words[n // 4 % 4]} {words[n // 16]}")
            pairs.append(f"q{n}.{m},i{n}")
    items = "\n".join(["item_id,title", *(f"i{n},picture {n}" for n in range(40))])
    files = {"queries": "\n".join(queries), "pairs": "\n".join(pairs), "items": items}
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text + "\n")
    file = tmp_path / "shop.yaml"
    file.write_text(
        "uses: fuse/retrieval\n"
        "data: {items: items.csv, images: images, queries: queries.csv, pairs: pairs.csv}\n"
        f"model: {{queries: {{text: {bert}}}, items: {{image: {vit}}}, dim: 16, bottleneck: 8}}\n"
        "train: {epochs: 2, batch_size: 16, chunk: 8, lr: 1.0e-2}\n"
    )
    trained(mirctl, file, tmp_path / "model")
    ran = mirctl("fuse", "index", tmp_path / "model", "--out", tmp_path / "index", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["items"] == 40
    return tmp_path


@pytest.fixture
def found(mirctl, shop):
    """Rows of a search, or what is told where it fails with `code`."""

    def ask(*asked, code=0):
        ran = mirctl("fuse", "search", shop / "index", *asked)
        assert ran.code == code, ran.err
        return ran.err if code else [json.loads(line) for line in ran.out.splitlines()]

    return ask


def test_a_text_asks_as_a_query_and_a_picture_as_an_item(found, shop):
    by_picture = found("--image", shop / "images" / "i7.png", "--k", 3)
    assert by_picture[0] == {"query": 1, "rank": 1, "item_id": "i7", "title": "picture 7",
                             "score": pytest.approx(1, abs=1e-4)}  # fmt: skip
    saved = opening.load(shop / "model")
    index = indexes.open_index(shop / "index")
    by_text = found("--text", "toy story heat", "--k", 40)
    assert len({row["item_id"] for row in by_text}) == 40
    vectors = asked(saved, {"text": "toy story heat"})
    cosines = index.spaces["item"].vectors @ vectors
    told = torch.tensor([row["score"] for row in by_text])
    torch.testing.assert_close(told, cosines.sort(descending=True).values, rtol=0, atol=1e-5)


def asked(saved, given):
    from mirctl_fuse.retrieval import asking

    (own,) = asking.vectors(saved, asking.readers(saved), [given], apart=False)
    return model.unit(own["item"][None])[0]


def test_a_query_of_both_sides_is_where_both_point(found, shop):
    saved = opening.load(shop / "model")
    picture = str(shop / "images" / "i7.png")
    alone = [asked(saved, {"text": "heat"}), asked(saved, {"image": picture})]
    both = asked(saved, {"text": "heat", "image": picture})
    torch.testing.assert_close(both, model.unit(sum(alone)[None])[0])
    rows = found("--text", "heat", "--image", picture, "--apart", "--k", 4)
    assert len(rows) == 4


def test_it_is_served_with_pictures_and_without_users(found, shop):
    testing = pytest.importorskip("starlette.testclient")
    pytest.importorskip("fastapi")
    from mirctl_fuse.searching import Search
    from mirctl_fuse.serving import app, pictures

    search = Search(shop / "index", None, "cpu")
    search.load()
    files = pictures.of_items(search.index, search.saved.config.data, None)
    with testing.TestClient(app.create(search, files)) as client:
        about = client.get("/about").json()
        assert (about["modalities"], about["users"]) == ({"text": "text", "image": "image"}, False)
        asked = {"query": {"text": "heat"}, "k": 3}
        rows = client.post("/search", json=asked).json()["results"]
        wanted = found("--text", "heat", "--k", 3)
        assert [row["item_id"] for row in rows] == [row["item_id"] for row in wanted]
        assert client.get(rows[0]["picture"]).status_code == 200
        told = client.post("/search", json={"query": {"user": "u1"}})
        assert "knows no user" in told.json()["error"]["message"]


def test_it_is_measured_by_its_items_and_texts(mirctl, shop):
    ran = mirctl("fuse", "bench", shop / "index", "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["artifacts"][0]["metric"] == "recall@10"
    (one,) = told["indexes"]
    assert (one["queries"], one["model"]) == ("40 vectors of items", "model")
    assert one["ways"] == ["exact", "a text"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("--user", "u1"), "knows no user"),
        (("--audio", "x.wav"), "there are text, image"),
        (("--image", "none.png"), "is no file"),
    ],
)
def test_what_cannot_be_asked_is_told(found, line, told):
    assert told in found(*line, code=3)


def test_encode_fills_the_cache_of_both_sides(mirctl, shop):
    ran = mirctl("fuse", "encode", shop / "shop.yaml", "--json")
    assert ran.code == 0, ran.err
    towers = json.loads(ran.out)["towers"]
    assert {name: own["encoded_now"] for name, own in towers.items()} == {
        "queries.text": 0, "items.image": 0,
    }  # fmt: skip
    told = mirctl("fuse", "encode", shop / "shop.yaml", "--out", shop / "states")
    assert told.code == 2
    assert "one table" in told.err


def test_other_items_are_indexed(mirctl, shop):
    (shop / "few.csv").write_text("item_id,title\ni3,three\ni5,five\n")
    few = f"data.items={shop / 'few.csv'}"
    ran = mirctl("fuse", "index", shop / "model", few, "--out", shop / "few")
    assert ran.code == 0, ran.err
    assert indexes.open_index(shop / "few").ids == ["i3", "i5"]


def test_a_killed_run_resumes_to_the_same_bytes(mirctl, pairs_recipe, tmp_path):
    changes = ["train.checkpoint_every=0", "train.epochs=25", "train.chunk=20"]
    trained(mirctl, pairs_recipe, tmp_path / "whole", *changes)
    out = tmp_path / "stopped"
    line = [sys.executable, "-m", "mirctl", "fuse", "train", str(pairs_recipe), *changes]
    with subprocess.Popen(
        [*line, "--out", str(out)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        wait_for_checkpoint(process, out)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.returncode == -9
    ran = mirctl("fuse", "train", pairs_recipe, *changes, "--out", out, "--resume")
    assert ran.code == 0, ran.err
    assert "going on from epoch" in ran.err
    for file in ("model.safetensors", "metrics.json", "extra/history.json"):
        assert (tmp_path / "whole" / file).read_bytes() == (out / file).read_bytes()


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        (["model.queries={}"], 2, "name at least one"),
        (["model.items.there.vectors=none.npy"], 3, "does not exist"),
        (["model.items.there.column=title"], 2, "column"),
        (["data.queries=items.csv"], 2, "queries need pairs"),
        (["data.pairs=none.csv"], 3, "does not exist"),
        (["data.pair_columns.query=item_id"], 2, "three columns"),
        (["train.metric=recall@2"], 2, "did you mean 'recall@"),
        (["evaluation.test=0"], 2, "evaluation.test"),
        (["evaluation.valid=0.5", "evaluation.test=0.5"], 2, "nothing to learn"),
        (["evaluation.valid=0"], 3, "0 pairs for valid"),
        (["model.items={sound: {modality: audio, model: org/name}}"], 2, "data.audio"),
        (["train.parallel=fsdp", "train.chunk=3"], 2, "at once"),
    ],
)
def test_what_cannot_be_is_told(mirctl, pairs_recipe, tmp_path, changes, code, told):
    ran = mirctl("fuse", "train", pairs_recipe, *changes, "--out", tmp_path / "model")
    assert ran.code == code, ran.err
    assert told in ran.err
    assert not (tmp_path / "model").exists()


def test_a_dry_run_reads_the_pairs_and_writes_nothing(mirctl, pairs_recipe, tmp_path):
    ran = mirctl("fuse", "train", pairs_recipe, "--dry-run")
    assert ran.code == 0, ran.err
    assert "150 pairs of 150 queries" in ran.err
    (tmp_path / "items.csv").write_text("item_id,title\nt1,one\n")
    ran = mirctl("fuse", "train", pairs_recipe, "--dry-run")
    assert ran.code == 3


def test_a_damaged_artifact_is_refused(mirctl, pairs_recipe, tmp_path):
    out = tmp_path / "model"
    trained(mirctl, pairs_recipe, out, "train.epochs=1")
    file = out / "extra" / "modalities.json"
    whole = file.read_text()
    for now in (whole.replace("there", "here"), "{}", whole.replace("12", "13"), "[]"):
        file.write_text(now)
        ran = mirctl("fuse", "eval", out)
        assert ran.code == 4, (now, ran.err)


def test_the_same_seed_makes_the_same_bytes(mirctl, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        trained(mirctl, write_world(tmp_path / name), tmp_path / f"m{name}", "train.epochs=2")
    for file in ("model.safetensors", "metrics.json"):
        assert (tmp_path / "ma" / file).read_bytes() == (tmp_path / "mb" / file).read_bytes()


def test_things_of_one_vector_are_all_alike(mirctl, pairs_recipe, tmp_path):
    np.save(tmp_path / "there.npy", np.ones((THINGS, 12), np.float32))
    found = trained(mirctl, pairs_recipe, tmp_path / "model", "train.epochs=1")["metrics"]
    assert found["recall@10"]["value"] == pytest.approx(10 / THINGS)
