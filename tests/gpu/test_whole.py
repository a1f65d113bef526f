"""Whole commands on CUDA: what they make is what the CPU makes, within a stated tolerance."""

import json
import os

import pytest
import torch

from gpu.test_adapt import content_recipe
from mirctl import artifact
from mirctl_adapt.comparing import racing

DEVICE = os.environ.get("MIRCTL_TEST_DEVICE", "cuda")
"""`cpu` runs these tests where no CUDA device is, to see that they run."""
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        DEVICE == "cuda" and not torch.cuda.is_available(), reason="no CUDA device here"
    ),
]


def ran(mirctl, *arguments):
    done = mirctl(*arguments, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def tensors(folder):
    art = artifact.open_artifact(folder)
    return {
        f"{file.name}:{name}": tensor
        for file in sorted(folder.glob("*.safetensors"))
        for name, tensor in art.tensors(file.stem).items()
    }


def test_hidden_states_are_the_cpus(mirctl, bert, vit, tmp_path, monkeypatch):
    recipe, found = content_recipe(tmp_path, bert, vit), {}
    for device in ("cpu", DEVICE):
        monkeypatch.setenv("MIRCTL_CACHE", str(tmp_path / f"cache-{device}"))
        out = tmp_path / f"states-{device}"
        ran(mirctl, "adapt", "encode", recipe, "--device", device, "--precision", "fp32",
            "--out", out, "--force")  # fmt: skip
        found[device] = tensors(out)
    assert found["cpu"].keys() == found[DEVICE].keys()
    for name, state in found["cpu"].items():
        torch.testing.assert_close(found[DEVICE][name], state, atol=5e-3, rtol=5e-3)


@pytest.mark.parametrize("method", ["fft", "lora", "adapter", "bitfit"])
def test_encoders_that_learn(mirctl, bert, vit, tmp_path, method):
    recipe = content_recipe(tmp_path, bert, vit)
    found = ran(mirctl, "adapt", "run", recipe, f"model.method={method}", "model.image=null",
                "--device", DEVICE, "--out", tmp_path / "model")  # fmt: skip
    assert found["metrics"]["mrr"]["value"] > 0.3, "by chance it would be .13"


def test_compiled_it_learns_the_same(mirctl, bert, vit, tmp_path):
    recipe, losses = content_recipe(tmp_path, bert, vit), []
    same = ["train.epochs=3", "model.dropout=0", "--device", DEVICE, "--precision", "fp32"]
    for change in ("false", "true"):
        out = tmp_path / change
        ran(mirctl, "adapt", "run", recipe, f"train.compile={change}", *same, "--out", out)
        history = json.loads((out / "extra" / "history.json").read_text())
        losses.append([entry["loss"] for entry in history])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_a_comparison_tells_the_cards_memory(mirctl, bert, vit, tmp_path, monkeypatch):
    monkeypatch.setattr(racing, "APART", False)
    recipe = content_recipe(tmp_path, bert, vit)
    told = ran(mirctl, "adapt", "compare", recipe, "--methods", "iisan-versa,lora", "--seeds", 1,
               "train.epochs=2", "--device", DEVICE, "--out", tmp_path / "race")  # fmt: skip
    assert told["failed"] == {}
    for name, folder in (("iisan-versa", "seed=0/iisan-versa"), ("lora", "lora")):
        spent = json.loads((tmp_path / "race" / folder / "efficiency.json").read_text())
        measured = "peak_cuda_bytes" if DEVICE == "cuda" else "peak_anonymous_bytes"
        assert told["metrics"][f"{name}.memory_bytes"]["value"] == spent[measured] > 0


def test_a_table_is_learned_and_filled(mirctl, tmp_path):
    table = tmp_path / "table.csv"
    lines = [f"{n},{2 * n},{'even' if n % 2 == 0 else 'odd'}" for n in range(64)] * 4
    holes = [f"{n},,{'even' if n % 2 == 0 else 'odd'}" for n in range(8, 56)]
    table.write_text("\n".join(["a,b,c", *lines, *holes]) + "\n")
    out, filled = tmp_path / "model", tmp_path / "filled.csv"
    ran(mirctl, "impute", "fit", table, "train.epochs=20", "train.epoch_rows=2048",
        "model.width=32", "model.dropout=0", "--device", DEVICE,
        "--out", out)  # fmt: skip
    done = mirctl("impute", "fill", out, table, "--point", "--device", DEVICE, "--out", filled)
    assert done.code == 0, done.err
    rows = [line.split(",") for line in filled.read_text().splitlines()[-48:]]
    errors = [abs(float(b) - 2 * float(a)) for a, b, _ in rows]
    assert sum(errors) / len(errors) < 16, "the mean of the column would be off by 24"
