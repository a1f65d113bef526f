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
