"""The table denoiser's inner loop on CUDA: equal to the CPU, and what it costs."""

import os
import time

import pytest
import torch

from mirctl_impute import diffusion
from mirctl_impute.cells import Cells
from mirctl_impute.diffusion import Noise
from mirctl_impute.model import MTabGen

DEVICE = os.environ.get("MIRCTL_TEST_DEVICE", "cuda")
"""`cpu` runs these tests where no CUDA device is, to see that they run."""
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        DEVICE == "cuda" and not torch.cuda.is_available(), reason="no CUDA device here"
    ),
]
CATEGORIES = [0, 9, 0, 16, 0, 7, 15, 6, 5, 2, 0, 0, 0, 42, 2]


def made(device, rows=512):
    """(model, cells, known, hidden, t) with the same numbers on any device."""
    torch.manual_seed(0)
    model = MTabGen(CATEGORIES, 64, (2, 2), 4)
    codes = torch.stack([torch.randint(0, max(k, 1), (rows,)) for k in CATEGORIES], 1)
    cells = Cells(torch.randn(rows, 15), codes)
    place = torch.rand(rows, 15)
    t = torch.rand(rows)
    rest = (place < 0.5, place > 0.6, t)
    device = torch.device(device)
    return model.to(device), cells.to(device), *(part.to(device) for part in rest)


def test_prediction_and_gradient_equal_the_cpus():
    found = []
    for device in ("cpu", DEVICE):
        model, cells, known, hidden, t = made(device)
        said = model(cells, known, hidden, cells, t)
        parts = [x.logsumexp(-1).mean() for x in said.logits.values()]
        (said.velocity.square().mean() + sum(parts)).backward()
        slopes = [p.grad.flatten().cpu() for p in model.parameters() if p.grad is not None]
        found.append((said.velocity.detach().cpu(), torch.cat(slopes)))
    (velocity, gradient), (other, other_gradient) = found
    assert torch.allclose(velocity, other, atol=1e-4)
    assert torch.allclose(gradient, other_gradient, atol=1e-4)


@torch.no_grad()
def test_draws_equal_the_cpus_and_what_they_cost():
    numbers = []
    for device in ("cpu", DEVICE):
        model, cells, known, hidden, _ = made(device)
        noise = Noise((1,), torch.arange(512), 15, torch.device(device))
        begin = time.perf_counter()
        drawn = diffusion.draw(model, cells, known, hidden, noise, 20)
        numbers.append(drawn.numbers.cpu())
        took = time.perf_counter() - begin
        print(f"\n{device}: 512 rows x 20 steps in {took:.3f} s")  # noqa: T201
    # a rare category at the border of its share may fall to the other side
    assert (numbers[0] - numbers[1]).abs().median() < 1e-3
