"""Encoders that learn: what does, what a token may not reach, what comes back from an artifact."""

import copy
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from adapt.content.conftest import run
from mirctl import artifact, training
from mirctl.encode import EncoderSettings, load_encoder
from mirctl.encode.towers import CatalogueInputs
from mirctl.encode.tuning import TextTower
from mirctl.errors import ArtifactError
from mirctl.nn.side import SideAdapter
from mirctl.sequences.scorer import embed_items
from mirctl_adapt import neural, opening, recommender
from mirctl_adapt.config import TUNED, ModelConfig

TEXTS = ["a b c d e f g h", None, "b", "c d"]
CPU = torch.device("cpu")
every_method = pytest.mark.parametrize("method", TUNED)


def tower_of(model, method="fft", **settings):
    return TextTower(EncoderSettings(model=str(model), **settings), TEXTS, method, 4)


def states_of(tower, items):
    module = tower.module(normalize=False).eval()
    with torch.no_grad():
        (state,) = module(tower.gather(torch.tensor(items), CPU))
    return state, module


@every_method
def test_before_it_learns_an_encoder_says_what_the_frozen_one_says(bert, method):
    state, module = states_of(tower_of(bert, method), [0, 2, 3])
    frozen = load_encoder(EncoderSettings(model=str(bert)), CPU, torch.float32)
    width = frozen.widths[-1]
    expected = frozen.encode(["a b c d e f g h", "b", "c d"])[:, -width:]
    near = 0.05 if method == "adapter" else 1e-5  # an adapter begins near the identity, not at it
    assert module.widths == [width]
    assert torch.allclose(state, expected, atol=near)


@pytest.mark.parametrize("pool", ["mean", "cls", "last"])
def test_a_text_is_the_same_beside_a_longer_one_and_alone(bert, pool):
    tower = tower_of(bert, pool=pool)
    both, module = states_of(tower, [0, 2])
    with torch.no_grad():
        (alone,) = module.eval()(tower.gather(torch.tensor([2]), CPU))
    assert tower.gather(torch.tensor([2]), CPU).ids.shape[1] < tower.ids.shape[1]
    assert torch.allclose(both[1], alone[0], atol=1e-5)


def test_without_a_text_there_is_a_learned_state(bert):
    tower = tower_of(bert)
    module = tower.module(normalize=False).eval()
    nn.init.constant_(module.absent, 3.0)
    (state,) = module(tower.gather(torch.tensor([1, 2]), CPU))
    assert (state[0] == 3).all()
    assert not (state[1] == 3).any()
    assert tower.present.tolist() == [True, False, True, True]


@pytest.mark.parametrize(
    ("method", "learns"),
    [
        ("fft", lambda name: True),
        ("lora", lambda name: "lora_" in name),
        ("bitfit", lambda name: name.endswith("bias")),
        ("adapter", lambda name: False),
    ],
)
def test_what_learns_in_the_network(bert, method, learns):
    module = tower_of(bert, method).module(normalize=False)
    free = {name: p.requires_grad for name, p in module.network.named_parameters()}
    assert any(free.values()) == (method != "adapter")
    assert free == {name: learns(name) for name in free}
    layers = module.network.config.num_hidden_layers
    assert len(module.adapters) == (layers if method == "adapter" else 0)


def test_lora_stands_beside_queries_and_values(bert):
    module = tower_of(bert, "lora").module(normalize=False)
    places = {n.split(".lora_")[0].rpartition(".")[2] for n, _ in module.network.named_parameters()
              if "lora_" in n}  # fmt: skip
    assert places == {"query", "value"}
    shapes = {tuple(p.shape) for n, p in module.network.named_parameters() if "lora_A" in n}
    assert {shape[0] for shape in shapes} == {4}


