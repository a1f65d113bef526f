"""The side network against its equations, written out in numpy."""

import numpy as np
import pytest
import torch

from mirctl.encode.layers import Cached
from mirctl.encode.towers import ItemBatch, TowerInput, TowerStates
from mirctl.nn.side import InterTower, IntraTower
from mirctl_adapt import layers
from mirctl_adapt.config import ModelConfig
from mirctl_adapt.model import SideNetwork


def randomize(module):
    """Parameters far from their start, so that a forgotten term shows."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    return module.double()


def weights(layer):
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()


def adapter(block, x):
    down, down_bias = weights(block.down)
    up, up_bias = weights(block.up)
    return np.maximum(x @ down.T + down_bias, 0) @ up.T + up_bias + x


def carried(layer, x):
    if isinstance(layer, torch.nn.Identity):
        return x
    weight, bias = weights(layer)
    return x @ weight.T + bias


def test_the_intra_tower_is_its_equation():
    widths = [6, 6, 4]
    tower = randomize(IntraTower(widths, 3, gate=True))
    states = [torch.randn(5, w, dtype=torch.float64) for w in widths]
    hidden = np.zeros((5, 6))
    for k, state in enumerate(states):
        gate = 1 / (1 + np.exp(-tower.theta[k].item() / 0.1))
        mixed = gate * state.numpy() + (1 - gate) * carried(tower.carries[k], hidden)
        hidden = adapter(tower.blocks[k], mixed)
    np.testing.assert_allclose(tower(states).detach().numpy(), hidden)


def test_the_inter_tower_is_its_equation_for_unequal_towers():
    text, image = [6, 6, 6], [9, 3, 5, 8]
    tower = randomize(InterTower([text, image], 3, gate=True))
    assert tower.widths == [3, 5, 6], "the narrower width of each of the last three blocks"
    given = [[torch.randn(5, w, dtype=torch.float64) for w in widths] for widths in (text, image)]
    hidden = np.zeros((5, 3))
    for k in range(3):
        a, b = given[0][k].numpy(), given[1][k + 1].numpy()
        theta = tower.theta[k].detach().numpy() / 0.1
        gate = 1 / (1 + np.exp(theta[1] - theta[0]))
        mixed = gate * carried(tower.aligns[k][0], a) + (1 - gate) * carried(tower.aligns[k][1], b)
        hidden = adapter(tower.blocks[k], carried(tower.carries[k], hidden) + mixed)
    np.testing.assert_allclose(tower(given).detach().numpy(), hidden)


def test_towers_of_equal_width_need_no_transformation():
    tower = InterTower([[4, 4], [4, 4]], 2, gate=True)
    kinds = [type(m) for block in tower.aligns for m in block] + [type(m) for m in tower.carries]
    assert set(kinds) == {torch.nn.Identity}


def network(widths=((4, 4), (3, 5)), **changes):
    options = {"bottleneck": 2, "dim": 8, "head_kind": "gelu"}
    options |= {"intra": True, "inter": True, "gate": True, **changes}
    inputs = [TowerInput(w, torch.zeros(sum(w)), torch.ones(sum(w))) for w in widths]
    return SideNetwork(inputs, **options)


def items(present, widths=((4, 4), (3, 5))):
    n = len(present[0])
    towers = tuple(
        TowerStates(torch.randn(n, sum(w)).half(), torch.tensor(p))
        for w, p in zip(widths, present, strict=True)
    )
    return ItemBatch(torch.arange(n), towers)


def test_an_absent_item_is_learned_from_and_its_zeros_are_not_read():
    model = network()
    batch = items([[True, True, True], [True, False, True]])
    model(batch)[1].sum().backward()
    absent = [tower.absent.grad for tower in model.inputs]
    assert absent[0] is None or absent[0].abs().sum() == 0, "every item has the first modality"
    assert absent[1].abs().sum() > 0
    batch.towers[1].states[1] = 9.0
    model.zero_grad()
    changed = model(batch)[1]
    batch.towers[1].states[1] = 0.0
    torch.testing.assert_close(changed, model(batch)[1])


def test_a_present_item_teaches_the_absent_state_nothing():
    model = network()
    model(items([[True, True], [True, True]])).sum().backward()
    assert all(t.absent.grad is None or not t.absent.grad.any() for t in model.inputs)


def test_a_hidden_modality_reads_as_one_that_was_never_there():
    model = network()
    whole = items([[True, True], [True, True]])
    torch.manual_seed(0)
    hidden = whole.hide(1.0)
    gone = [TowerStates(t.states, h.present) for t, h in zip(whole.towers, hidden.towers)]
    assert torch.equal(model(hidden), model(ItemBatch(whole.ids, tuple(gone))))
    assert not torch.allclose(model(hidden), model(whole))


def test_every_parameter_learns():
    model = network(bottleneck=16)
    model(items([[True, False, True], [True, True, False]])).square().sum().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize(
    ("changes", "gone"),
    [({"inter": False}, "inter."), ({"intra": False}, "intra.")],
)
def test_an_ablation_takes_its_part_away(changes, gone):
    model = network(**changes)
    assert not [name for name, _ in model.named_parameters() if name.startswith(gone)]
    assert model(items([[True] * 3, [True] * 3])).shape == (3, 8)


def test_without_gates_the_weights_stay_equal():
    model = network(gate=False)
    assert not [n for n, p in model.named_parameters() if "theta" in n and p.requires_grad]


def test_one_modality_needs_no_inter_tower():
    model = network(widths=((4, 4),))
    assert model.inter is None
    assert model(items([[True] * 2], widths=((4, 4),))).shape == (2, 8)


def cached(depth, *, embeddings=True):
    names = [str(i) for i in range(depth)]
    return Cached(["embeddings", *names[1:]] if embeddings else names, [4] * depth)


def config(**changes):
    return ModelConfig.model_validate({"text": "a/b", "image": "c/d", **changes})


def test_a_deeper_tower_keeps_its_surplus_for_itself():
    towers = {"text": cached(19), "image": cached(7)}
    kept = layers.choose(config(groups={"text": 9, "image": 6}), towers)
    assert [len(k) for k in kept.values()] == [9, 6]
    tower = InterTower([[4] * 9, [4] * 6], 2, gate=True)
    assert tower.length == 6
