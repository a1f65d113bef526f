"""What a batch of pairs teaches: the loss by hand, and the same gradient chunk by chunk."""

import numpy as np
import pytest
import torch
from torch import nn

from mirctl import recipe
from mirctl.efficiency import Meter
from mirctl_fuse import inputs
from mirctl_fuse.retrieval import chunks, model, pairs, pipeline
from mirctl_fuse.retrieval.config import PairConfig
from mirctl_fuse.retrieval.loss import one_way
from mirctl_fuse.retrieval.task import PairTask

CPU = torch.device("cpu")


@pytest.fixture
def tasks(pairs_recipe):
    """Makes the task of the recipe, changed; its weights are always the same."""

    def made(*changes, chunk=1024):
        read = recipe.change(recipe.read(str(pairs_recipe), []), list(changes))
        config = recipe.resolve(PairConfig, read)
        whole = pairs.load(config)
        sides = {
            name: inputs.inputs_for(config.side(name), raw, CPU, torch.float32, Meter(CPU))
            for name, raw in pipeline.raw(config, whole).items()
        }
        torch.manual_seed(0)
        network = model.build(
            config.model, *(own.tower_inputs(normalize=True) for own in sides.values())
        )
        return PairTask(
            network, *sides.values(), whole, batch_size=64, chunk=chunk, seed=0,
            modality_dropout=config.model.modality_dropout,
        )  # fmt: skip

    return made


def gradients(made, batch):
    made.model.train().zero_grad()
    torch.manual_seed(7)
    loss = made.loss(batch)
    loss.backward()
    return loss.detach(), {name: p.grad.clone() for name, p in made.model.named_parameters()
                           if p.grad is not None}  # fmt: skip


def same(one, other):
    torch.testing.assert_close(one[0], other[0], rtol=0, atol=1e-6)
    assert one[1].keys() == other[1].keys()
    for name, own in one[1].items():
        torch.testing.assert_close(own, other[1][name], rtol=0, atol=1e-6, msg=name)


@pytest.mark.parametrize("chunk", [5, 33])
def test_chunk_by_chunk_the_gradient_is_that_of_the_whole_batch(tasks, chunk):
    changes = ("model.balance=0", "model.modality_dropout=0.5")
    whole, parts = tasks(*changes), tasks(*changes, chunk=chunk)
    batch = whole.batch(0, 0)
    same(gradients(whole, batch), gradients(parts, batch))


def test_what_dropout_hid_is_hidden_the_second_time_too(tasks, monkeypatch):
    made = tasks("model.modality_dropout=0.5", chunk=7)
    for encoder in (made.model.queries, made.model.items):
        encoder.heads[0] = nn.Sequential(encoder.heads[0], nn.Dropout(0.5))
    batch = made.batch(0, 0)
    again = gradients(made, batch)
    monkeypatch.setattr(chunks, "checkpoint", lambda work, part, use_reentrant: work(part))
    same(again, gradients(made, batch))


def test_no_more_than_a_chunk_is_held_at_once(tasks):
    made, held = tasks(chunk=10), []
    block = made.model.items.towers.blocks[0][0]
    block.register_forward_hook(lambda module, given, out: held.append(len(out)))
    gradients(made, made.batch(0, 0))
    assert max(held) == 10
    assert len(held) == 2 * -(-len(made.batch(0, 0)[0]) // 10), "each chunk twice"


def test_the_loss_is_that_of_the_formula(tasks):
    """Of pairs with other right answers, which are no negatives, and of an item asked for twice."""
    rng = np.random.default_rng(0)
    queries, items = (torch.from_numpy(model_unit(rng.normal(size=(n, 4)))) for n in (4, 5))
    scale = nn.Parameter(torch.tensor([1.7]))
    known = {(0, 0), (0, 1), (1, 1), (2, 4), (3, 1)}
    right = torch.tensor([[(q, i) in known for i in range(5)] for q in range(4)])
    batch = [(0, 0), (0, 1), (1, 1), (2, 4)]
    q, i = (torch.tensor(own) for own in zip(*batch, strict=True))
    ours = one_way(queries[q], items, i, right[q], lambda cosines: cosines * scale, 3)
    logits = 1.7 * queries.double().numpy() @ items.double().numpy().T
    by_hand = 0.0
    for a, b in batch:
        others = [logits[a, j] for j in range(5) if (a, j) not in known]
        by_hand -= logits[a, b] - np.log(np.exp([logits[a, b], *others]).sum())
    assert ours.item() == pytest.approx(by_hand, abs=1e-5)


def model_unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_both_ways_count_alike(tasks):
    """Of one pair each, the loss is the mean of both cross-entropies of the scaled cosines."""
    made = tasks("model.balance=0", "model.z=0", "model.modality_dropout=0")
    batch = made.batch(0, 0)
    order = np.argsort(batch[0])
    with torch.no_grad():
        made.model.eval()
        q = model.embed(made.model.queries, made.queries)[0][batch[0][order]]
        i = model.embed(made.model.items, made.items)[0][batch[1][order]]
        logits = q @ i.T / 0.07
        target = torch.arange(len(q))
        both = [nn.functional.cross_entropy(way, target) for way in (logits, logits.T)]
    torch.testing.assert_close(gradients(made, batch)[0], sum(both) / 2, rtol=0, atol=1e-5)


def test_every_pair_is_in_one_batch_of_an_epoch(tasks):
    made = tasks()
    for epoch in (0, 1):
        steps = [made.batch(epoch, n) for n in range(made.steps(epoch))]
        assert sorted(np.concatenate([q for q, _ in steps])) == sorted(made.train.query)
        assert max(len(q) for q, _ in steps) - min(len(q) for q, _ in steps) <= 1
    assert not np.array_equal(made.batch(0, 0)[0], made.batch(1, 0)[0])


def test_the_scale_comes_back_to_a_hundred(tasks):
    made = tasks()
    with torch.no_grad():
        made.model.temperature.log_scale.fill_(9.0)
    gradients(made, made.batch(0, 0))
    assert made.model.temperature(torch.ones(1)).item() == pytest.approx(100, rel=1e-5)
    assert made.model.temperature.log_scale.grad is not None
