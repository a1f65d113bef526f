"""Muon in the training loop: which weights it moves, resuming, models that have none for it."""

import pytest
import torch
from torch import nn
from torch.optim import AdamW, Muon

from core.test_training import Line, Memory, config, final
from mirctl import optim, training


class Mixed(nn.Module):
    """Linear layers, two of one matrix, beside weights that are in none."""

    def __init__(self):
        super().__init__()
        self.names = nn.Embedding(5, 4)
        self.first, self.second, self.tied = (nn.Linear(4, 4) for _ in range(3))
        self.tied.weight = self.second.weight
        self.norm = nn.LayerNorm(4)
        self.table = nn.Parameter(torch.randn(4, 4))


def moved(model, **changes):
    """The names of the weights that each optimizer was given, in any order."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    found = {Muon: [], AdamW: []}
    for one in optim.optimizers(model, config(optimizer="muon", **changes)):
        found[type(one)] += [names[id(w)] for group in one.param_groups for w in group["params"]]
    return sorted(found[Muon]), sorted(found[AdamW])


def test_matrices_of_linear_layers_are_muon_s_and_all_else_adamw_s_once_each():
    model = Mixed()
    matrices, rest = moved(model)
    assert matrices == ["first.weight", "second.weight"]
    assert sorted([*matrices, *rest]) == sorted(name for name, _ in model.named_parameters())


def test_frozen_weights_are_moved_by_none():
    model = Mixed()
    for name in ("first.weight", "first.bias", "table"):
        model.get_parameter(name).requires_grad_(False)
    matrices, rest = moved(model)
    assert matrices == ["second.weight"]
    assert not {"first.weight", "first.bias", "table"} & set(rest)


def test_nothing_is_left_to_adamw_where_all_is_linear():
    model = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Linear(3, 1, bias=False))
    assert moved(model) == (["0.weight", "1.weight"], [])


def test_adamw_alone_moves_everything_unless_told():
    (only,) = optim.optimizers(Mixed(), config())
    assert type(only) is AdamW
    assert len(only.param_groups[0]["params"]) == len(list(Mixed().parameters()))


@pytest.mark.parametrize("killed", [1, 4, 5, 9, 13])
def test_a_run_with_muon_that_was_killed_ends_in_the_same_bytes(killed):
    whole, resumed = Line(), Line()
    history = training.fit(whole, config(optimizer="muon"), Memory())
    run = Memory(stop=killed)
    with pytest.raises(KeyboardInterrupt):
        training.fit(Line(), config(optimizer="muon"), run)
    run.stop = None
    resumed.weights = [None] * len(run.state["progress"]["history"])
    assert training.fit(resumed, config(optimizer="muon"), run) == history
    for name, value in final(whole).items():
        assert torch.equal(value, final(resumed)[name])


def test_both_optimizers_follow_the_rate():
    settings, run = config(optimizer="muon"), Memory(stop=2)
    with pytest.raises(KeyboardInterrupt):
        training.fit(Line(), settings, run)
    rates = [group["lr"] for one in run.state["optimizer"] for group in one["param_groups"]]
    assert rates == [0.05 * training.rate(settings, 1, 12)] * 2


def test_every_weight_moves():
    task = Line()
    before = final(task)
    training.fit(task, config(optimizer="muon"), Memory())
    assert not any(torch.equal(value, before[name]) for name, value in final(task).items())


def test_a_model_without_linear_layers_learns_as_with_adamw():
    class Scaled(Line):
        def __init__(self):
            super().__init__()
            self.model = Scale()

        def validate(self):
            return {"ndcg@10": 1.0}

    one, other = Scaled(), Scaled()
    training.fit(one, config(optimizer="muon"), Memory())
    training.fit(other, config(optimizer="adamw"), Memory())
    assert torch.equal(one.model.weight, other.model.weight)
    assert not torch.equal(one.model.weight, torch.zeros(2))


class Scale(nn.Module):
    """A weight a feature, and no layer."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        return (x * self.weight).sum(1, keepdim=True)
