"""When hidden categories are drawn, and that those drawn at once are drawn apart."""

import pytest
import torch
from torch import nn

from impute.plain import random_network
from mirctl_impute import diffusion
from mirctl_impute.cells import Cells, Packed
from mirctl_impute.diffusion import Noise

ROWS = 4_000


def noise(columns, rows=ROWS):
    return Noise((0,), torch.arange(rows), columns, torch.device("cpu"))


@pytest.mark.parametrize("hidden", [1, 3])
def test_a_cell_s_turn_is_any_time_as_in_training(hidden):
    """The share that is still masked at t is t, whatever the number of hidden cells."""
    masked = torch.arange(4).expand(ROWS, 4) < hidden
    turns = diffusion._turns(masked, noise(4))[:, :hidden]
    for t in (0.1, 0.5, 0.85):
        assert (turns < t).float().mean() == pytest.approx(t, abs=0.02)


def test_numbers_take_no_turn_from_categories(monkeypatch):
    """Of a row's hidden cells only categories count: two of them are never drawn in one of two
    steps, though a number is hidden too."""
    model, rows = random_network((0, 2, 2)), 200
    seen = []
    before = model.denoise

    def denoise(memory, pack, state, t):
        seen.append(state.codes[:, 1:] == 2)
        return before(memory, pack, state, t)

    monkeypatch.setattr(model, "denoise", denoise)
    cells = Cells(torch.zeros(rows, 3), torch.zeros(rows, 3, dtype=torch.int64))
    hidden = torch.ones(rows, 3, dtype=torch.bool)
    with torch.no_grad():
        diffusion.draw(model, cells, ~hidden, hidden, noise(3, rows), 2)
    assert seen[0].all()
    assert (seen[1].sum(1) == 1).all()


def test_categories_that_are_drawn_at_once_are_drawn_apart():
    model = nn.Module()
    model.categories = (2, 2)
    hidden = torch.ones(ROWS, 2, dtype=torch.bool)
    logits = {c: torch.zeros(ROWS, 2) for c in (0, 1)}
    start = torch.full((ROWS, 2), 2)
    codes = diffusion._reveal(model, start, logits, Packed.of(hidden), hidden, noise(2))
    assert codes.float().mean(0).tolist() == pytest.approx([0.5, 0.5], abs=0.03)
    assert (codes[:, 0] == codes[:, 1]).float().mean() == pytest.approx(0.5, abs=0.03)
