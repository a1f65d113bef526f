"""What stands on the frozen states: side networks, heads and id tables, written out in numpy."""

import math

import numpy as np
import pytest
import torch

from mirctl.encode.towers import ItemBatch, TowerInput, TowerStates
from mirctl.nn.side import SideAdapter
from mirctl.sequences.users import UserEncoder
from mirctl_adapt.model import FrozenHeads, IdTable, SideNetwork

WIDTHS = ((3, 4), (5, 2))
OPTIONS = {"bottleneck": 2, "dim": 6, "intra": True, "inter": True, "gate": True}


def inputs(widths=WIDTHS):
    return [TowerInput(w, torch.randn(sum(w)), torch.rand(sum(w)) + 0.5) for w in widths]


def catalogue(widths=WIDTHS, n=7):
    towers = [TowerStates(torch.randn(n, sum(w)), torch.ones(n, dtype=torch.bool)) for w in widths]
    return ItemBatch(torch.arange(n), tuple(towers))


def randomize(module):
    """Parameters far from their start, so that a forgotten term shows."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return module.double()


def numbers(tensor):
    return tensor.detach().double().numpy()


def linear(layer, x):
    return x @ numbers(layer.weight).T + numbers(layer.bias)


def head(layers, x, kind):
    """Two linear layers, or LayerNorm, linear, GELU, linear; x (n, width)."""
    if kind == "linear":
        return linear(layers[1], linear(layers[0], x))
    norm, inner, _, outer = layers
    centred = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    wide = linear(inner, centred * numbers(norm.weight) + numbers(norm.bias))
    return linear(outer, wide * 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2))))


def layer_states(tower, given, widths):
    """Standardised states, cut into layers."""
    read = (numbers(given.states) - numbers(tower.mean)) * numbers(tower.scale)
    return np.split(read, np.cumsum(widths)[:-1], axis=1)


@pytest.mark.parametrize("kind", ["linear", "gelu"])
@pytest.mark.parametrize("widths", [WIDTHS, ((4,),), ((2, 3, 4),)])
def test_the_side_network_fuses_text_then_image_then_both(kind, widths):
    model = randomize(SideNetwork(inputs(widths), head_kind=kind, **OPTIONS))
    batch = catalogue(widths)
    read = [
        [torch.from_numpy(layer) for layer in layer_states(*tower)]
        for tower in zip(model.inputs, batch.towers, widths, strict=True)
    ]
    ends = [chain(states) for chain, states in zip(model.intra, read, strict=True)]
    if len(widths) > 1:
        ends.append(model.inter(read))
    parts = [head(h, numbers(end), kind) for h, end in zip(model.heads, ends, strict=True)]
    expected = linear(model.fusion, np.concatenate(parts, axis=1))
    np.testing.assert_allclose(numbers(model(batch)), expected)


@pytest.mark.parametrize("kind", ["linear", "gelu"])
def test_frozen_heads_read_the_last_kept_layer_of_each_tower(kind):
    model = randomize(FrozenHeads(inputs(), dim=6, head_kind=kind))
    batch = catalogue()
    parts = []
    for tower, given, widths, layers in zip(
        model.inputs, batch.towers, WIDTHS, model.heads, strict=True
    ):
        last = layer_states(tower, given, widths)[-1]
        parts.append(linear(layers, last) if kind == "linear" else head(layers, last, kind))
    expected = linear(model.fusion, np.concatenate(parts, axis=1))
    np.testing.assert_allclose(numbers(model(batch)), expected)


def test_one_frozen_tower_has_nothing_to_fuse():
    model = randomize(FrozenHeads(inputs(((3, 4),)), dim=6, head_kind="linear"))
    batch = catalogue(((3, 4),))
    last = layer_states(model.inputs[0], batch.towers[0], (3, 4))[-1]
    np.testing.assert_allclose(numbers(model(batch)), linear(model.heads[0], last))


def test_a_side_adapter_starts_close_to_the_identity():
    block = SideAdapter(400, 100)
    for layer in (block.down, block.up):
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.03)
        assert layer.weight.mean().item() == pytest.approx(0, abs=2e-4)
        assert not layer.bias.any()
    x = torch.randn(3, 400)
    torch.testing.assert_close(block(x), x, atol=0.2, rtol=0)


def test_gates_start_at_equal_weights():
    model = SideNetwork(inputs(), head_kind="gelu", **OPTIONS)
    thetas = [p for name, p in model.named_parameters() if name.endswith("theta")]
    assert [tuple(theta.shape) for theta in thetas] == [(2,), (2,), (2, 2)]
    assert not any(theta.any() for theta in thetas)


@pytest.fixture
def content():
    """Embeds item k of a batch as (k + 1, k + 1, k + 1)."""

    class Content(torch.nn.Module):
        def forward(self, items):
            return torch.arange(1.0, len(items.ids) + 1)[:, None].expand(-1, 3)

    return Content()


def test_a_new_item_is_its_content_alone(content):
    model = IdTable(4, 3, content)
    known = model(ItemBatch(torch.tensor([2, 0]), ()))
    torch.testing.assert_close(known[0], model.table.weight[2] + 1)
    torch.testing.assert_close(known[1], model.table.weight[0] + 2)
    new = model(ItemBatch(torch.tensor([-1, 2, -1]), ()))
    assert new[[0, 2]].tolist() == [[1.0] * 3, [3.0] * 3]
    torch.testing.assert_close(new[1], model.table.weight[2] + 2)


def test_a_new_item_without_content_is_nothing():
    model = IdTable(4, 3)
    assert model(ItemBatch(torch.tensor([-1]), ())).tolist() == [[0.0] * 3]
    torch.testing.assert_close(model(ItemBatch(torch.tensor([3]), ()))[0], model.table.weight[3])


def test_the_order_of_a_history_matters():
    # One block alone: only its positions can tell earlier items apart.
    users = UserEncoder(dim=8, history=6, layers=1, heads=2, dropout=0.0).eval()
    history = torch.randn(1, 5, 8)
    swapped = history[:, [3, 1, 0, 2, 4]]
    change = (users(history)[:, -1] - users(swapped)[:, -1]).abs().max().item()
    assert change > 1e-4
    with torch.no_grad():
        users.positions.weight.zero_()
    torch.testing.assert_close(users(history)[:, -1], users(swapped)[:, -1])
