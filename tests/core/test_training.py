"""The training loop on a tiny regression whose every step can be followed."""

import io
import signal
import threading
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mirctl import training
from mirctl.efficiency import Meter
from mirctl.errors import ArtifactError, Interrupted, RunError
from mirctl.training import TrainConfig


class Line:
    """Fit a line; validation metrics can be dictated."""

    def __init__(self, scores=None, steps=4):
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.3), nn.Linear(8, 1))
        self.scores, self.count, self.seen = scores, steps, []
        self.weights = []

    def steps(self, epoch):
        return self.count

    def batch(self, epoch, step):
        self.seen.append((epoch, step))
        generator = torch.Generator().manual_seed(epoch * 100 + step)
        x = torch.randn(16, 2, generator=generator)
        return x, x.sum(1, keepdim=True)

    def loss(self, batch):
        x, y = batch
        return (self.model(x) - y).square().mean()

    def validate(self):
        self.weights.append(self.model[0].weight.clone())
        value = self.scores[len(self.weights) - 1] if self.scores else float(len(self.weights))
        return {"ndcg@10": value}


class Memory:
    """A run whose checkpoint lives in memory; `stop` raises after so many saves."""

    def __init__(self, seed=0, stop=None):
        self.seed, self.device, self.dtype = seed, torch.device("cpu"), torch.float32
        self.work, self.state, self.stop, self.saves = "work", None, stop, 0
        self.meter = Meter()

    def load_checkpoint(self):
        return self.state

    def save_checkpoint(self, state):
        file = io.BytesIO()
        torch.save(state, file)
        file.seek(0)
        self.state = torch.load(file, weights_only=True)
        self.saves += 1
        if self.saves == self.stop:
            raise KeyboardInterrupt


def config(**changes):
    return TrainConfig(**{"epochs": 3, "lr": 0.05, "checkpoint_every": 0.0, **changes})


def final(task):
    return {name: value.clone() for name, value in task.model.state_dict().items()}


@pytest.mark.parametrize("killed", range(1, 16))
def test_wherever_it_is_killed_it_ends_the_same(killed):
    whole = Line()
    history = training.fit(whole, config(), Memory())
    run = Memory(stop=killed)
    with pytest.raises(KeyboardInterrupt):
        training.fit(Line(), config(), run)
    run.stop = None
    resumed = Line()
    resumed.weights = [None] * len(run.state["progress"]["history"])
    assert training.fit(resumed, config(), run) == history
    for name, value in final(whole).items():
        assert torch.equal(value, final(resumed)[name])


def test_no_step_is_done_twice_or_left_out():
    task = Line()
    training.fit(task, config(), Memory())
    assert task.seen == [(epoch, step) for epoch in range(3) for step in range(4)]


def test_the_best_epoch_s_weights_are_kept():
    task = Line(scores=[0.1, 0.5, 0.2])
    training.fit(task, config(), Memory())
    assert torch.equal(task.model[0].weight, task.weights[1])


def test_patience_ends_it_after_epochs_without_a_better_one():
    task = Line(scores=[0.1, 0.5, 0.4, 0.3, 0.9])
    history = training.fit(task, config(epochs=5, patience=2), Memory())
    assert [entry["ndcg@10"] for entry in history] == [0.1, 0.5, 0.4, 0.3]


def test_the_seed_changes_what_is_random():
    one, other = Line(), Line()
    training.fit(one, config(), Memory(seed=1))
    training.fit(other, config(), Memory(seed=2))
    assert not torch.equal(one.model[0].weight, other.model[0].weight)


def test_a_loss_that_is_no_number_is_said():
    task = Line()
    task.loss = lambda batch: task.model(batch[0]).sum() * float("nan")
    with pytest.raises(RunError, match=r"loss is nan at epoch 1, step 1: try a lower train.lr"):
        training.fit(task, config(), Memory())


def test_ctrl_c_finishes_the_step_and_writes_a_checkpoint():
    task, run = Line(steps=50), Memory()
    before = signal.getsignal(signal.SIGINT)
    batch = task.batch

    def press(epoch, step):
        if (epoch, step) == (1, 7):
            signal.raise_signal(signal.SIGINT)
        return batch(epoch, step)

    task.batch = press
    with pytest.raises(Interrupted, match="--resume goes on"):
        training.fit(task, config(checkpoint_every=9999.0), run)
    assert run.state["progress"]["epoch"] == 1
    assert run.state["progress"]["step"] == 8
    assert signal.getsignal(signal.SIGINT) is before


def test_it_runs_outside_the_main_thread_too():
    found = SimpleNamespace(history=None)

    def work():
        found.history = training.fit(Line(), config(), Memory())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(found.history) == 3


