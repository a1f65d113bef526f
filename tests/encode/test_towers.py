"""Gathered states and their statistics, on states that are known."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from mirctl.encode.towers import CatalogueInputs, ItemBatch, Tower, TowerInput, TowerStates

WIDTHS = (2, 3, 1)
ROWS = np.random.default_rng(2).normal([1, -2, 0, 5, 9, -4], [1, 4, 0.5, 2, 3, 7], (9, 6))
ABSENT = [0, 4]
HERE = [1, 2, 3, 5, 6, 7, 8]


@dataclass
class Known:
    """Cached states of nine items; what stands at an absent item must never be read."""

    rows: np.ndarray
    absent: list[int]
    widths: tuple[int, ...] = WIDTHS
    layers: tuple[str, ...] = ("embeddings", "0", "1")

    def gather(self, items):
        return torch.from_numpy(self.rows[items]).float()

    def present(self):
        return ~np.isin(np.arange(len(self.rows)), self.absent)


def known(absent=ABSENT):
    rows = ROWS.copy()
    rows[absent] = 1e6
    return Known(rows, absent)


def opened(layers=(0, 1, 2), absent=ABSENT):
    towers = {"text": Tower(known(absent), layers)}
    return CatalogueInputs(towers, len(ROWS), torch.device("cpu"))


@pytest.mark.parametrize(
    ("layers", "columns"),
    [
        ((0, 1, 2), [0, 1, 2, 3, 4, 5]),
        ((0, 2), [0, 1, 5]),
        ((1,), [2, 3, 4]),
        ((1, 2), [2, 3, 4, 5]),
        ((2,), [5]),
    ],
)
def test_the_kept_layers_are_gathered(layers, columns):
    ids = torch.tensor([7, 1, 7, 3])
    (tower,) = opened(layers).gather(ids).towers
    np.testing.assert_allclose(tower.states, ROWS[ids][:, columns], rtol=1e-6)
    (read,) = opened(layers).tower_inputs(normalize=True)
    assert read.widths == [WIDTHS[i] for i in layers]
    np.testing.assert_allclose(read.mean, ROWS[HERE].mean(0)[columns], rtol=1e-5)


def test_what_is_absent_is_told_item_by_item():
    batch = opened().gather(torch.tensor([4, 5, 0, 8]))
    assert batch.ids.tolist() == [4, 5, 0, 8]
    assert batch.towers[0].present.tolist() == [False, True, False, True]


def test_towers_keep_their_order():
    towers = {"text": Tower(known(), (1,)), "image": Tower(known([8]), (2,))}
    batch = CatalogueInputs(towers, 9, torch.device("cpu")).gather(torch.tensor([0, 8]))
    assert [tower.states.shape[1] for tower in batch.towers] == [3, 1]
    assert [tower.present.tolist() for tower in batch.towers] == [[False, True], [True, False]]


@pytest.mark.parametrize(("layers", "columns"), [((0, 1, 2), range(6)), ((0, 2), [0, 1, 5])])
def test_present_items_are_standardised_by_present_items(layers, columns):
    inputs = opened(layers)
    (read,) = inputs.tower_inputs(normalize=True)
    (tower,) = inputs.gather(torch.tensor(HERE)).towers
    states = torch.cat(read(tower), dim=1).detach().numpy()
    here = ROWS[HERE][:, list(columns)]
    np.testing.assert_allclose(states, (here - here.mean(0)) / here.std(0), atol=1e-5)


def test_without_normalisation_states_stay_as_they_are():
    inputs = opened((1,))
    (read,) = inputs.tower_inputs(normalize=False)
    (tower,) = inputs.gather(torch.tensor(HERE)).towers
    (state,) = read(tower)
    np.testing.assert_allclose(state.detach(), ROWS[HERE][:, 2:5], rtol=1e-6)


def test_a_tower_without_any_state_has_plain_statistics():
    (read,) = opened(absent=list(range(9))).tower_inputs(normalize=True)
    assert read.mean.tolist() == [0.0] * 6
    assert read.scale.tolist() == [1.0] * 6


def items(present, widths=((4, 4), (3, 5))):
    n = len(present[0])
    towers = tuple(
        TowerStates(torch.randn(n, sum(w)).half(), torch.tensor(p))
        for w, p in zip(widths, present, strict=True)
    )
    return ItemBatch(torch.arange(n), towers)


def test_modality_dropout_takes_one_tower_from_a_share_of_the_items_that_have_several():
    n = 4000
    whole = items([[True] * n, [n % 4 > 0 for n in range(n)]])
    torch.manual_seed(0)
    hidden = whole.hide(0.4)
    before, after = (torch.stack([t.present for t in one.towers]) for one in (whole, hidden))
    lost = before & ~after
    several = before.all(0)
    assert not (after & ~before).any()
    assert lost.sum(0).max() == 1
    assert not lost[:, ~several].any()
    assert lost[:, several].any(0).float().mean().item() == pytest.approx(0.4, abs=0.03)
    assert lost[0].sum().item() == pytest.approx(lost[1].sum().item(), rel=0.2)
    assert all(torch.equal(a.states, b.states) for a, b in zip(whole.towers, hidden.towers))


def test_without_modality_dropout_no_random_number_is_drawn():
    whole, state = items([[True, True], [True, True]]), torch.get_rng_state()
    assert whole.hide(0.0) is whole
    assert torch.equal(torch.get_rng_state(), state)


def test_states_are_standardised():
    mean, scale = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 4.0])
    read = TowerInput([1, 1], mean, scale)
    batch = TowerStates(torch.tensor([[3.0, -1.0]]).half(), torch.tensor([True]))
    assert [s.item() for s in read(batch)] == [1.0, 4.0]
