"""Side towers of any number of modalities: each by itself at first, and deaf to who is absent."""

import pytest
import torch

from mirctl.encode.towers import ItemBatch, TowerInput, TowerStates
from mirctl_fuse.crossan import Bus, ItemEncoder, Paths, Towers
from mirctl_fuse.fusion import Sum

WIDTHS = ((8, 8, 8), (6, 10, 12), (5,), (7, 7))


def towers(cross="bus", widths=WIDTHS, seed=0, **more):
    torch.manual_seed(seed)
    inputs = [TowerInput(w, torch.zeros(sum(w)), torch.ones(sum(w))) for w in widths]
    return Towers(inputs, **{"bottleneck": 4, "rank": 3, "gate": True, **more}, cross=cross)


def heard(model):
    """What began at zero does not stay there."""
    with torch.no_grad():
        for weight in model.cross.parameters():
            weight += 0.3 * torch.randn_like(weight)
    return model


def items(n=6, widths=WIDTHS, seed=1, present=None):
    draw = torch.Generator().manual_seed(seed)
    given = []
    for t, w in enumerate(widths):
        here = torch.ones(n, dtype=torch.bool) if present is None else present[:, t]
        given.append(TowerStates(torch.randn(n, sum(w), generator=draw).half(), here))
    return ItemBatch(torch.arange(n), tuple(given))


@pytest.mark.parametrize("cross", ["bus", "paths"])
def test_at_first_each_tower_is_by_itself(cross):
    apart, together = towers("none"), towers(cross)
    together.load_state_dict(apart.state_dict(), strict=False)
    for one, other in zip(apart(items()), together(items()), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("cross", ["bus", "paths"])
def test_a_changed_modality_is_heard_by_all_that_still_have_layers(cross):
    model, batch = heard(towers(cross)), items()
    before = model(batch)
    changed = list(batch.towers)
    changed[3] = TowerStates(changed[3].states + 1, changed[3].present)
    after = model(ItemBatch(batch.ids, tuple(changed)))
    assert all(not torch.allclose(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("cross", ["bus", "paths"])
def test_who_is_absent_tells_nothing_and_is_told(cross):
    present = torch.ones(6, 4, dtype=torch.bool)
    present[:3, 1] = False
    model, batch = heard(towers(cross)), items(present=present)
    with torch.no_grad():
        model.inputs[1].absent += torch.randn_like(model.inputs[1].absent)
    before = model(batch)
    with torch.no_grad():
        model.inputs[1].absent += 1
    after = model(batch)
    for m in (0, 2, 3):
        assert torch.equal(before[m], after[m]), "nobody hears a stand-in"
    assert not torch.allclose(before[1][:3], after[1][:3])
    other = items(seed=2, present=present)
    told = model(ItemBatch(batch.ids, (other.towers[0], *batch.towers[1:])))
    assert not torch.allclose(told[1][:3], after[1][:3]), "it hears of the others"


@pytest.mark.parametrize("kind", [Bus, Paths])
def test_an_exchange_is_the_formula(kind):
    torch.manual_seed(0)
    widths, rank, n = (5, 3, 4), 2, 7
    made = kind([list(enumerate(widths))], rank)
    for weight in made.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    states, keys = [torch.randn(n, width) for width in widths], made.keys[0]
    present = (torch.rand(n, 3) < 0.6).float()
    found = made(0, states, present)
    for row in range(n):
        for m in range(3):
            senders = [j for j in range(3) if j != m and present[row, j]]
            if kind is Bus:
                sums = sum(made.down[keys[j]](made.norms[keys[j]](states[j][row])) for j in senders)
                gate = torch.sigmoid(made.theta[0][m] / 0.1)
                wanted = gate * made.up[keys[m]](sums / max(len(senders), 1)) if senders else 0
            else:
                wanted = sum(
                    torch.sigmoid(made.theta[0][made.pairs[0].index((j, m))] / 0.1)
                    * made.up[f"{j}-to-{keys[m]}"](
                        made.down[f"{keys[j]}-to-{m}"](made.norms[keys[j]](states[j][row]))
                    )
                    / len(senders)
                    for j in senders
                )
            wanted = wanted if senders else torch.zeros(widths[m])
            torch.testing.assert_close(found[m][row], wanted, atol=1e-5, rtol=1e-5)


def test_without_exchange_it_is_the_chain_of_one_tower():
    model, batch = towers("none", ((4, 4),)), items(widths=((4, 4),))
    first, second = batch.towers[0].states.float().split(4, 1)
    block = model.blocks[0]
    hidden = block[0](0.5 * first)
    torch.testing.assert_close(model(batch)[0], block[1](0.5 * second + 0.5 * hidden))


@pytest.mark.parametrize("cross", ["bus", "paths"])
def test_maps_are_shared_by_blocks_of_one_width_and_gates_are_not(cross):
    short, long = (towers(cross, ((8,) * blocks,) * 3).cross for blocks in (2, 5))
    maps = [sum(p.numel() for n, p in model.named_parameters() if "theta" not in n)
            for model in (short, long)]  # fmt: skip
    assert maps[0] == maps[1]
    assert [len(model.theta) for model in (short, long)] == [2, 5]


def test_the_bus_is_linear_in_modalities_and_paths_are_not():
    def count(cross, modalities):
        model = towers(cross, ((16, 16),) * modalities)
        return sum(p.numel() for p in model.cross.parameters())

    assert count("bus", 8) == 4 * count("bus", 2)
    assert count("paths", 8) > 10 * count("paths", 2)


def test_gradients_reach_all_that_learns():
    model = ItemEncoder(towers("paths"), Sum(), 8, "gelu")
    heard(model.towers)
    present = torch.rand(6, 4) < 0.7
    model(items(present=present)).square().sum().backward()
    lost = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert lost == []
