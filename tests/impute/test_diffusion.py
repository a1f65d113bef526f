"""The noise and the way back, on distributions whose answer is known."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from mirctl_impute import diffusion
from mirctl_impute.cells import Cells, Packed, Prediction
from mirctl_impute.diffusion import Noise
from mirctl_impute.model import MTabGen


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


class Twins(nn.Module):
    """Knows of two categories that they are always the same, and nothing else."""

    def __init__(self):
        super().__init__()
        self.masked = torch.tensor([3, 3])
        self.categories = (3, 3)

    def remember(self, cells, known):
        return None

    def denoise(self, memory, pack, noisy, t):
        other = torch.nn.functional.one_hot(noisy.codes.flip(1), 4)[..., :3] * 99.0
        logits = {c: other[pack.row[pack.column == c], c] for c in (0, 1)}
        return Prediction(torch.zeros(len(pack.row)), torch.zeros(len(pack.row)), logits)


@pytest.mark.parametrize("steps", [2, 3, 20])
def test_categories_are_drawn_one_after_the_other_where_steps_allow(steps):
    codes = drawn(Twins(), 2_000, steps).codes
    assert (codes[:, 0] == codes[:, 1]).all()
    assert (torch.bincount(codes[:, 0]) / 2_000).tolist() == pytest.approx([1 / 3] * 3, abs=0.05)


def test_of_two_categories_either_may_be_drawn_first():
    noise = Noise((0,), torch.arange(2_000), 3, torch.device("cpu"))
    masked = torch.tensor([[True, False, True]] * 2_000)
    turns = diffusion._turns(masked, noise)[:, [0, 2]]
    assert (turns[:, 0] > turns[:, 1]).float().mean() == pytest.approx(0.5, abs=0.04)
    assert torch.allclose((turns[:, 0] - turns[:, 1]).abs(), torch.tensor(0.5))
    assert turns.max() <= 1
    assert turns.min() > 0
    assert turns.mean() == pytest.approx(0.5, abs=0.01)


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
    model = MTabGen([0, 4], 8, (1, 1), 2)
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
        self.is_number = self.is_ordered = torch.tensor([True, False])

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
    model = MTabGen([0, 3, 0], 8, (1, 1), 2)
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
    model = MTabGen([0, 0], 8, (1, 1), 2).eval()
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


def a_of(t):
    return math.cos(t**1.5 * math.pi / 2) ** 2


def test_noisy_numbers_are_the_data_and_the_noise_in_their_shares():
    model = MTabGen([0, 0], 8, (1, 1), 2)
    cells = Cells(torch.tensor([[2.0, -1.0]] * 3), torch.zeros(3, 2, dtype=torch.long))
    times = [0.1, 0.4, 0.9]
    noisy, noise = diffusion.add_noise(model, cells, torch.tensor(times))
    for i, a in enumerate(map(a_of, times)):
        expected = math.sqrt(a) * cells.numbers[i] + math.sqrt(1 - a) * noise[i]
        assert torch.allclose(noisy.numbers[i], expected, atol=1e-5)
    assert noise.unique().numel() == 6


def test_the_loss_of_rows_at_two_times_is_the_written_out_one(monkeypatch):
    # the category of the first row is revealed, that of the second is not
    cells = Cells(torch.tensor([[0.5, 0.0], [1.5, 0.0]]), torch.tensor([[0, 1], [0, 0]]))
    noise = torch.tensor([[0.8, 0.0], [-0.6, 0.0]])
    seen = Cells(torch.zeros(2, 2), torch.tensor([[0, 1], [0, 2]]))
    monkeypatch.setattr(diffusion, "add_noise", lambda *_: (seen, noise))
    raw, hidden = torch.tensor([[3.0, 0.0], [4.0, 0.0]]), torch.ones(2, 2, dtype=torch.bool)
    got = diffusion.loss(
        Spoken(0.25, 1.0, [0.0, 1.0]), cells, cells, raw, ~hidden, hidden, torch.tensor([0.4, 1.0])
    )
    a = a_of(0.4)
    early = 0.25 - (math.sqrt(a) * 0.8 - math.sqrt(1 - a) * 0.5)
    assert got.velocity == pytest.approx((early**2 + (0.25 + 1.5) ** 2) / 4)
    # only the second row stands at the end, with two hidden cells
    assert got.mean == pytest.approx((1 - 4.0) ** 2 / 2)
    assert got.category == pytest.approx(math.log(1 + math.e) / 4)
    assert got.total == pytest.approx(float(got.velocity + got.mean + got.category))


def test_hidden_cells_are_learned_and_known_ones_are_read():
    read = Cells(torch.full((1, 2), 5.0), torch.tensor([[0, 0]]))
    learned = Cells(torch.full((1, 2), 0.5), torch.tensor([[0, 1]]))
    model, asked = Spoken(0.0, 0.0, [0.0, 1.0]), []
    model.register_forward_pre_hook(lambda _, given: asked.append(given))
    hidden = torch.ones(1, 2, dtype=torch.bool)

    def loss(t):
        raw = torch.zeros(1, 2)
        return diffusion.loss(model, read, learned, raw, ~hidden, hidden, torch.tensor([t]))

    at_end = loss(1.0)
    assert at_end.velocity == pytest.approx(0.5**2 / 2)
    assert at_end.category == pytest.approx(math.log(1 + math.exp(-1)) / 2)
    loss(0.0)
    cells, _, _, noisy, _ = asked[-1]
    assert torch.equal(cells.numbers, read.numbers)
    assert torch.equal(cells.codes, read.codes)
    assert torch.equal(noisy.numbers, learned.numbers)
    assert torch.equal(noisy.codes, learned.codes)


class Even:
    """Noise that is spread evenly: every column has the same quantiles, from row to row."""

    def __init__(self, rows, columns):
        self.shares = ((torch.arange(rows) + 0.5) / rows)[:, None].expand(rows, columns)

    def normal(self):
        return torch.special.ndtri(self.shares)

    def uniform(self):
        return self.shares


class Said(nn.Module):
    """Answers by a function of the state and the time; keeps what it was shown.

    logits (2,) of the second column are those for rows that know something, and those that do not.
    """

    categories = (0, 2)

    def __init__(self, velocity, knowing=(0.0, 0.0), alone=(0.0, 0.0)):
        super().__init__()
        self.velocity, self.shown = velocity, []
        self.logits = torch.tensor([alone, knowing])
        self.masked = torch.tensor([0, 2])

    def remember(self, cells, known):
        return known.any(1).long()

    def denoise(self, memory, pack, noisy, t):
        self.shown.append((t[0].item(), noisy))
        row = pack.row
        velocity = self.velocity(pack.pick(noisy.numbers), t[row])
        return Prediction(velocity, velocity, {1: self.logits[memory[row[pack.column == 1]]]})


def drawn_evenly(model, rows, steps, *, known=False, guidance=0.0):
    """Draw both columns; a third column may be known."""
    cells = Cells(torch.zeros(rows, 3), torch.zeros(rows, 3, dtype=torch.long))
    hidden = torch.tensor([[True, True, False]]).expand(rows, 3)
    model.masked = torch.tensor([0, 2, 0])
    seen = ~hidden & known
    return diffusion.draw(model, cells, seen, hidden, Even(rows, 3), steps, guidance)


@pytest.mark.parametrize("steps", [2, 4, 7])
def test_the_way_back_is_the_published_solver(steps):
    """DPM-Solver++(2M), algorithm 2 of arXiv 2211.01095 with r = h before / h."""

    def velocity(x, t):
        return x.sin() * 0.6 + t * 0.5

    got = drawn_evenly(Said(velocity), 9, steps).numbers[:, 0]
    x = torch.special.ndtri((torch.arange(9) + 0.5) / 9).double()
    times = np.linspace(1, 0, steps + 1)
    before, ratio_before, grown = None, -np.inf, np.inf
    for now, then in pairwise(times):
        a, b = (a_of(now), a_of(then)) if now < 1 else (0.0, a_of(then))
        state = x.float() if now < 1 else torch.zeros(9)
        v = velocity(state, torch.tensor(now, dtype=torch.float32)).double()
        clean = np.sqrt(a) * x - np.sqrt(1 - a) * v
        if then == 0:
            x = clean
            break
        ratio = np.log(np.sqrt(b) / np.sqrt(1 - b))
        h = ratio - ratio_before
        aim = clean
        if np.isfinite(grown):
            r = grown / h
            aim = (1 + 1 / (2 * r)) * clean - before / (2 * r)
        x = np.sqrt(1 - b) / np.sqrt(1 - a) * x - np.sqrt(b) * (np.exp(-h) - 1) * aim
        before, ratio_before, grown = clean, ratio, h
    assert got.tolist() == pytest.approx(x.tolist(), abs=1e-4)
    assert got.std() > 0.02 or steps == 2


@pytest.mark.parametrize("steps", [1, 2, 6])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_network_that_says_too_much_is_brought_back(steps, sign):
    model = Said(lambda x, t: torch.full_like(x, sign * 100.0))
    numbers = drawn_evenly(model, 5, steps).numbers[:, 0]
    assert numbers.tolist() == pytest.approx([-sign * diffusion.FURTHEST] * 5)
    states = torch.cat([state.numbers[:, 0] for _, state in model.shown])
    assert states.abs().max() < 2 * diffusion.FURTHEST


def test_the_network_is_shown_no_noise_at_the_end_and_no_category_at_first():
    model = Said(lambda x, t: 0.1 * x)
    drawn_evenly(model, 200, 4)
    assert [t for t, _ in model.shown] == [1, 0.75, 0.5, 0.25]
    first, *later = [state for _, state in model.shown]
    assert (first.numbers == 0).all()
    assert (first.codes[:, 1] == 2).all()
    for state in later:
        assert state.numbers[:, 0].std() > 0.1
    # a quarter of the categories is revealed at each step
    masked = [(state.codes[:, 1] == 2).float().mean().item() for state in later]
    assert masked == sorted(masked, reverse=True)


def test_what_the_noise_says_at_the_end_still_leads_the_way():
    numbers = drawn_evenly(Said(lambda x, t: 0 * x), 9, 2).numbers[:, 0]
    a = a_of(0.5)
    start = torch.special.ndtri((torch.arange(9) + 0.5) / 9)
    assert torch.allclose(numbers, math.sqrt(a) * math.sqrt(1 - a) * start, atol=1e-5)


@torch.no_grad()
def test_cells_that_are_not_hidden_are_drawn_as_they_were():
    torch.manual_seed(0)
    model = MTabGen([0, 3, 0, 4], 8, (1, 1), 2).eval()
    codes = torch.stack([torch.randint(0, max(k, 1), (50,)) for k in model.categories], 1)
    cells = Cells(torch.randn(50, 4), codes)
    place = torch.rand(50, 4)
    hidden, known = place < 0.4, place > 0.6
    made = diffusion.draw(model, cells, known, hidden, Even(50, 4), 3)
    assert torch.equal(made.numbers[~hidden], cells.numbers[~hidden])
    assert torch.equal(made.codes[~hidden], cells.codes[~hidden])
    number = hidden & model.is_number
    assert (made.numbers[number] != cells.numbers[number]).all()
    assert (made.codes < torch.tensor([1, 3, 1, 4])).all()


@pytest.mark.parametrize(("known", "guidance", "odds"), [
    (True, 0.0, 1), (False, 0.0, 1 / 9), (True, 1.0, 9), (True, 0.5, 3), (False, 1.0, 1 / 9),
])  # fmt: skip
def test_guidance_strengthens_what_the_known_cells_say_of_a_category(known, guidance, odds):
    model = Said(lambda x, t: x, knowing=(0.0, 0.0), alone=(math.log(9), 0.0))
    codes = drawn_evenly(model, 1000, 1, known=known, guidance=guidance).codes[:, 1]
    assert codes.float().mean() == pytest.approx(odds / (1 + odds), abs=0.002)
