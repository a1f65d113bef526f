"""What is saved comes back bit for bit, and nothing else is taken for it."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

import damage
from align.model.batches import INJECTIONS, rows, together
from mirctl import artifact
from mirctl.errors import ArtifactError, MissingError
from mirctl_align import saving
from mirctl_align.model import learned


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("inject", INJECTIONS)
@pytest.mark.parametrize("family", ["llama", "bert"])
def test_a_saved_model_scores_the_same_bit_for_bit(saved, family, inject, method):
    model, folder = saved(family, inject, method)
    found = saving.load(folder)
    batch = together(rows())
    with torch.no_grad():
        assert torch.equal(found.model(batch), model(batch))
    for name, tensor in learned(model).items():
        assert torch.equal(found.model.state_dict()[name], tensor), name
    assert artifact.verify(folder) == []


@pytest.mark.parametrize("family", ["llama", "gpt2", "roberta"])
def test_of_lora_only_what_learned_is_stored(saved, family):
    _, folder = saved(family, "concat")
    names = set(artifact.open_artifact(folder, "align/reward").tensors("model"))
    frozen = {n for n in names if "lora_" not in n and n.startswith("network.")}
    assert all("score" in n or "classifier" in n for n in frozen)
    assert {"entry.eyes", "mean", "scale"} <= names
    assert any(n.startswith("entry.projector.") for n in names)


def test_a_full_model_needs_nothing_but_its_artifact(saved, tmp_path, llama):
    base = tmp_path / "base"
    shutil.copytree(llama, base)
    (base / "chat_template.jinja").write_text("{{ messages[0].content }}")
    model, folder = saved(str(base), "none", "full")
    shutil.rmtree(base)
    found = saving.load(folder)
    with torch.no_grad():
        assert torch.equal(found.model(rows()[0]), model(rows()[0]))
    assert found.base.tokenizer.chat_template == "{{ messages[0].content }}"


def test_an_artifact_and_its_base_move_together(saved, tmp_path, llama):
    shutil.copytree(llama, tmp_path / "base")
    model, folder = saved(str(tmp_path / "base"), "add")
    (tmp_path / "elsewhere").mkdir()
    for name in ("base", "reward"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    with pytest.raises(ArtifactError):
        saving.load(folder)
    found = saving.load(tmp_path / "elsewhere" / "reward")
    with torch.no_grad():
        assert torch.equal(found.model(rows()[0]), model(rows()[0]))
    text = (tmp_path / "elsewhere" / "reward" / "extra" / "reward.json").read_text()
    assert str(tmp_path) not in text


def test_another_base_is_refused(saved, tmp_path, llama):
    base = tmp_path / "base"
    shutil.copytree(llama, base)
    _, folder = saved(str(base))
    weights = load_file(base / "model.safetensors")
    weights["model.norm.weight"] = weights["model.norm.weight"] + 1
    save_file(weights, base / "model.safetensors", {"format": "pt"})
    with pytest.raises(ArtifactError, match="learned beside another base"):
        saving.load(folder)
    shutil.rmtree(base)
    with pytest.raises(MissingError, match="no such folder"):
        saving.load(folder)


def test_loading_draws_no_random_numbers(saved):
    _, folder = saved("bert", "concat", "full")
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    saving.load(folder)
    assert torch.equal(torch.rand(3), wanted)


def rewritten(folder, change):
    """Change what reward.json says."""
    path = folder / "extra" / "reward.json"
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))
    damage.seal(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda told: told["model"].update(rank=3), "lora"),
        (lambda told: told.update(measures=["FFD"]), "mean"),
        (lambda told: told["gaze"].update(inject="psychic"), "gaze.inject"),
        (lambda told: told["gaze"].update(inject="none"), "has no place"),
        (lambda told: told.pop("base"), "base"),
    ],
)
def test_an_artifact_that_contradicts_itself_is_refused(saved, change, told):
    _, folder = saved("llama", "add")
    rewritten(folder, change)
    with pytest.raises(ArtifactError, match=told):
        saving.load(folder)


def test_weights_that_are_no_numbers_are_refused(saved):
    _, folder = saved("bert", "none", "full")
    damage.tensors("model", lambda name, t: t / 0 if name.endswith("classifier.weight") else t)(
        folder
    )
    damage.seal(folder)
    with pytest.raises(ArtifactError, match=r"classifier.weight.*no finite number"):
        saving.load(folder)


def test_damage_to_what_is_kept_of_the_base_is_told(saved):
    _, folder = saved("bert")
    (folder / "extra" / "base" / "tokenizer.json").write_text("{")
    damage.seal(folder)
    with pytest.raises(ArtifactError, match="no tokenizer"):
        saving.load(folder)


def generating(opened, **gaze):
    """The same model, that learned from a generator."""
    changed = opened.stored.gaze.model_copy(update={"generator": "formula"})
    stored = opened.stored.model_copy(update={"gaze": changed, **gaze})
    return replace(opened, stored=stored)


def test_only_the_generator_of_training_is_taken(saved):
    from mirctl.words import choose

    opened = saving.load(saved("llama", "add")[1])
    assert opened.generator() is None  # its gaze was in the data
    key = choose("formula").source.key
    assert generating(opened, generator=key).generator().name == "formula"
    with pytest.raises(ArtifactError, match="weights or settings changed"):
        generating(opened, generator="another").generator()
    with pytest.raises(ArtifactError, match="gives no EEG"):
        generating(opened, generator=key, measures=("EEG", "TRT", "FFD")).generator()


def test_a_model_that_needs_no_gaze_asks_no_generator(saved):
    opened = saving.load(saved("llama", "aux-loss")[1])
    assert generating(opened, generator="another").generator() is None


def test_another_kind_of_artifact_is_refused(tmp_path):
    with artifact.create(tmp_path / "other", "gaze/reading"):
        pass
    with pytest.raises(ArtifactError, match="is of kind gaze/reading, not align/reward"):
        saving.load(tmp_path / "other")
