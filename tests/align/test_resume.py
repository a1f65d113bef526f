"""A run that was stopped goes on to the same bytes."""

import signal

import pytest

from align.runs import line, write
from mirctl_align.training import PreferenceTask

FILES = ("model.safetensors", "metrics.json", "scored.safetensors", "extra/history.json")


@pytest.fixture
def stopped_at(monkeypatch):
    """stopped_at(step): Ctrl-C is pressed in that step of the next run; None: no more."""
    real = PreferenceTask.loss

    def stop_at(step):
        steps = iter(range(10**6))

        def loss(self, batch):
            if next(steps) == step:
                signal.raise_signal(signal.SIGINT)
            return real(self, batch)

        monkeypatch.setattr(PreferenceTask, "loss", loss)

    return stop_at


@pytest.mark.parametrize(
    ("method", "step", "more"),
    [
        ("lora", 2, ("gaze.generator=formula", "model.dropout=0.2")),  # within the first epoch
        ("full", 5, ("gaze.generator=data",)),  # at the end of it
        ("lora", 8, ("gaze.inject=concat", "gaze.shuffle=true", "train.ema=0.9")),
    ],
)
def test_a_stopped_run_goes_on_to_the_same_bytes(
    mirctl, llama, tmp_path, stopped_at, method, step, more
):
    pairs = write(tmp_path / "pairs.jsonl", 44)
    changes = (f"model.method={method}", "gaze.inject=add", *more)
    whole, out = tmp_path / "whole", tmp_path / "stopped"
    assert mirctl(*line(pairs, llama, whole, *changes)).code == 0
    stopped_at(step)
    ran = mirctl(*line(pairs, llama, out, *changes))
    assert ran.code == 130, ran.err
    assert not out.exists()
    stopped_at(None)
    resumed = mirctl(*line(pairs, llama, out, *changes), "--resume")
    assert resumed.code == 0, resumed.err
    assert "going on from epoch" in resumed.err
    for file in FILES:
        assert (whole / file).read_bytes() == (out / file).read_bytes(), file


def test_it_does_not_go_on_with_other_pairs(mirctl, llama, tmp_path, stopped_at):
    pairs = write(tmp_path / "pairs.jsonl", 44)
    stopped_at(1)
    assert mirctl(*line(pairs, llama, tmp_path / "m")).code == 130
    write(pairs, 44, seed=1)
    ran = mirctl(*line(pairs, llama, tmp_path / "m"), "--resume")
    assert ran.code == 2
    assert "changed since this run began" in ran.err
