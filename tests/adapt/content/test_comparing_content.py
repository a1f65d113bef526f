"""`adapt compare` of methods that read content: states once, tuned encoders, ablations."""

import json

import pytest

from mirctl_adapt.comparing import racing


@pytest.fixture
def in_one_process(monkeypatch):
    monkeypatch.setattr(racing, "APART", False)


def test_side_networks_beside_tuned_encoders(mirctl, recipe, tmp_path):
    options = ("--seeds", 1, "--baseline-minutes", 0.01, "train.epochs=1", "--json")
    ran = mirctl("adapt", "compare", recipe, "--methods", "iisan-versa+id,lora,id", *options,
                 "lora.train.epochs=400", "--out", tmp_path / "race")  # fmt: skip
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["tpme_over"] == ["iisan-versa+id", "lora"]
    assert told["stopped"] == ["lora"]
    assert set(told["encode_seconds"]) == {"text", "image"}
    assert told["metrics"]["lora.ndcg@10"]["seeds"] == 1
    assert told["metrics"]["lora.ndcg@10-iisan-versa+id"]["seeds"] == 1
    assert told["metrics"]["iisan-versa+id.tpme"]["value"] is not None
    text = (tmp_path / "race" / "seed=0" / "iisan-versa-id" / "recipe.yaml").read_text()
    assert "ids: true" in text
    tuned = json.loads((tmp_path / "race" / "lora" / "efficiency.json").read_text())
    assert tuned["out_of_time"]
    again = mirctl("adapt", "compare", recipe, "--methods", "iisan-versa+id,lora,id", *options,
                   "lora.train.epochs=400", "--out", tmp_path / "race")  # fmt: skip
    assert json.loads(again.out)["metrics"] == told["metrics"]
    assert json.loads(again.out)["encode_seconds"] == {}


def test_an_ablation(mirctl, recipe, tmp_path):
    ran = mirctl("adapt", "compare", recipe, "--ablate", "--seeds", 1, "train.epochs=1",
                 "--out", tmp_path / "race", "--dry-run", "--json")  # fmt: skip
    assert ran.code == 0, ran.err
    steps = json.loads(ran.out)["steps"]
    assert "seed=0/iisan-versa" in steps
    assert "seed=0/iisan-versa-only-text" in steps


def test_an_ablation_of_a_further_column(mirctl, recipe, tmp_path, bert, in_one_process):
    ran = mirctl("adapt", "compare", recipe, "--ablate", f"model.columns.title={bert}",
                 "model.image=null", "model.gate=false", "--seeds", 1, "train.epochs=1",
                 "--out", tmp_path / "race", "--json")  # fmt: skip
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["failed"] == {}
    text = (tmp_path / "race" / "seed=0" / "iisan-versa-only-text" / "recipe.yaml").read_text()
    assert "title: null" in text


def test_what_takes_part_unless_told_takes_any_towers(mirctl, recipe, tmp_path, in_one_process):
    ran = mirctl("adapt", "compare", recipe, "--seeds", 1, "train.epochs=1",
                 "--out", tmp_path / "race", "--json")  # fmt: skip
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["failed"] == {}
