"""`fuse train` and `fuse eval` through the command line."""

import csv
import json

import numpy as np
import pytest
import torch

from fuse.runs import trained
from mirctl import artifact
from mirctl_fuse import opening


def test_what_is_near_is_found_by_what_items_are(mirctl, recipe, tmp_path):
    found = trained(mirctl, recipe, tmp_path / "model")
    assert found["metrics"]["mrr"]["value"] > 0.3, "by chance it would be .13"


def test_eval_gives_the_numbers_of_training_and_more(mirctl, model):
    then = json.loads((model / "metrics.json").read_text())
    ran = mirctl("fuse", "eval", model, "--apart", "--missing", "--json")
    assert ran.code == 0, ran.err
    now = json.loads(ran.out)["metrics"]
    assert {key: now[key] for key in then} == then
    assert {f"only.{name}/ndcg@10" for name in ("text", "poster", "own")} < now.keys()
    whole, half = now["ndcg@10"]["value"], now["missing.50/ndcg@10"]["value"]
    assert 0 < half <= whole * 1.1
    told = mirctl("fuse", "eval", model, "--apart", "--missing", "--require", "only.own/ndcg@10>2")
    assert told.code == 1
    assert "per cent missing" in told.out


def test_who_decided_is_told_of_each_item(mirctl, model, tmp_path):
    file = tmp_path / "who.csv"
    assert mirctl("fuse", "eval", model, "--experts", file).code == 0
    with file.open() as read:
        rows = list(csv.DictReader(read))
    saved = opening.load(model)
    names = ["text", "poster", "own", "shared 1"]
    assert [row["item_id"] for row in rows] == saved.item_ids
    for row, weights in zip(rows, saved.weights, strict=True):
        told = [float(row[name]) for name in names]
        np.testing.assert_allclose(told, weights, atol=1e-6)
        assert sum(told) == pytest.approx(1, abs=1e-5)
        assert row["decides"] == names[int(np.argmax(told))]
    assert saved.weights[0, 1] == 0, "it has no picture"
    assert saved.weights[3, 2] == 0, "it has no vector"
    again = mirctl("fuse", "eval", model, "--experts", file)
    assert again.code == 2
    assert "--force" in again.err


@pytest.mark.parametrize("fusion", ["sum", "concat", "attention", "gated"])
def test_every_fusion_trains_and_opens_again(mirctl, recipe, tmp_path, fusion):
    out = tmp_path / fusion
    found = trained(mirctl, recipe, out, f"model.fusion={fusion}", "model.cross=paths")
    assert found["metrics"]["mrr"]["value"] > 0.25
    saved = opening.load(out)
    assert (saved.weights is None) == (fusion == "concat")
    told = artifact.open_artifact(out).tensors("items")["embeddings"]
    assert torch.equal(saved.embeddings, told)
    if fusion == "concat":
        ran = mirctl("fuse", "eval", out, "--experts", tmp_path / "who.csv")
        assert ran.code == 2
        assert "weighs nothing" in ran.err


def test_the_same_seed_makes_the_same_bytes(mirctl, recipe, tmp_path):
    whole, part = tmp_path / "whole", tmp_path / "part"
    trained(mirctl, recipe, whole, "train.epochs=4")
    trained(mirctl, recipe, part, "train.epochs=4")
    for file in ("model.safetensors", "experts.safetensors", "metrics.json"):
        assert (whole / file).read_bytes() == (part / file).read_bytes()


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        (["model.modalities={}"], 2, "at least one"),
        (["model.modalities.own.model=minilm"], 2, "either a model or vectors"),
        (["model.modalities.poster.column=title"], 2, "texts alone"),
        (["model.modalities.text.column=plot"], 3, "plot"),
        (["model.fusion=mix"], 2, "fusion"),
        (["model.modalities.own.vectors=none.npy"], 3, "does not exist"),
    ],
)
def test_what_cannot_be_is_told(mirctl, recipe, tmp_path, changes, code, told):
    ran = mirctl("fuse", "train", recipe, *changes, "--out", tmp_path / "model")
    assert ran.code == code, ran.err
    assert told in ran.err
    assert not (tmp_path / "model").exists()


def test_other_vectors_are_measured_where_they_lie(mirctl, model, recipe):
    other = recipe.parent / "other.npy"
    np.save(other, np.zeros((30, 3), np.float32) + np.load(recipe.parent / "own.npy")[:1])
    change = f"model.modalities.own.vectors={other}"
    ran = mirctl("fuse", "eval", model, change, "--json")
    assert ran.code in (0, 3), ran.err
    assert mirctl("fuse", "eval", model, "model.fusion=sum").code == 2


def test_a_damaged_artifact_is_refused(mirctl, model):
    file = model / "extra" / "modalities.json"
    file.write_text(file.read_text().replace("own", "mine"))
    assert mirctl("fuse", "eval", model).code == 4
