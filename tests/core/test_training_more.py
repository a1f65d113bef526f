"""What the optimizer is given at each step, and what a resumed run still knows."""

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from core.test_training import Line, Memory, config
from mirctl import training


@pytest.fixture
def steps():
    """(learning rate, gradient norm) of every optimizer step, as it begins."""
    seen = []

    def note(optimizer, args, kwargs):
        (group,) = optimizer.param_groups
        gradients = torch.cat([p.grad.flatten() for p in group["params"]])
        seen.append((group["lr"], gradients.norm().item()))

    handle = register_optimizer_step_pre_hook(note)
    yield seen
    handle.remove()


def interrupted(chosen, stop, scores=None):
    """A run that was stopped at a save, ready to go on, and the task that it stopped."""
    run, task = Memory(stop=stop), Line(scores)
    with pytest.raises(KeyboardInterrupt):
        training.fit(task, chosen, run)
    run.stop = None
    return run, task


def test_a_resumed_run_remembers_its_best_epoch():
    scores = [0.9, 0.1, 0.2]
    # Four steps and an end of epoch are five saves.
    run, first = interrupted(config(), 5, scores)
    assert len(first.weights) == 1
    resumed = Line(scores)
    resumed.weights = list(first.weights)
    training.fit(resumed, config(), run)
    assert len(resumed.weights) == 3
    assert torch.equal(resumed.model[0].weight, first.weights[0])


@pytest.mark.parametrize("schedule", ["onecycle", "constant"])
def test_every_step_has_its_share_of_the_rate(steps, schedule):
    chosen = config(schedule=schedule, warmup=0.3)
    training.fit(Line(), chosen, Memory())
    expected = [chosen.lr * training.rate(chosen, step, 12) for step in range(12)]
    assert [rate for rate, _ in steps] == pytest.approx(expected)
    assert len(set(expected)) > 4


def test_a_resumed_run_goes_on_with_the_rate(steps):
    chosen = config()
    run, _ = interrupted(chosen, 7)
    task = Line()
    task.weights = [None]
    training.fit(task, chosen, run)
    expected = [chosen.lr * training.rate(chosen, step, 12) for step in range(12)]
    assert [rate for rate, _ in steps] == pytest.approx(expected)


def scaled(factor):
    task = Line()
    loss = task.loss
    task.loss = lambda batch: loss(batch) * factor
    return task


def test_a_steep_gradient_is_cut_to_the_clip(steps):
    training.fit(scaled(1e6), config(clip=0.25), Memory())
    assert [norm for _, norm in steps] == pytest.approx([0.25] * 12, rel=1e-3)


def test_a_gentle_gradient_is_left_alone(steps):
    training.fit(scaled(1e-6), config(clip=0.25), Memory())
    assert 0 < max(norm for _, norm in steps) < 1e-3


class Watched(Line):
    """Keeps the weights as each step begins."""

    def __init__(self, scores=None, steps=3):
        super().__init__(scores, steps)
        self.before = []

    def batch(self, epoch, step):
        self.before.append(self.model[0].weight.detach().clone())
        return super().batch(epoch, step)


def running_means(weights, ema):
    """The mean after each step, of the weights before the first and after each."""
    mean, *steps = [weight.double().numpy() for weight in weights]
    for n, weight in enumerate(steps):
        decay = min(ema, (n + 1) / (n + 10))
        mean = decay * mean + (1 - decay) * weight
        yield mean


@pytest.mark.parametrize("ema", [0.15, 0.9])
def test_the_running_mean_of_the_weights_is_what_is_validated(ema):
    # the mean is young in all six steps where the decay is 0.9, in the first alone where it is 0.15
    task = Watched()
    training.fit(task, config(epochs=3, ema=ema), Memory())
    means = list(running_means(task.before, ema))
    for epoch in (0, 1):
        expected = means[3 * epoch + 2]
        assert task.weights[epoch].numpy() == pytest.approx(expected, abs=1e-6)
        raw = task.before[3 * epoch + 3]
        assert not torch.allclose(task.weights[epoch], raw, atol=1e-3)


def test_steps_go_on_from_the_raw_weights_as_if_there_were_no_mean():
    plain, averaged = Watched(), Watched()
    training.fit(plain, config(), Memory())
    training.fit(averaged, config(ema=0.9), Memory())
    assert len(plain.before) == 9
    for one, other in zip(plain.before, averaged.before, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("best", [0, 1, 2])
def test_the_best_epoch_s_mean_is_kept(best):
    task = Watched(scores=[float(epoch == best) for epoch in range(3)])
    training.fit(task, config(ema=0.9), Memory())
    assert torch.equal(task.model[0].weight, task.weights[best])
    assert not torch.equal(task.weights[0], task.weights[1])


@pytest.mark.parametrize("killed", [1, 4, 5, 7])
def test_a_resumed_run_goes_on_with_its_mean(killed):
    chosen = config(ema=0.9)
    whole = Line()
    training.fit(whole, chosen, Memory())
    run, first = interrupted(chosen, killed)
    resumed = Line()
    resumed.weights = list(first.weights)
    training.fit(resumed, chosen, run)
    assert len(resumed.weights) == 3
    for one, other in zip(whole.weights, resumed.weights, strict=True):
        assert torch.equal(one, other)
    assert torch.equal(whole.model[0].weight, resumed.model[0].weight)