def test_an_adapter_acts_on_what_its_layer_gives(bert):
    """Each layer's output, adapted by hand, is the next one's input."""
    tower = tower_of(bert, "adapter", pool="cls")
    module = tower.module(normalize=False).eval()
    plain = copy.deepcopy(module.network)
    for layer in plain.encoder.layer:
        layer._forward_hooks.clear()
    for adapter in module.adapters:
        nn.init.normal_(adapter.up.weight, std=0.5)
        nn.init.normal_(adapter.down.weight, std=0.5)
    tokens = tower.gather(torch.tensor([0]), CPU)
    with torch.no_grad():
        hidden = plain.embeddings(input_ids=tokens.ids)
        for layer, adapter in zip(plain.encoder.layer, module.adapters, strict=True):
            out = layer(hidden)
            hidden = out[0] if isinstance(out, tuple) else out
            inner = torch.relu(hidden @ adapter.down.weight.T + adapter.down.bias)
            hidden = hidden + inner @ adapter.up.weight.T + adapter.up.bias
        (state,) = module(tokens)
    assert isinstance(adapter, SideAdapter)
    assert torch.allclose(state[0], hidden[0, 0], atol=1e-5)


@every_method
def test_a_run_learns_in_the_encoder_and_comes_back(
    mirctl, recipe, bert, tmp_path, catalogue, method
):
    run(mirctl, recipe, tmp_path / "m", f"model.method={method}", "train.encoder_lr=1e-2")
    art = artifact.open_artifact(tmp_path / "m")
    kept = art.tensors("model")
    names = [name for name in kept if ".network." in name]
    weights = sum(1 for name in names if "lora_" not in name and not name.endswith("bias"))
    assert (weights > 0) == (method == "fft")  # what never changed is not written down
    before = dict(tower_of(bert, method).module(normalize=False).network.named_parameters())
    changed = [
        name for name in names
        if not torch.equal(kept[name], before[name.partition(".network.")[2]].detach())
    ]  # fmt: skip
    assert changed or method == "adapter"
    embedded = mirctl(
        "adapt", "embed", tmp_path / "m", "--items", catalogue / "items.csv",
        "--images", catalogue / "images", "--out", tmp_path / "e.safetensors",
    )  # fmt: skip
    assert embedded.code == 0, embedded.err
    saved = recommender.load(tmp_path / "m")
    from safetensors.torch import load_file

    again = load_file(tmp_path / "e.safetensors")["embeddings"]
    assert torch.allclose(again, saved.scorer.embeddings, atol=1e-5)


def test_the_rate_inside_the_encoder_is_its_own(mirctl, recipe, bert, tmp_path):
    run(
        mirctl, recipe, tmp_path / "m", "model.method=fft", "model.image=null",
        "train.encoder_lr=1e-12",
    )  # fmt: skip
    kept = artifact.open_artifact(tmp_path / "m").tensors("model")
    before = tower_of(bert).module(normalize=False).network.state_dict()
    for name in (name for name in kept if ".network." in name):
        old = before[name.partition(".network.")[2]]
        assert torch.allclose(kept[name], old, atol=1e-7), name
    assert kept["users.positions.weight"].abs().max() > 0.03  # and the rest has learned


def test_other_weights_than_it_was_trained_on_are_refused(mirctl, recipe, bert, tmp_path):
    from safetensors.torch import load_file, save_file

    mine = tmp_path / "mine"
    mine.mkdir()
    for file in bert.iterdir():
        (mine / file.name).write_bytes(file.read_bytes())
    run(mirctl, recipe, tmp_path / "m", "model.method=lora", f"model.text={mine}")
    tensors = load_file(mine / "model.safetensors")
    first = next(iter(tensors))
    tensors[first] = tensors[first] + 1
    save_file(tensors, mine / "model.safetensors", metadata={"format": "pt"})
    failed = mirctl("adapt", "recommend", tmp_path / "m", "--all")
    assert failed.code == 4
    assert "encoder" in failed.err


def test_pictures_alone_cannot_be_tuned(mirctl, recipe, tmp_path):
    failed = mirctl(
        "adapt", "run", recipe, "model.method=lora", "model.text=null", "--out", tmp_path / "m"
    )
    assert failed.code == 2
    assert "text" in failed.err


def test_bitfit_of_a_model_without_biases_is_refused(mirctl, recipe, llama, tmp_path):
    failed = mirctl(
        "adapt", "run", recipe, "model.method=bitfit", f"model.text={llama}",
        "--out", tmp_path / "m",
    )  # fmt: skip
    assert failed.code == 2
    assert "no biases" in failed.err


