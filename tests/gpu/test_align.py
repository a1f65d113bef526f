"""Reward models on CUDA: they learn, and score what the CPU scores."""

import json
import os

import pytest
import torch

from align.runs import line, write

DEVICE = os.environ.get("MIRCTL_TEST_DEVICE", "cuda")
"""`cpu` runs these tests where no CUDA device is, to see that they run."""
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        DEVICE == "cuda" and not torch.cuda.is_available(), reason="no CUDA device here"
    ),
]
INJECTIONS = ["none", "concat", "add", "attn-bias", "aux-loss", "token-weight"]


def rewards(mirctl, model, texts, device):
    done = mirctl("align", "score", model, texts, "--device", device, "--precision", "fp32")
    assert done.code == 0, done.err
    return [json.loads(row)["reward"] for row in done.out.splitlines()]


@pytest.mark.parametrize("inject", INJECTIONS)
@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_model_learns_and_scores_as_on_the_cpu(mirctl, llama, tmp_path, inject, method):
    pairs = write(tmp_path / "pairs.jsonl", 240)
    out, texts = tmp_path / "model", tmp_path / "texts.jsonl"
    told = [f"gaze.inject={inject}", f"model.method={method}", "model.rank=8", "train.epochs=12"]
    told += [] if inject == "none" else ["gaze.generator=formula", "gaze.weight=0.01"]
    trained = mirctl(*line(pairs, llama, out, *told), "--device", DEVICE, "--json")
    assert trained.code == 0, trained.err
    assert json.loads(trained.out)["metrics"]["accuracy"]["value"] > 0.8, "by chance it would be .5"
    rows = [
        {"prompt": "one two", "response": f"{word} three"} for word in ("golden", "heat", "eye")
    ]
    texts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    here, there = (rewards(mirctl, out, texts, device) for device in ("cpu", DEVICE))
    assert there == pytest.approx(here, abs=1e-4)
    assert here[0] > here[1]


@pytest.mark.parametrize("change", ["train.compile=true", "model.checkpointing=true"])
def test_what_saves_time_or_memory_learns_the_same(mirctl, llama, tmp_path, change):
    pairs = write(tmp_path / "pairs.jsonl", 60)
    same = ["model.method=full", "--device", DEVICE, "--precision", "fp32"]
    losses = []
    for name, own in (("plain", []), ("changed", [change])):
        out = tmp_path / name
        done = mirctl(*line(pairs, llama, out, *own, *same))
        assert done.code == 0, done.err
        losses.append([row["loss"] for row in json.loads((out / "extra/history.json").read_text())])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_padding_changes_no_reward(mirctl, llama, tmp_path):
    out = tmp_path / "model"
    assert (
        mirctl(*line(write(tmp_path / "pairs.jsonl", 40), llama, out, "--device", DEVICE)).code == 0
    )
    checked = mirctl("align", "check", out, "--device", DEVICE, "--json")
    assert checked.code == 0, checked.err
