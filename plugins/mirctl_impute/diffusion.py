"""The noise of a table and the way back: Gaussian on numbers, absorbing on categories.

With a(t) = cos^2(pi t^1.5 / 2), t from 0 (data) to 1 (noise):

    number    x_t = sqrt(a) x + sqrt(1 - a) e,  e ~ N(0, 1)
    category  x_t = "masked" with probability t, else x; numbers drawn from a list likewise

The network says v = sqrt(a) e - sqrt(1 - a) x of numbers (Salimans & Ho, arXiv 2202.00512), so
that x = sqrt(a) x_t - sqrt(1 - a) v, and the shares of the categories of those that are masked
(absorbing diffusion: Austin et al., arXiv 2107.03006). At t = 1 the noise says nothing, and the
network is shown zeros in its place; there it also says m = E[number | known cells], in standard
deviations of the column, and the shares are p(category | known cells): the point estimate, in a
single call. Loss:

    mean over hidden cells of (v - v*)^2 or cross-entropy  +  mean over hidden cells at t = 1 of
    (m - number)^2

MTabGen's noise on categories is multinomial; absorbing noise tells the network which cells are
still to be drawn, and a cell that is drawn stays. On adult it made rows that are harder to tell
from real ones, and better to learn from.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mirctl import distributed
from mirctl_impute.cells import Cells, Packed, Prediction
from mirctl_impute.denoiser import Denoiser

FURTHEST = 5.3
"""Normal scores lie inside; a prediction outside is brought back."""


class Noise:
    """Random numbers for rows (n,) of a table by their numbers: they depend on the seed and on the
    row alone, not on which others are asked for. Rows are drawn by the 64, each with its seed."""

    GROUP = 64

    def __init__(
        self, seed: tuple[int, ...], rows: Tensor, columns: int, device: torch.device
    ) -> None:
        groups, place = torch.unique(rows // self.GROUP, return_inverse=True)
        self._index = place * self.GROUP + rows % self.GROUP
        self._generators = [
            torch.Generator().manual_seed(_seed((*seed, group))) for group in groups.tolist()
        ]
        self._shape, self._device = (self.GROUP, columns), device

    def normal(self) -> Tensor:
        """(rows, columns), standard normal."""
        return self._drawn(torch.randn)

    def uniform(self) -> Tensor:
        """(rows, columns) in [0, 1)."""
        return self._drawn(torch.rand)

    def _drawn(self, draw: Callable[..., Tensor]) -> Tensor:
        parts = [draw(self._shape, generator=one) for one in self._generators]
        whole = torch.cat([*parts, torch.zeros(0, self._shape[1])])
        return whole[self._index].to(self._device)


def _seed(parts: tuple[int, ...]) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)


def level(t: Tensor) -> Tensor:
    """a(t), the share of the data's variance that is left.

    The power slows the end of the way back, where columns that others nearly determine are drawn:
    with t itself their draws would vary a quarter too little in 20 steps.
    """
    return torch.cos(t**1.5 * (math.pi / 2)).square()


def add_noise(model: Denoiser, cells: Cells, t: Tensor) -> tuple[Cells, Tensor]:
    """What the network sees of every cell at times t (batch,), and the noise of the numbers."""
    noise = torch.randn_like(cells.numbers)
    a = level(t)[:, None]
    numbers = a.sqrt() * cells.numbers + (1 - a).sqrt() * noise
    numbers = numbers * (t < 1)[:, None]
    gone = torch.rand_like(cells.numbers) < t[:, None]
    return Cells(numbers, torch.where(gone, model.masked, cells.codes)), noise


@dataclass(frozen=True)
class Losses:
    """Means over their cells; `total` is what is minimised."""

    velocity: Tensor
    mean: Tensor
    category: Tensor

    @property
    def total(self) -> Tensor:
        return self.velocity + self.mean + self.category


def loss(
    model: Denoiser, cells: Cells, clean: Cells, raw: Tensor, known: Tensor, hidden: Tensor,
    t: Tensor,
) -> Losses:  # fmt: skip
    """Loss on the hidden cells (batch, columns): `cells` as they are read where known, `clean` as
    they are learned where hidden; `raw` (batch, columns) are the numbers in standard deviations,
    whose mean is learned where t = 1. Of several processes each has the loss of its rows, by the
    counts of all."""
    noisy, noise = add_noise(model, clean, t)
    count, at_end = int(hidden.sum()), int(hidden[t == 1].sum())
    process = distributed.process()
    process.diverge()
    rows = process.rows(len(t))
    cells, clean, noisy = cells[rows], clean[rows], noisy[rows]
    noise, raw, known, hidden, t = (x[rows] for x in (noise, raw, known, hidden, t))
    said = model(cells, known, hidden, noisy, t)
    pack = Packed.of(hidden)
    number = model.is_number[pack.column]
    a = level(t)[pack.row]
    wanted = a.sqrt() * pack.pick(noise) - (1 - a).sqrt() * pack.pick(clean.numbers)
    velocity = (said.velocity - wanted).square()[number]
    last = model.is_ordered[pack.column] & (t[pack.row] == 1)
    mean = (said.mean - pack.pick(raw)).square()[last]
    state, truth = pack.pick(noisy.codes), pack.pick(clean.codes)
    entropies = [
        F.cross_entropy(logits[gone], truth[at][gone], reduction="none")
        for c, logits in said.logits.items()
        if len(gone := (state[at := pack.column == c] == model.categories[c]))
    ]
    entropy = torch.cat(entropies) if entropies else velocity.new_zeros(0)
    return Losses(
        velocity.sum() / max(count, 1),
        mean.sum() / max(at_end, 1),
        entropy.sum() / max(count, 1),
    )


def expectation(model: Denoiser, cells: Cells, known: Tensor, hidden: Tensor) -> Prediction:
    """The conditional mean and mode of the hidden cells: one call at t = 1 with no noise known."""
    blank = Cells(torch.zeros_like(cells.numbers), model.masked.expand_as(cells.codes))
    t = cells.numbers.new_ones(len(cells))
    return model(cells, known, hidden, blank, t)


def draw(
    model: Denoiser,
    cells: Cells,
    known: Tensor,
    hidden: Tensor,
    noise: Noise,
    steps: int,
    guidance: float = 0.0,
) -> Cells:
    """One joint draw of the hidden cells of each row given its known ones, in `steps` calls of the
    decoder: numbers by DPM-Solver++(2M) (Lu et al., arXiv 2211.01095), categories by revealing.

    With `guidance` w > 0 the prediction p(known) becomes p(known) + w (p(known) - p(nothing))
    (classifier-free guidance, Ho & Salimans, 2022): stronger than the data, and less varied.
    """
    memory = model.remember(cells, known)
    alone = model.remember(cells, torch.zeros_like(known)) if guidance else None
    pack = Packed.of(hidden)
    times = [1 - step / steps for step in range(steps + 1)]
    state = Cells(noise.normal(), model.masked.expand_as(cells.codes).clone())
    way, turns = _WayBack(), _turns(hidden & (model.masked > 0), noise)
    for now, then in pairwise(times):
        seen = Cells(state.numbers * (now < 1), state.codes)
        t = cells.numbers.new_full((len(hidden),), now)
        said = model.denoise(memory, pack, seen, t)
        if alone is not None:
            said = _guided(said, model.denoise(alone, pack, seen, t), guidance)
        velocity = pack.spread(said.velocity)
        state = Cells(
            way.step(state.numbers, velocity, now, then),
            _reveal(model, state.codes, said.logits, pack, turns >= then, noise),
        )
    return Cells(
        torch.where(hidden, state.numbers, cells.numbers),
        torch.where(hidden, state.codes, cells.codes),
    )


def _guided(said: Prediction, alone: Prediction, weight: float) -> Prediction:
    velocity = said.velocity + weight * (said.velocity - alone.velocity)
    logits = {c: x + weight * (x - alone.logits[c]) for c, x in said.logits.items()}
    return Prediction(velocity, said.mean, logits)


class _WayBack:
    """DPM-Solver++(2M): each step also uses what the step before it said of the data.

    With s = sqrt(a), n = sqrt(1 - a), l = log(s / n) and h the growth of l in a step:

        D = x_0 + (x_0 - x_0 before) h / (2 h before),  x <- (n' / n) x - s' (exp(-h) - 1) D
    """

    def __init__(self) -> None:
        self.before: Tensor | None = None
        self.growth = math.inf

    def step(self, x: Tensor, velocity: Tensor, now: float, then: float) -> Tensor:
        """Numbers (batch, columns) one step closer to the data; the last step ends in x_0."""
        a, b = (level(torch.tensor(time, dtype=torch.float64)).item() for time in (now, then))
        a = 0.0 if now == 1 else a
        clean = (math.sqrt(a) * x - math.sqrt(1 - a) * velocity).clamp(-FURTHEST, FURTHEST)
        if then == 0:
            return clean
        growth = _log_ratio(b) - _log_ratio(a)
        aim = clean
        if self.before is not None and math.isfinite(self.growth):
            aim = clean + (clean - self.before) * (growth / (2 * self.growth))
        self.before, self.growth = clean, growth
        return math.sqrt((1 - b) / (1 - a)) * x - math.sqrt(b) * math.expm1(-growth) * aim


def _log_ratio(a: float) -> float:
    """log of signal to noise."""
    return 0.5 * math.log(a / (1 - a)) if a else -math.inf


def _turns(masked: Tensor, noise: Noise) -> Tensor:
    """When each masked cell (batch, columns) is drawn, a time in (0, 1]: in random order and evenly
    spaced, so that with as many steps as cells no two are drawn at once, blind to each other."""
    order = noise.uniform().masked_fill(~masked, 2).argsort(1).argsort(1)
    count = masked.sum(1, keepdim=True).clamp_min(1)
    return 1 - (order + noise.uniform()[:, :1]) / count


def _reveal(
    model: Denoiser, codes: Tensor, logits: dict[int, Tensor], pack: Packed, turn: Tensor,
    noise: Noise,
) -> Tensor:  # fmt: skip
    """Draw the categories of masked cells (batch, columns) whose turn has come."""
    choice = noise.uniform()
    codes = codes.clone()
    for c, scores in logits.items():
        row = pack.row[pack.column == c]
        due = turn[row, c] & (codes[row, c] == model.categories[c])
        row = row[due]
        if not len(row):
            continue
        shares = scores[due].softmax(-1).cumsum(-1)
        drawn = (shares < choice[row, c][:, None] * shares[:, -1:]).sum(-1)
        codes[row, c] = drawn.clamp_max(model.categories[c] - 1)
    return codes
