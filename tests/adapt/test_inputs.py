"""Gathered states and their statistics, on states that are known."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from mirctl_adapt.inputs import CatalogueInputs, Tower

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
