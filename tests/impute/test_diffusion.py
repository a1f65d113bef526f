"""The noise and the way back, on distributions whose answer is known."""

import math

import pytest
import torch
from torch import nn

from mirctl_impute import diffusion
from mirctl_impute.diffusion import Noise
from mirctl_impute.model import Cells, Denoiser, Packed, Prediction


class Known(nn.Module):
    """Answers like a network that knows the distribution: numbers N(mean, sd), categories `shares`.

    With x ~ N(m, s), x_t = sqrt(a) x + sqrt(1 - a) e:
    E[x | x_t] = m + s^2 sqrt(a) (x_t - sqrt(a) m) / (a s^2 + 1 - a),
    and v = (sqrt(a) x_t - x) / sqrt(1 - a).
    """

    categories = (0, 3)

    def __init__(self, mean, sd, shares):
        super().__init__()
        self.mean, self.sd, self.shares = mean, sd, torch.tensor(shares)
        self.masked = torch.tensor([0, 3])

    def remember(self, cells, known):
        return None

    def denoise(self, memory, pack, noisy, t):
        a = diffusion.level(t)[pack.row]
        x = pack.pick(noisy.numbers)
        m, s = self.mean, self.sd
        clean = m + s**2 * a.sqrt() * (x - a.sqrt() * m) / (a * s**2 + 1 - a)
        velocity = (a.sqrt() * x - clean) / (1 - a).sqrt()
        count = int((pack.column == 1).sum())
        return Prediction(velocity, clean, {1: self.shares.log().expand(count, 3)})


def drawn(model, rows, steps=20, seed=(0,)):
    cells = Cells(torch.zeros(rows, 2), torch.zeros(rows, 2, dtype=torch.long))
    hidden = torch.ones(rows, 2, dtype=torch.bool)
    noise = Noise(seed, torch.arange(rows), 2, torch.device("cpu"))
    return diffusion.draw(model, cells, ~hidden, hidden, noise, steps)


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (1.0, 0.5)])
def test_draws_follow_the_distribution_that_the_network_knows(mean, sd):
    cells = drawn(Known(mean, sd, [0.2, 0.5, 0.3]), 20_000)
    x = cells.numbers[:, 0]
    assert x.mean() == pytest.approx(mean, abs=0.02)
    assert x.std() == pytest.approx(sd, rel=0.05)
    shares = torch.bincount(cells.codes[:, 1], minlength=4) / 20_000
    assert shares.tolist() == pytest.approx([0.2, 0.5, 0.3, 0.0], abs=0.015)


def test_one_step_draws_every_category_and_the_mean_of_every_number():
    cells = drawn(Known(0.7, 0.5, [0.2, 0.5, 0.3]), 50, steps=1)
    assert cells.numbers[:, 0].tolist() == pytest.approx([0.7] * 50, abs=1e-5)
    assert cells.codes[:, 1].max() < 3


def test_noise_depends_on_the_seed_and_the_row_not_on_the_rows_asked_for():
    device = torch.device("cpu")
    whole = Noise((3, 1), torch.arange(200), 2, device)
    some = Noise((3, 1), torch.tensor([170, 4]), 2, device)
    assert torch.equal(whole.normal()[[170, 4]], some.normal())
    assert torch.equal(whole.uniform()[[170, 4]], some.uniform())
    again = Noise((3, 1), torch.arange(200), 2, device).normal()
    assert len(again.unique()) == 400
    assert not torch.equal(Noise((3, 2), torch.arange(200), 2, device).normal(), again)
    assert Noise((3,), torch.arange(0), 2, device).normal().shape == (0, 2)


