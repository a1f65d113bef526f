"""What crossan is compared with: the same encoders adapted otherwise, trained and opened alike."""

import json
from itertools import combinations

import numpy as np
import pytest
import torch

from fuse.runs import trained
from mirctl import artifact
from mirctl.encode.towers import ItemBatch, TowerInput, TowerStates
from mirctl.nn.side import InterTower, IntraTower
from mirctl_fuse import network, opening
from mirctl_fuse.config import FuseModel
from mirctl_fuse.peers import Pairwise

METHODS = ("pairwise-iisan", "lora", "adapter")


def inputs(widths):
    return [TowerInput(w, torch.zeros(sum(w)), torch.ones(sum(w))) for w in widths]


def items(widths, n=5, absent=()):
    draw = torch.Generator().manual_seed(0)
    towers = []
    for t, own in enumerate(widths):
        here = torch.tensor([(row, t) not in absent for row in range(n)])
        towers.append(TowerStates(torch.randn(n, sum(own), generator=draw).half(), here))
    return ItemBatch(torch.arange(n), tuple(towers))


def test_pairwise_iisan_is_iisan_for_each_and_each_pair():
    widths = ((8, 8), (6, 6, 10), (4,))
    torch.manual_seed(0)
    made, batch = Pairwise(inputs(widths), bottleneck=3, gate=True), items(widths)
    for weight in made.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    states = [own(one) for own, one in zip(made.inputs, batch.towers, strict=True)]
    wanted = []
    for t, own in enumerate(widths):
        tower = IntraTower(own, 3, gate=True)
        tower.load_state_dict(made.intra[t].state_dict())
        wanted.append(tower(states[t]))
    for n, (i, j) in enumerate(combinations(range(3), 2)):
        tower = InterTower([widths[i], widths[j]], 3, gate=True)
        tower.load_state_dict(made.inter[n].state_dict())
        wanted.append(tower([states[i], states[j]]))
    found = made(batch)
    assert [end.shape[1] for end in found] == made.ends == [8, 10, 4, 8, 4, 4]
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one, other)


def test_a_pair_is_there_where_one_of_the_two_is():
    widths = ((4,),) * 3
    made = Pairwise(inputs(widths), bottleneck=2, gate=True)
    batch = items(widths, absent={(0, 0), (0, 1), (1, 2)})
    assert made.present(batch)[:2].tolist() == [
        [False, False, True, False, True, True],
        [True, True, False, True, True, True],
    ]


def test_pairs_grow_as_the_square_and_towers_do_not():
    def count(method, modalities):
        names = {f"m{n}": {"vectors": f"{n}.npy"} for n in range(modalities)}
        model = FuseModel.model_validate({"modalities": names, "method": method, "dim": 8,
                                          "bottleneck": 16, "rank": 4})  # fmt: skip
        made = network.build(model, inputs(((64,) * 6,) * modalities))
        return sum(p.numel() for p in made.items.towers.parameters() if p.requires_grad)

    assert count("crossan", 8) == pytest.approx(2 * count("crossan", 4), rel=1e-3)
    assert count("pairwise-iisan", 8) > 3.3 * count("pairwise-iisan", 4)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_opens_again_and_is_searched(mirctl, recipe, tmp_path, method):
    out, index = tmp_path / method, tmp_path / "index"
    found = trained(mirctl, recipe, out, f"model.method={method}", "train.epochs=20")
    assert found["metrics"]["mrr"]["value"] > 0.25, "by chance it would be .13"
    saved = opening.load(out)
    assert torch.equal(saved.embeddings, artifact.open_artifact(out).tensors("items")["embeddings"])
    ran = mirctl("fuse", "eval", out, "--apart", "--json")
    assert ran.code == 0, ran.err
    again = json.loads(ran.out)["metrics"]
    assert again["ndcg@10"]["value"] == pytest.approx(found["metrics"]["ndcg@10"]["value"])
    assert mirctl("fuse", "index", out, "--out", index).code == 0
    asked = mirctl("fuse", "search", index, "--text", "a b", "--k", 3)
    assert asked.code == 0, asked.err
    assert len(asked.out.splitlines()) == 3


def test_of_an_encoder_that_learns_only_what_was_added_is_written_down(mirctl, recipe, tmp_path):
    trained(mirctl, recipe, tmp_path / "m", "model.method=lora", "train.epochs=1")
    names = artifact.open_artifact(tmp_path / "m").tensors("model")
    inside = [name for name in names if ".network." in name]
    assert inside
    assert all("lora_" in name for name in inside)
    told = (tmp_path / "m" / "README.md").read_text()
    assert "tuned by lora" in told
    assert "frozen" in told


def test_other_weights_than_were_tuned_are_refused(mirctl, recipe, bert, tmp_path):
    from safetensors.torch import load_file, save_file

    mine = tmp_path / "mine"
    mine.mkdir()
    for file in bert.iterdir():
        (mine / file.name).write_bytes(file.read_bytes())
    change = f"model.modalities.text.model={mine}"
    trained(mirctl, recipe, tmp_path / "m", "model.method=lora", change, "train.epochs=1")
    tensors = load_file(mine / "model.safetensors")
    first = next(iter(tensors))
    tensors[first] = tensors[first] + 1
    save_file(tensors, mine / "model.safetensors", metadata={"format": "pt"})
    ran = mirctl("fuse", "eval", tmp_path / "m")
    assert ran.code == 4
    assert "another" in ran.err


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["model.method=lora", "model.modalities.text=null"], "poster, own have none"),
        (["model.method=pairwise-iisan", "model.fusion=momef"], "by concat"),
        (["model.method=iisan"], "pairwise-iisan"),
    ],
)
def test_a_method_that_does_not_fit_is_told(mirctl, recipe, tmp_path, changes, told):
    ran = mirctl("fuse", "train", recipe, *changes, "--out", tmp_path / "model")
    assert ran.code == 2, ran.err
    assert told in ran.err


def test_what_is_frozen_beside_an_encoder_that_learns_is_told(mirctl, recipe, tmp_path):
    told = ("model.method=adapter", "train.epochs=1", "--out", tmp_path / "m")
    ran = mirctl("fuse", "train", recipe, *told)
    assert ran.code == 0, ran.err
    assert "poster, own: read as they are, since adapter tunes encoders of text alone" in ran.err
    spent = json.loads((tmp_path / "m" / "efficiency.json").read_text())
    assert spent["trainable_parameters"] > 0
    assert np.isfinite(spent["step_seconds"])
