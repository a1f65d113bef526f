"""The whole training task against its definition: losses, targets, and what validation may see."""

import numpy as np
import pytest
import torch

from mirctl_adapt.config import AdaptConfig
from mirctl_adapt.data import split
from mirctl_adapt.inputs import CatalogueInputs
from mirctl_adapt.neural import NeuralScorer, build
from mirctl_adapt.training import NextItemTask

N_ITEMS = 9
HISTORIES = [[1, 2, 3, 4, 5, 6, 7, 8, 0, 3], [4, 4, 2, 7], [5, 0, 1], [8, 3, 1, 6, 2], [7, 8]]


def task(loss, histories=HISTORIES, seed=0):
    offsets = np.cumsum([0, *(len(h) for h in histories)])
    parts = split(offsets, np.concatenate(histories), N_ITEMS, "full")
    config = AdaptConfig.model_validate(
        {
            "uses": "adapt/run",
            "data": {"interactions": "x.csv"},
            "model": {"method": "id", "dim": 8, "history": 3, "dropout": 0.0},
            "train": {"loss": loss, "batch_size": 64},
            "seed": seed,
        }
    )
    torch.manual_seed(1)
    model = build(config.model, [], N_ITEMS)
    torch.nn.init.normal_(model.items.table.weight)
    return NextItemTask(model, CatalogueInputs({}, N_ITEMS, torch.device("cpu")), parts, config)


def predictions(work, batch):
    """(user state, target, window) of each real next item, window by window."""
    items, lengths, _ = batch
    table = work.model.items.table.weight
    for window, (row, length) in enumerate(zip(items, lengths)):
        states = work.model.users(table[torch.from_numpy(row[: length - 1])][None])[0]
        for t in range(length - 1):
            yield states[t], int(row[t + 1]), window, t + 1


def test_the_catalogue_loss_is_the_mean_over_real_next_items():
    work = task("catalogue")
    batch = work.batch(0, 0)
    table = work.model.items.table.weight
    expected = [
        -torch.log_softmax(table @ state, 0)[target]
        for state, target, _, _ in predictions(work, batch)
    ]
    assert work.loss(batch).item() == pytest.approx(torch.stack(expected).mean().item(), abs=1e-5)


def test_the_batch_loss_is_the_written_out_one():
    work = task("batch")
    items, lengths, users = batch = work.batch(0, 0)
    assert len(set(users)) < len(users), "some user has two windows"
    table = work.model.items.table.weight
    train = np.concatenate([h[:-2] if len(h) > 2 else h for h in HISTORIES])
    share = torch.from_numpy(np.bincount(train, minlength=N_ITEMS) / len(train)).float()
    columns = [(w, t) for w, n in enumerate(lengths) for t in range(n)]
    expected = []
    for state, _, window, place in predictions(work, batch):
        mine = {int(i) for w, n in enumerate(lengths) if users[w] == users[window]
                for i in items[w, :n]}  # fmt: skip
        logits = []
        for w, t in columns:
            item = int(items[w, t])
            logit = state @ table[item] - share[item].log()
            own = item in mine and (w, t) != (window, place)
            logits.append(logit - 1e4 if own else logit)
        scores = torch.log_softmax(torch.stack(logits), 0)
        expected.append(-scores[columns.index((window, place))])
    assert work.loss(batch).item() == pytest.approx(torch.stack(expected).mean().item(), abs=1e-4)


@pytest.mark.parametrize("loss", ["catalogue", "batch"])
def test_neither_training_nor_validation_sees_the_test_targets(loss):
    other = [[*h[:-1], (h[-1] + 1) % N_ITEMS] if len(h) > 2 else h for h in HISTORIES]
    one, two = task(loss), task(loss, other)
    for a, b in zip(one.batch(0, 0), two.batch(0, 0)):
        np.testing.assert_array_equal(a, b)
    assert one.loss(one.batch(0, 0)).item() == two.loss(two.batch(0, 0)).item()
    assert one.validate() == two.validate()


def test_validation_does_depend_on_its_own_targets():
    other = [[*h[:-2], (h[-2] + 1) % N_ITEMS, h[-1]] if len(h) > 2 else h for h in HISTORIES]
    assert task("catalogue").validate() != task("catalogue", other).validate()


def test_a_query_is_the_state_after_the_newest_item():
    work = task("catalogue")
    scorer = NeuralScorer(work.model.users, work.model.items.table.weight.detach())
    histories = work.split.whole
    for row, history in zip(scorer.queries(histories), HISTORIES):
        newest = torch.tensor(history[-3:])
        expected = work.model.users(scorer.embeddings[newest][None])[0, -1]
        torch.testing.assert_close(row, expected)
    assert not scorer.queries(histories.without_last(99)).any(), "an empty history asks for nothing"


def test_the_order_of_a_history_matters():
    users = task("catalogue").model.users
    history = torch.randn(1, 3, 8)
    swapped = history[:, [1, 0, 2]]
    assert not torch.allclose(users(history)[0, -1], users(swapped)[0, -1])
