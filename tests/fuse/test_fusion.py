"""Fusions: absent modalities are never read, weights are shares, experts are balanced."""

import pytest
import torch

from mirctl_fuse.fusion import Attention, Concat, Gated, Momef, Sum

T, DIM, N = 4, 8, 12


def momef(**more):
    torch.manual_seed(0)
    made = Momef(T, DIM, **{"shared": 1, "top": None, "balance": 0.01, "z": 1e-3, **more})
    with torch.no_grad():
        made.router[1].weight.normal_()
    return made


def made():
    torch.manual_seed(0)
    return {"sum": Sum(), "concat": Concat(T, DIM), "attention": Attention(T, DIM),
            "gated": Gated(T, DIM), "momef": momef(), "top": momef(top=2)}  # fmt: skip


@pytest.fixture
def given():
    torch.manual_seed(1)
    present = torch.rand(N, T) < 0.6
    present[0] = False
    present[1] = True
    return torch.randn(N, T, DIM), present


@pytest.mark.parametrize("kind", list(made()))
def test_what_an_absent_modality_says_is_never_read(kind, given):
    fusion, (said, present) = made()[kind], given
    other = torch.where(present[..., None], said, 99.0)
    found, again = fusion(said, present), fusion(other, present)
    some = present.any(1)
    assert torch.equal(found.embedding[some], again.embedding[some])
    assert found.embedding.isfinite().all()


@pytest.mark.parametrize("kind", ["sum", "attention", "gated", "momef", "top"])
def test_weights_are_shares_of_those_who_are_there(kind, given):
    fusion, (said, present) = made()[kind], given
    weights = fusion(said, present).weights
    torch.testing.assert_close(weights.sum(1), torch.ones(N))
    assert (weights >= 0).all()
    some = present.any(1)
    assert (weights[:, :T][some][~present[some]] == 0).all()


def test_the_best_experts_alone_are_asked(given):
    said, present = given
    whole, top = momef()(said, present).weights, momef(top=2)(said, present).weights
    assert ((top > 0).sum(1) <= 2).all()
    best = whole.argmax(1)
    assert torch.equal(top.argmax(1), best)


def test_a_mixture_is_the_formula(given):
    fusion, (said, present) = momef(), given
    found = fusion(said, present)
    row = 2
    answers = [x + own(x) for own, x in zip(fusion.experts, said[row], strict=False)]
    mean = said[row][present[row]].mean(0)
    answers.append(mean + fusion.experts[T](mean))
    wanted = sum(w * a for w, a in zip(found.weights[row], answers, strict=True))
    torch.testing.assert_close(found.embedding[row], wanted)


def test_the_loss_is_least_where_experts_are_asked_alike():
    fusion = momef(z=0.0, balance=1.0)
    able = torch.ones(10, 5, dtype=torch.bool)
    even = torch.eye(5).repeat(2, 1) * 0.96 + 0.01
    one = torch.zeros(10, 5)
    one[:, 0] = 1
    logits = torch.zeros(10, 5)
    assert fusion._loss(logits, even / even.sum(1, keepdim=True), able) == pytest.approx(1.0)
    assert fusion._loss(logits, one, able) == pytest.approx(5.0)
    large = momef(z=1.0, balance=0.0)
    spread = torch.log(torch.tensor(5.0)).square()
    assert large._loss(logits, even, able) == pytest.approx(spread.item())


def test_at_first_all_experts_weigh_alike(given):
    said, present = given
    weights = Momef(T, DIM, shared=1, top=None, balance=0, z=0)(said, present).weights
    torch.testing.assert_close(weights[1], torch.full((T + 1,), 1 / (T + 1)))
