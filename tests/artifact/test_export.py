"""What was exported is a model for tools that know nothing of mirctl."""

import json
import re
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from mirctl import artifact
from mirctl.artifact.export import export

SHARED = torch.arange(6.0).reshape(2, 3)


def make(out: Path, **groups: dict[str, torch.Tensor]) -> Path:
    source = {"name": "data.items", "sha256": "ab" * 32, "path": "../secret/items.csv"}
    with artifact.create(out, kind="test/model") as draft:
        for name, tensors in groups.items():
            draft.tensors(name, tensors, metadata={"note": 1})
        draft.json("metrics.json", {"auc": {"value": 0.5, "low": 0.25, "high": 0.75, "n": 4}})
        draft.text("recipe.yaml", "uses: test/run\ndata: ../secret/items.csv\n")
        draft.json("extra/words.json", ["a"])
        draft.card(artifact.Words("A thing"))
        draft.describe(seed=7, inputs=[source], license="mit", width=3)
    return out


@pytest.fixture
def art(tmp_path):
    return make(tmp_path / "art", model={"head": SHARED, "in": SHARED, "n": torch.tensor(7)})


def test_another_library_reads_the_whole_model(mirctl, art, tmp_path):
    ran = mirctl("artifact", "export", art, "--to", "hf", "--out", tmp_path / "hf", "--json")
    assert ran.code == 0, ran.err
    found = load_file(tmp_path / "hf" / "model.safetensors")
    assert found.keys() == {"head", "in", "n"}
    assert torch.equal(found["head"], SHARED)
    assert torch.equal(found["in"], SHARED)
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert config == {
        "library_name": "mirctl", "kind": "test/model", "facts": {"license": "mit", "width": 3}
    }  # fmt: skip
    listed = json.loads(ran.out)["files"]
    assert listed == {
        path.relative_to(tmp_path / "hf").as_posix(): path.stat().st_size
        for path in (tmp_path / "hf").rglob("*")
        if path.is_file()
    }
    assert {"extra/words.json", "metrics.json", "README.md"} <= set(listed)


def test_the_card_has_yaml_that_hubs_read(art, tmp_path):
    export(art, tmp_path / "hf")
    text = (tmp_path / "hf" / "README.md").read_text()
    front = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)[1]
    assert yaml.safe_load(front)["license"] == "mit"


def test_nothing_tells_of_the_machine(art, tmp_path):
    export(art, tmp_path / "hf")
    for path in (tmp_path / "hf").rglob("*"):
        assert path.is_dir() or b"secret" not in path.read_bytes()
        assert path.name not in ("manifest.json", "recipe.yaml")


def test_large_models_are_cut_and_their_index_names_every_weight(art, tmp_path):
    export(art, tmp_path / "hf", shard_bytes=32)
    index = json.loads((tmp_path / "hf" / "model.safetensors.index.json").read_text())
    assert index["weight_map"].keys() == {"head", "in", "n"}
    for name, shard in index["weight_map"].items():
        assert name in load_file(tmp_path / "hf" / shard)


def test_what_has_no_model_is_refused(mirctl, tmp_path):
    out = make(tmp_path / "art", states={"w": SHARED})
    ran = mirctl("artifact", "export", out, "--out", tmp_path / "hf")
    assert ran.code == 4
    assert "no tensors 'model' to export; it holds: states" in ran.err
    assert not (tmp_path / "hf").exists()


def test_what_is_damaged_is_refused(mirctl, art, tmp_path):
    (art / "extra/words.json").write_text(
        "[]x\n\n\n\n"[: (art / "extra/words.json").stat().st_size]
    )
    ran = mirctl("artifact", "export", art, "--out", tmp_path / "hf")
    assert ran.code == 4
    assert "words.json" in ran.err
    assert not (tmp_path / "hf").exists()


def test_only_an_export_is_replaced(mirctl, art, tmp_path):
    model = tmp_path / "someones"
    model.mkdir()
    (model / "config.json").write_text("{}")
    assert mirctl("artifact", "export", art, "--out", model, "--force").code == 2
    assert [path.name for path in model.iterdir()] == ["config.json"]
    assert mirctl("artifact", "export", art, "--out", tmp_path / "hf").code == 0
    assert mirctl("artifact", "export", art, "--out", tmp_path / "hf").code == 2
    assert mirctl("artifact", "export", art, "--out", tmp_path / "hf", "--force").code == 0


def test_another_form_is_wrong_usage(mirctl, art, tmp_path):
    ran = mirctl("artifact", "export", art, "--to", "onnx", "--out", tmp_path / "x")
    assert ran.code == 2
    assert "use hf" in ran.err
