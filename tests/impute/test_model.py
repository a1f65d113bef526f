"""The denoiser: what may reach a prediction, what must not, and its written out form."""

import ctypes
import math

import numpy as np
import pytest
import torch
from torch import nn

from mirctl_impute.ablated import Mlp, Pooled
from mirctl_impute.cells import Cells, Packed
from mirctl_impute.denoiser import gelu
from mirctl_impute.model import MTabGen

CATEGORIES = [0, 3, 0, 2, 5]
PLACES = [None, np.array([-1.2, 0.1, 0.8]), None, None, None]
"""The second column is one of numbers that are drawn from a list."""


@pytest.fixture
def model():
    return random(MTabGen)


def random(denoiser):
    torch.manual_seed(1)
    made = denoiser(CATEGORIES, 16, (2, 2), 2, 0.1, PLACES).eval()
    for parameter in made.parameters():  # biases and the mean's weights start at zero
        nn.init.normal_(parameter, std=0.3)
    return made


@pytest.fixture
def batch():
    """Cells, known, hidden, noisy, t of 7 rows; some cells are in neither set."""
    torch.manual_seed(2)
    codes = torch.stack([torch.randint(0, max(k, 1), (7,)) for k in CATEGORIES], 1)
    cells = Cells(torch.randn(7, 5), codes)
    place = torch.rand(7, 5)
    known, hidden = place < 0.4, place > 0.6
    known[0], hidden[0] = False, True
    known[1], hidden[1] = True, False
    noisy = Cells(torch.randn(7, 5), torch.minimum(codes + 1, torch.tensor(CATEGORIES)))
    return cells, known, hidden, noisy, torch.rand(7)


def close(one, other):
    assert torch.allclose(one.velocity, other.velocity, atol=1e-5)
    assert torch.allclose(one.mean, other.mean, atol=1e-5)
    for c, logits in one.logits.items():
        assert torch.allclose(logits, other.logits[c], atol=1e-5)


every_denoiser = pytest.mark.parametrize("denoiser", [MTabGen, Pooled, Mlp])


@every_denoiser
@torch.no_grad()
def test_only_known_cells_and_the_noisy_state_reach_a_prediction(denoiser, batch):
    model = random(denoiser)
    cells, known, hidden, noisy, t = batch
    before = model(*batch)
    other = Cells(torch.where(known, cells.numbers, 9.0), torch.where(known, cells.codes, 0))
    state = Cells(torch.where(hidden, noisy.numbers, -9.0), torch.where(hidden, noisy.codes, 0))
    close(before, model(other, known, hidden, state, t))


@every_denoiser
@torch.no_grad()
def test_every_known_cell_and_every_hidden_state_counts(denoiser, batch):
    model = random(denoiser)
    cells, known, hidden, noisy, t = batch
    before = model(*batch)
    both = (known & model.is_number).any(1) & hidden.any(1)
    row = int(both.nonzero()[0, 0])
    column = int((known[row] & model.is_number).nonzero()[0, 0])
    moved = cells.numbers.clone()
    moved[row, column] += 1
    after = model(Cells(moved, cells.codes), known, hidden, noisy, t)
    changed = before.velocity != after.velocity
    assert changed[Packed.of(hidden).row == row].any()
    assert not changed[Packed.of(hidden).row != row].any()


@every_denoiser
@torch.no_grad()
def test_a_row_is_the_same_alone_and_in_a_batch(denoiser, batch):
    model = random(denoiser)
    cells, known, hidden, noisy, t = batch
    whole = model(*batch)
    rows = Packed.of(hidden).row
    for i in range(7):
        one = slice(i, i + 1)
        alone = model(
            Cells(cells.numbers[one], cells.codes[one]), known[one], hidden[one],
            Cells(noisy.numbers[one], noisy.codes[one]), t[one],
        )  # fmt: skip
        assert torch.allclose(alone.velocity, whole.velocity[rows == i], atol=1e-5)


