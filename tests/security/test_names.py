"""Words of a recipe or an artifact that become names of files, cards and configs."""

import json
import re
from pathlib import Path

import pytest
import torch
import yaml

from mirctl import artifact, recipe
from mirctl.artifact import card
from mirctl.artifact.export import export
from mirctl.steps.command import pipeline_of

SWEEP = """
uses: adapt/run
data: {{interactions: log.csv, items: items.csv}}
model: {{method: frozen}}
sweep:
  model.columns:
    {key}: {{max_tokens: [8, 9]}}
    title: {{max_tokens: [8, 9]}}
"""


@pytest.mark.parametrize(
    "key", ["/tmp/evil", "../../evil", "a/../../../evil", "..", "~/x", "a b", "a\\0b", "x" * 300]
)
def test_a_swept_key_names_no_place(tmp_path, key):
    (tmp_path / "r.yaml").write_text(SWEEP.format(key=json.dumps(key)))
    pipeline = pipeline_of(recipe.read(str(tmp_path / "r.yaml")))
    assert len(pipeline.steps) == 4
    for name in pipeline.steps:
        assert re.fullmatch(r"[\w.+~=,-]+", name)
        assert Path(name).name == name


def test_keys_that_look_alike_stay_apart(tmp_path):
    text = SWEEP.format(key="a/b").replace("title:", "a-b:")
    (tmp_path / "r.yaml").write_text(text)
    pipeline = pipeline_of(recipe.read(str(tmp_path / "r.yaml")))
    assert len(pipeline.steps) == 4


def make(folder, facts, **texts):
    with artifact.create(folder, "test/model") as draft:
        draft.tensors("model", {"w": torch.ones(2)})
        for name, text in texts.items():
            draft.text(name.replace("__", "."), text)
        draft.describe(**facts)
    return folder


def test_an_export_tells_no_reader_to_run_code(tmp_path):
    facts = {"auto_map": {"AutoModel": "x--y.Z"}, "architectures": ["Evil"], "model_type": "bert"}
    export(make(tmp_path / "art", {**facts, "attn_implementation": "org/k"}), tmp_path / "hf")
    told = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert set(told) == {"library_name", "kind", "facts"}


@pytest.mark.parametrize("name", ["pytorch_model__bin", "extra/x__PT", "training_args__pkl"])
def test_an_export_has_no_pickle(mirctl, tmp_path, name):
    folder = make(tmp_path / "art", {}, **{name: "x"})
    ran = mirctl("artifact", "export", folder, "--to", "hf", "--out", tmp_path / "hf")
    assert ran.code == 4
    assert "could run code" in ran.err
    assert not (tmp_path / "hf").exists()


def test_a_card_turns_no_direction(tmp_path):
    metrics = {"\u202egnp.exe": {"value": 1.0, "n": 1}, "é": {"value": 1.0, "n": 1}}
    folder = make(tmp_path / "art", {}, metrics__json=json.dumps(metrics))
    text = card.card(artifact.open_artifact(folder))
    assert "\u202e" not in text
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["metrics"] == list(metrics)


@pytest.mark.parametrize("of", [2, 10**6, 999_999, 0])
def test_a_part_of_very_many_is_told_soon(mirctl, tmp_path, of):
    parts = [tmp_path / f"t-{number}-of-{of}.csv" for number in (1, 3)]
    for part in parts:
        part.write_text("a\n1\n")
    ran = mirctl("artifact", "merge", *parts, "--out", tmp_path / "out.csv")
    assert ran.code == 3
    assert "bug" not in ran.err