def test_a_decoder_is_tuned_too(mirctl, recipe, llama, tmp_path):
    for method in ("lora", "adapter"):
        run(mirctl, recipe, tmp_path / method, f"model.method={method}", f"model.text={llama}")


def test_training_stops_when_its_time_is_over(mirctl, recipe, tmp_path):
    run(
        mirctl, recipe, tmp_path / "m", "model.method=id", "train.epochs=500",
        "train.minutes=0.005",
    )  # fmt: skip
    spent = json.loads((tmp_path / "m" / "efficiency.json").read_text())
    assert spent["out_of_time"]
    assert 0 < spent["epochs"] < 500
    assert spent["steps"] > 3
    assert spent["timed_steps"] == min(spent["steps"], training.TIMED) - training.WARM_UP
    assert spent["epoch_seconds"] == pytest.approx(
        spent["step_seconds"] * spent["steps"] / spent["epochs"]
    )
    history = json.loads((tmp_path / "m" / "extra" / "history.json").read_text())
    assert len(history) == np.ceil(spent["epochs"])  # the last one, too, is validated


def test_an_encoder_reads_a_catalogue_in_small_blocks(bert, monkeypatch):
    monkeypatch.setattr(TextTower, "block", 2)
    inputs = CatalogueInputs({"text": tower_of(bert)}, len(TEXTS), CPU)
    config = ModelConfig(method="fft", text=str(bert), dim=8)
    model = neural.build(config, inputs.tower_inputs(normalize=False), len(TEXTS))
    seen = []
    model.items.register_forward_pre_hook(lambda _, given: seen.append(len(given[0].ids)))
    small = embed_items(model, inputs)
    assert seen == [2, 2]
    monkeypatch.setattr(TextTower, "block", 99)
    assert torch.allclose(embed_items(model, inputs), small, atol=1e-5)


@pytest.mark.parametrize("method", ["lora", "adapter"])
def test_what_is_added_to_an_encoder_takes_no_memory_before_its_file_fits(
    mirctl, recipe, bert, tmp_path, method
):
    run(mirctl, recipe, tmp_path / "m", f"model.method={method}", "model.image=null")
    art = artifact.open_artifact(tmp_path / "m")
    config = opening.config(art).model
    facts = opening.towers(art, config)
    module = opening._tuned(art, config, "text", facts["text"])
    added = {n: p for n, p in module.named_parameters() if "lora_" in n or "adapters." in n}
    assert added
    assert all(p.is_meta for p in added.values())
    network, _ = opening.network(art, config, facts, 30)
    assert not any(p.is_meta for p in network.parameters())


def test_an_artifact_whose_recipe_cannot_be_tuned_is_damaged(mirctl, recipe, bert, llama, tmp_path):
    run(mirctl, recipe, tmp_path / "m", "model.method=bitfit", "model.image=null")
    art = artifact.open_artifact(tmp_path / "m")
    facts = opening.towers(art, opening.config(art).model)["text"]
    tower = TextTower(EncoderSettings(model=str(llama)), [], "bitfit", 8)
    other = opening.config(art).model.model_copy(update={"text": EncoderSettings(model=str(llama))})
    with pytest.raises(ArtifactError, match="no biases"):
        opening._tuned(art, other, "text", tower.facts())
    with pytest.raises(ArtifactError, match="another"):
        opening._tuned(art, other, "text", facts)


def test_pictures_beside_a_tuned_text_are_read_as_in_training(
    mirctl, recipe, tmp_path, monkeypatch
):
    run(mirctl, recipe, tmp_path / "m", "model.method=lora", "precision=bf16")
    saved = recommender.load(tmp_path / "m")
    told = {name: facts["precision"] for name, facts in saved.towers.items()}
    assert told == {"text": "fp32", "image": "bf16"}
    seen = []
    monkeypatch.setattr(recommender.towers, "inputs_for", lambda *given: seen.append(given[3]))
    monkeypatch.setattr(recommender, "embed_items", lambda *given: torch.zeros(0))
    recommender.embed(saved, SimpleNamespace(ids=[]), CPU, "auto")
    assert seen == [torch.bfloat16]