def reference(model, cells, known, hidden, noisy, t):
    """The module's docstring written out for one row with plain lists of tokens: velocities,
    means, and category logits by column."""
    first = torch.tensor([0, 0, 4, 4, 7])  # a row more than categories for "masked"

    def token(source, c):
        value, score = torch.zeros(16), source.numbers[c]
        if CATEGORIES[c]:
            value = model.category[first[c] + source.codes[c]]
        if PLACES[c] is not None:
            score = torch.tensor([*PLACES[c], 0.0], dtype=torch.float)[source.codes[c]]
        if not CATEGORIES[c] or PLACES[c] is not None:
            inner = nn.functional.gelu(score * model.slope[c] + model.shift[c])
            value = value + model.number.weight @ inner + model.number.bias
        return model.column[c] + value

    def attend(layer, tokens, more_keys=(), more_values=()):
        q, k, v = layer.project(layer.before(tokens)).chunk(3, -1)
        k, v = torch.cat([*more_keys, k]), torch.cat([*more_values, v])
        heads = []
        for h in range(layer.heads):
            part = slice(h * 8, h * 8 + 8)
            scores = q[:, part] @ k[:, part].T / math.sqrt(8)
            heads.append(scores.softmax(-1) @ v[:, part])
        tokens = tokens + layer.out(torch.cat(heads, -1))
        return tokens + layer.mlp(layer.between(tokens))

    seen = [model.everything] + [token(cells, c) for c in range(5) if known[c]]
    memory = torch.stack(seen)
    for layer in model.encoder:
        memory = attend(layer, memory)
    rates = torch.exp(torch.arange(8) * (-math.log(1e4) / 8))
    when = model.time(torch.cat([(1000 * t * rates).sin(), (1000 * t * rates).cos()]))
    asked = [c for c in range(5) if hidden[c]]
    if not asked:
        return torch.zeros(0), torch.zeros(0), {}
    tokens = torch.stack([token(noisy, c) + when for c in asked])
    for layer, read in zip(model.decoder, model.to_memory):
        key, value = read(memory).chunk(2, -1)
        tokens = attend(layer, tokens, [key], [value])
    tokens = model.norm(tokens)
    velocity, mean = (
        torch.stack([x @ head[c] + model.number_bias[c, i] for x, c in zip(tokens, asked)])
        for i, head in enumerate((model.velocity, model.mean))
    )
    logits = {}
    for x, c in zip(tokens, asked):
        said = []
        for k in range(CATEGORIES[c]):  # never that for "masked"
            score = model.score[first[c] + k]
            if PLACES[c] is not None:
                inner = nn.functional.gelu(PLACES[c][k] * model.slope[c] + model.shift[c])
                score = score + 0.3 * (model.by_place.weight @ inner)
            said.append(x @ score + model.score_bias[first[c] + k])
        if said:
            logits[c] = torch.stack(said)
    return velocity, mean, logits


@torch.no_grad()
def test_the_packed_network_is_the_written_out_one(model, batch):
    cells, known, hidden, noisy, t = batch
    rows = Packed.of(hidden).row
    said = model(*batch)
    assert len(model.number_bias.unique()) == 10
    assert len(model.score_bias.unique()) == 13
    for i in range(7):
        velocity, mean, logits = reference(
            model, Cells(cells.numbers[i], cells.codes[i]), known[i], hidden[i],
            Cells(noisy.numbers[i], noisy.codes[i]), t[i],
        )  # fmt: skip
        assert torch.allclose(said.velocity[rows == i], velocity, atol=1e-4), i
        assert torch.allclose(said.mean[rows == i], mean, atol=1e-4), i
        for c in (1, 3, 4):
            (place,) = hidden[:, c].nonzero(as_tuple=True)
            got = said.logits[c][place == i]
            assert len(got) == (c in logits)
            assert c not in logits or torch.allclose(got[0], logits[c], atol=1e-4), (i, c)


def test_a_table_of_numbers_alone_or_of_categories_alone(batch):
    for categories in ([0, 0], [2, 3]):
        made = MTabGen(categories, 8, (1, 1), 2)
        cells = Cells(torch.randn(3, 2), torch.ones(3, 2, dtype=torch.long))
        hidden = torch.ones(3, 2, dtype=torch.bool)
        said = made(cells, ~hidden, hidden, cells, torch.rand(3))
        assert len(said.velocity) == 6
        assert all(torch.isfinite(x).all() for x in said.logits.values())


def test_both_forms_of_attention_agree(model, batch):
    with torch.no_grad():
        fused = model(*batch)
    close(fused, model(*batch))


def test_a_grid_without_gaps_is_packed_and_unpacked_as_one_with_gaps():
    tokens = torch.randn(6, 4)
    for mask in (torch.ones(3, 2), torch.tensor([[1, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 0]])):
        pack = Packed.of(mask.bool())
        grid = pack.grid(tokens)
        assert grid.shape[:2] == pack.closed.shape
        assert torch.equal(pack.ungrid(grid), tokens)
        assert not grid[pack.closed < 0].any()


def test_gelu_is_torchs():
    x = torch.randn(5, 3, requires_grad=True)
    (ours,) = torch.autograd.grad(gelu(x).square().sum(), x)
    (theirs,) = torch.autograd.grad(nn.functional.gelu(x).square().sum(), x)
    assert torch.allclose(gelu(x), nn.functional.gelu(x), atol=1e-6)
    assert torch.allclose(ours, theirs, atol=1e-5)


@torch.no_grad()
def test_new_shapes_leave_nothing_in_the_heap():
    class Heap(ctypes.Structure):
        _fields_ = [(str(i), ctypes.c_size_t) for i in range(10)]

    found = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if found is None:
        pytest.skip("the C library does not say what it holds")
    found.restype = Heap
    gelu(torch.randn(9, 8))
    before = getattr(found(), "7")  # bytes in use
    for tokens in range(10, 310):
        gelu(torch.randn(tokens, 8))
    assert getattr(found(), "7") - before < 300_000