def test_the_rate_rises_then_falls_to_nothing():
    schedule = [training.rate(config(warmup=0.2), step, 100) for step in range(100)]
    assert schedule[0] < schedule[10] < schedule[19] <= 1
    assert max(schedule) == schedule[20] == 1
    assert schedule[20] > schedule[60] > schedule[99] > 0
    assert schedule[99] < 0.001
    constant = [training.rate(config(schedule="constant"), step, 100) for step in (30, 99)]
    assert constant == [1, 1]


def test_a_resumed_run_remembers_the_best_epoch():
    run = Memory(stop=5)
    first = Line(scores=[0.9])
    with pytest.raises(KeyboardInterrupt):
        training.fit(first, config(), run)
    run.stop = None
    resumed = Line(scores=[None, 0.1, 0.2])
    resumed.weights = [None]
    training.fit(resumed, config(), run)
    assert torch.equal(resumed.model[0].weight, first.weights[0])


def test_the_scheduled_rate_is_the_one_that_is_used(monkeypatch):
    used = []
    step = torch.optim.AdamW.step

    def spy(self, *arguments, **options):
        used.append(self.param_groups[0]["lr"])
        return step(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.AdamW, "step", spy)
    training.fit(Line(), config(), Memory())
    assert used == [0.05 * training.rate(config(), n, 12) for n in range(12)]


def test_a_rate_that_is_far_too_high_is_said():
    with pytest.raises(RunError, match=r"overflows at epoch 1, step 1: try a lower train\.lr"):
        training.fit(Line(steps=1), config(lr=1e39), Memory())


def test_weights_that_are_no_numbers_are_not_kept():
    task = Line(steps=1)
    task.model[0].weight.register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(RunError, match=r"no finite numbers after epoch 1: try a lower train\.lr"):
        training.fit(task, config(), Memory())


@pytest.mark.parametrize("key", ["model", "optimizer", "best", "average", "progress", "spent"])
def test_a_checkpoint_that_lacks_something_is_told(key):
    run = Memory(stop=5)
    with pytest.raises(KeyboardInterrupt):
        training.fit(Line(), config(), run)
    for damaged in (run.state | {key: {"x": 1}}, {k: v for k, v in run.state.items() if k != key}):
        run.state = damaged
        with pytest.raises(ArtifactError, match="does not fit this run: --force starts over"):
            training.fit(Line(), config(), run)


def test_an_epoch_cut_by_time_is_validated_also_after_a_resume():
    limited = config(minutes=1e-9)
    whole = training.fit(Line(), limited, Memory())
    run = Memory(stop=1)
    with pytest.raises(KeyboardInterrupt):
        training.fit(Line(), limited, run)
    assert training.fit(Line(), limited, run) == whole
    assert len(whole) == 1


@pytest.mark.parametrize(("steps", "cut"), [(1, False), (2, True)])
def test_training_that_ends_with_its_time_was_not_cut(steps, cut):
    run = Memory()
    training.fit(Line(steps=steps), config(epochs=1, minutes=1e-9), run)
    assert run.meter.facts["out_of_time"] == cut


def test_what_a_step_takes_is_told_of_all_steps_also_after_a_resume():
    run = Memory(stop=14)  # twelve steps and the ends of their epochs: only the last end is left
    with pytest.raises(KeyboardInterrupt):
        training.fit(Line(), config(), run)
    training.fit(Line(), config(), run)
    facts = run.meter.facts
    assert (facts["steps"], facts["epochs"]) == (12, 3)
    assert facts["timed_steps"] == 12 - training.WARM_UP
    assert facts["epoch_seconds"] == pytest.approx(4 * facts["step_seconds"])
    assert facts["step_cpu_seconds"] > 0


def test_the_steps_that_are_kept_are_few():
    run = Memory()
    training.fit(Line(steps=training.TIMED), config(epochs=2, checkpoint_every=60.0), run)
    assert run.meter.facts["timed_steps"] == training.TIMED - training.WARM_UP


def test_frozen_weights_are_in_no_checkpoint_and_in_no_copy_of_the_best_epoch():
    def task():
        made = Line(scores=[0.1, 0.5, 0.2])
        made.model[2].requires_grad_(False)
        made.model.register_buffer("mean", torch.ones(1))
        return made

    whole, run = task(), Memory(stop=9)
    base = final(whole)["2.weight"]
    training.fit(whole, config(), Memory())
    with pytest.raises(KeyboardInterrupt):
        training.fit(task(), config(), run)
    for kept in (run.state["model"], run.state["best"]):
        assert kept
        assert "mean" in kept
        assert not any(name.startswith("2.") for name in kept)
    run.stop = None
    resumed = task()
    resumed.weights = [None] * len(run.state["progress"]["history"])
    training.fit(resumed, config(), run)
    assert torch.equal(final(whole)["2.weight"], base)
    assert torch.equal(final(resumed)["0.weight"], final(whole)["0.weight"])
