"""The course of a run as TensorBoard's own reader finds it."""

import json
import os
import signal
import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mirctl import console
from mirctl_tensorboard.plugin import place

RECIPE = """
uses: adapt/run
data: {{interactions: {folder}/interactions.csv}}
model: {{method: id, dim: 8, history: 6, dropout: 0.0, user_layers: 1}}
train: {{epochs: 2, batch_size: 16, lr: 1.0e-2}}
"""


@pytest.fixture
def train(mirctl, tiny_catalogue, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.format(folder=tiny_catalogue))

    def train(*more):
        return mirctl("adapt", "run", recipe, "--out", tmp_path / "model", "--json", *more)

    return train


def read(folder):
    events = EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]
    }, events


def test_nothing_is_written_unasked(train, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert train().code == 0
    assert list((tmp_path / "here").iterdir()) == []


def test_loss_validation_and_test_metrics_are_read_back(train, tmp_path, monkeypatch):
    monkeypatch.setenv("MIRCTL_TRACK", f"tensorboard={tmp_path / 'runs'}")
    ran = train()
    assert ran.code == 0, ran.err
    assert "tensorboard" not in ran.err
    metrics = json.loads(ran.out)["metrics"]
    history = json.loads((tmp_path / "model" / "extra" / "history.json").read_text())
    scalars, events = read(tmp_path / "runs" / "model")
    steps = [step for step, _ in scalars["train/loss"]]
    assert len(steps) == 2
    assert steps[1] == 2 * steps[0]
    for tag, key in {"train/loss": "loss", "valid/ndcg@10": "ndcg@10"}.items():
        told = [value for _, value in scalars[tag]]
        assert told == pytest.approx([entry[key] for entry in history])
    measured = {f"test/{name}" for name, m in metrics.items() if m["value"] is not None}
    assert {tag for tag in scalars if tag.startswith("test/")} == measured
    assert scalars["test/mrr"] == [(steps[1], pytest.approx(metrics["mrr"]["value"]))]
    (text,) = events.Tensors("recipe/text_summary")
    assert b"method: id" in text.tensor_proto.string_val[0]


def test_each_run_has_a_folder_of_its_own(train, tmp_path, monkeypatch):
    monkeypatch.setenv("MIRCTL_TRACK", f"tensorboard={tmp_path / 'runs'}")
    for _ in range(2):
        assert train("--force").code == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["model", "model-2"]


def test_a_resumed_run_goes_on_in_its_folder(train, tmp_path, monkeypatch):
    monkeypatch.setenv("MIRCTL_TRACK", f"tensorboard={tmp_path / 'runs'}")
    say = console.say

    def say_and_interrupt(message):
        say(message)
        if message.startswith("epoch 1/2"):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(console, "say", say_and_interrupt)
    assert train().code == 130
    told, _ = read(tmp_path / "runs" / "model")
    assert len(told["train/loss"]) == 1, "what was told is kept"
    monkeypatch.setattr(console, "say", say)
    assert train("--resume").code == 0
    told, _ = read(tmp_path / "runs" / "model")
    steps = [step for step, _ in told["train/loss"]]
    assert steps == [steps[0], 2 * steps[0]]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["model"]


def test_what_is_started_over_is_another_run(tmp_path):
    for name in ("model", "model-2"):
        assert place(tmp_path, "model", resumed=False) == tmp_path / name
        (tmp_path / name).mkdir()
    assert place(tmp_path, "model", resumed=True) == tmp_path / "model-2"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("tensorbord=runs", "did you mean 'tensorboard'?"),
        ("tensorboard", "write TRACKER=FOLDER"),
        ("tensorboard=", "write TRACKER=FOLDER"),
        ("tensorboard=a,tensorboard=b", "has two folders"),
        ("adapt=runs", "no plugin 'adapt' tracks runs"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_what_cannot_track_is_told_before_the_work(train, tmp_path, monkeypatch, value, why, more):
    monkeypatch.setenv("MIRCTL_TRACK", value)
    ran = train(*more)
    assert ran.code == 2
    assert why in ran.err
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_missing_package_is_told_before_the_work(train, tmp_path, monkeypatch, more):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    monkeypatch.setenv("MIRCTL_TRACK", f"tensorboard={tmp_path / 'runs'}")
    ran = train(*more)
    assert ran.code == 5
    assert "pip install 'mirctl[tensorboard]'" in ran.err
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    "folder", ["file", "file/deep", "closed", "closed/deep/er", "loop", "dangling"]
)
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_folder_that_cannot_be_written_is_told_before_the_work(
    train, tmp_path, monkeypatch, no_privileges, folder, more
):
    (tmp_path / "file").write_text("")
    (tmp_path / "closed").mkdir(mode=0o500)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("closed/more")
    monkeypatch.setenv("MIRCTL_TRACK", f"tensorboard={tmp_path / folder}")
    ran = train(*more)
    assert ran.code == 2
    assert folder.partition("/")[0] in ran.err
    assert not (tmp_path / "model").exists()


def test_a_pipeline_tells_it_before_its_first_step(mirctl, tmp_path, monkeypatch):
    (tmp_path / "p.yaml").write_text("steps: {a: {uses: adapt/run, data: {interactions: x.csv}}}")
    (tmp_path / "x.csv").write_text("user_id,item_id\n")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MIRCTL_TRACK", f"tensorboard={tmp_path / 'file'}")
    ran = mirctl("run", tmp_path / "p.yaml", "--out", tmp_path / "out")
    assert ran.code == 2
    assert "nothing can be tracked there" in ran.err
    assert not (tmp_path / "out").exists()


def test_a_tracker_that_fails_stops_no_run(train, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter.flush", fails)
    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter.close", fails)
    monkeypatch.setenv("MIRCTL_TRACK", f"tensorboard={tmp_path / 'runs'}")
    ran = train()
    assert ran.code == 0
    assert ran.err.count("plugin 'tensorboard': mirctl_step raised OSError") == 1
    assert (tmp_path / "model" / "manifest.json").is_file()
