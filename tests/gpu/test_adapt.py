"""The side network's inner loop on CUDA: equal to the CPU, and what it costs."""

import json
import os
import time

import pytest
import torch
from PIL import Image

from mirctl.encode.towers import ItemBatch, TowerInput, TowerStates
from mirctl.sequences.loss import Candidates, batch_loss, catalogue_loss
from mirctl.sequences.users import Recommender, UserEncoder
from mirctl.testing.catalogue import N_ITEMS, write_catalogue
from mirctl_adapt.model import SideNetwork

DEVICE = os.environ.get("MIRCTL_TEST_DEVICE", "cuda")
"""`cpu` runs these tests where no CUDA device is, to see that they run."""
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        DEVICE == "cuda" and not torch.cuda.is_available(), reason="no CUDA device here"
    ),
]
WIDTHS = ((384,) * 6, (24, 80, 112, 112, 192, 320))


def build():
    torch.manual_seed(0)
    inputs = [TowerInput(w, torch.zeros(sum(w)), torch.ones(sum(w))) for w in WIDTHS]
    options = {"bottleneck": 64, "dim": 64, "head_kind": "gelu"}
    items = SideNetwork(inputs, **options, intra=True, inter=True, gate=True)
    return Recommender(items, UserEncoder(64, 50, 2, 2, 0.0))


def batch(items=1000, users=64, device="cpu"):
    generator = torch.Generator().manual_seed(1)
    towers = tuple(
        TowerStates(
            torch.randn(items, sum(w), generator=generator).half().to(device),
            (torch.rand(items, generator=generator) < 0.8).to(device),
        )
        for w in WIDTHS
    )
    windows = torch.randint(0, items, (users, 51), generator=generator).to(device)
    return ItemBatch(torch.arange(items, device=device), towers), windows


def losses(model, items, windows):
    """(catalogue loss, in-batch loss) of whole windows."""
    table = model.items(items)
    wanted = model.users(table[windows[:, :-1]]).flatten(0, 1)
    target = windows[:, 1:].flatten()
    rows = torch.arange(len(windows), device=windows.device).repeat_interleave(50)
    counts = torch.bincount(windows.flatten(), minlength=len(table)).clamp_min(1).float()
    owned = torch.zeros(len(windows), len(table), dtype=torch.bool, device=windows.device)
    owned.scatter_(1, windows, True)
    candidates = Candidates(counts, (counts / counts.sum()).log(), owned)
    return catalogue_loss(wanted, table, target), batch_loss(
        wanted, table, target, rows, candidates
    )


def test_losses_and_gradients_equal_the_cpu_s():
    found = {}
    for device in ("cpu", DEVICE):
        model = build().to(device)
        values = losses(model, *batch(device=device))
        sum(values).backward()
        gradients = {n: p.grad.cpu() for n, p in model.named_parameters() if p.grad is not None}
        found[device] = [v.item() for v in values], gradients
    assert found[DEVICE][0] == pytest.approx(found["cpu"][0], abs=1e-3)
    for name, gradient in found["cpu"][1].items():
        torch.testing.assert_close(found[DEVICE][1][name], gradient, atol=2e-3, rtol=2e-2)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("loss", ["catalogue", "batch"])
def test_a_whole_run_learns_in_every_precision(mirctl, bert, vit, tmp_path, precision, loss):
    if precision == "fp16" and DEVICE == "cpu":
        pytest.skip("fp16 is not for the CPU")
    recipe = content_recipe(tmp_path, bert, vit)
    found = {}
    for device, kind in (("cpu", "fp32"), (DEVICE, precision)):
        options = ["--device", device, "--precision", kind, f"train.loss={loss}", "--json"]
        out = tmp_path / f"{device}-{kind}"
        ran = mirctl("adapt", "run", recipe, *options, "--out", out, "--force")
        assert ran.code == 0, ran.err
        found[device] = json.loads(ran.out)["metrics"]["mrr"]["value"]
        again = mirctl("adapt", "eval", out, "--device", device, "--json")
        assert json.loads(again.out)["metrics"]["mrr"]["value"] == pytest.approx(found[device])
    assert found[DEVICE] > 0.3, "by chance it would be .13"
    assert found[DEVICE] == pytest.approx(found["cpu"], abs=0.15)


def content_recipe(folder, bert, vit):
    """A catalogue around a circle, with titles and pictures that tell the place."""
    write_catalogue(folder)
    (folder / "images").mkdir()
    for item in range(N_ITEMS):
        Image.new("RGB", (40, 40), (item * 8, 255 - item * 8, 90)).save(
            folder / "images" / f"i{item}.png"
        )
    file = folder / "recipe.yaml"
    file.write_text(
        "uses: adapt/run\n"
        "data: {interactions: interactions.csv, items: items.csv, images: images}\n"
        f"model: {{text: {bert}, image: {vit}, dim: 16, history: 12, ids: true}}\n"
        "train: {epochs: 12, batch_size: 16, lr: 1.0e-2}\n"
    )
    return file


def test_what_a_step_costs(capsys):
    if DEVICE == "cpu":
        pytest.skip("there is nothing to compare")
    seconds = {}
    for device in ("cpu", "cuda"):
        model = build().to(device)
        items, windows = batch(device=device)
        for number in range(6):
            if number == 1:
                start = time.perf_counter()
            losses(model, items, windows)[0].backward()
            if device == "cuda":
                torch.cuda.synchronize()
        seconds[device] = (time.perf_counter() - start) / 5
    with capsys.disabled():
        peak = torch.cuda.max_memory_allocated() / 2**20
        ratio = seconds["cpu"] / seconds["cuda"]
        print(f"\nstep: cuda {seconds['cuda']:.4f} s, {ratio:.1f} x the cpu, peak {peak:.0f} MiB")  # noqa: T201