def test_noise_has_the_variance_that_its_level_says():
    torch.manual_seed(0)
    model = Denoiser([0, 4], 8, (1, 1), 2)
    cells = Cells(torch.full((40_000, 2), 2.0), torch.ones(40_000, 2, dtype=torch.long))
    t = torch.full((40_000,), 0.3)
    noisy, _ = diffusion.add_noise(model, cells, t)
    a = math.cos(0.3**1.5 * math.pi / 2) ** 2
    assert noisy.numbers.mean() == pytest.approx(2 * math.sqrt(a), abs=0.02)
    assert noisy.numbers.var() == pytest.approx(1 - a, rel=0.03)
    assert (noisy.codes[:, 1] == 4).float().mean() == pytest.approx(0.3, abs=0.01)
    last, _ = diffusion.add_noise(model, cells, torch.ones(40_000))
    assert (last.numbers == 0).all()
    assert (last.codes[:, 1] == 4).all()


class Spoken(nn.Module):
    """Says the same whatever it is asked."""

    def __init__(self, velocity, mean, logits):
        super().__init__()
        self.said = velocity, mean, torch.tensor(logits)
        self.categories, self.masked = (0, 2), torch.tensor([0, 2])
        self.is_number = torch.tensor([True, False])

    def forward(self, cells, known, hidden, noisy, t):
        pack = Packed.of(hidden)
        count = len(pack.row)
        velocity, mean, logits = self.said
        hits = int((pack.column == 1).sum())
        return Prediction(
            torch.full((count,), velocity), torch.full((count,), mean), {1: logits.expand(hits, 2)}
        )


def test_the_loss_is_the_written_out_one():
    cells = Cells(torch.tensor([[0.5, 0.0], [1.5, 0.0]]), torch.tensor([[0, 1], [0, 0]]))
    raw = torch.tensor([[3.0, 0.0], [4.0, 0.0]])
    hidden = torch.tensor([[True, True], [True, False]])
    got = diffusion.loss(
        Spoken(0.25, 1.0, [0.0, 1.0]), cells, cells, raw, ~hidden & False, hidden, torch.ones(2)
    )
    # at t = 1 v* is -x; cells that count: two numbers and one category of the three hidden
    assert got.velocity == pytest.approx(((0.25 + 0.5) ** 2 + (0.25 + 1.5) ** 2) / 3)
    assert got.mean == pytest.approx(((1 - 3.0) ** 2 + (1 - 4.0) ** 2) / 3)
    assert got.category == pytest.approx(math.log(1 + math.exp(-1)) / 3)


def test_cells_that_are_not_hidden_never_enter_the_loss():
    torch.manual_seed(0)
    model = Denoiser([0, 3, 0], 8, (1, 1), 2)
    hidden = torch.tensor([[True, False, False], [False, True, False]])
    known = torch.tensor([[False, True, False], [True, False, False]])
    t = torch.tensor([0.5, 1.0])
    losses = []
    for value in (0.0, 7.0):
        numbers = torch.tensor([[0.3, 0.0, value], [0.2, 0.0, value]])
        codes = torch.tensor([[0, 1, 0], [0, 2, 0]])
        cells = Cells(numbers, codes)
        torch.manual_seed(3)
        losses.append(diffusion.loss(model, cells, cells, numbers, known, hidden, t).total.item())
    assert losses[0] == losses[1]


@torch.no_grad()
def test_guidance_moves_away_from_what_is_said_without_knowing():
    torch.manual_seed(0)
    model = Denoiser([0, 0], 8, (1, 1), 2).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5)
    cells = Cells(torch.ones(4, 2), torch.zeros(4, 2, dtype=torch.long))
    known = torch.tensor([[True, False]] * 4)
    hidden = ~known

    def draw(weight, known):
        noise = Noise((1,), torch.arange(4), 2, torch.device("cpu"))
        return diffusion.draw(model, cells, known, hidden, noise, 1, weight).numbers[:, 1]

    plain, free = draw(0.0, known), draw(0.0, known & False)
    guided = draw(2.0, known)
    expected = (plain + 2 * (plain - free)).clamp(-diffusion.FURTHEST, diffusion.FURTHEST)
    assert torch.allclose(guided, expected, atol=1e-4)
