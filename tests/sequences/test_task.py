"""Loss, queries and metrics against loops over one user after another."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mirctl.encode.towers import CatalogueInputs
from mirctl.metrics import ranking
from mirctl.sequences import evaluation
from mirctl.sequences.config import EvalConfig
from mirctl.sequences.evaluation import rank_all
from mirctl.sequences.histories import Windows, pack, split
from mirctl.sequences.scorer import NeuralScorer, embed_items
from mirctl.sequences.training import NextItemTask
from mirctl.sequences.users import Recommender, UserEncoder

N_ITEMS = 17
LENGTHS = [2, 3, 4, 6, 7, 9, 12, 21]


def histories():
    """User u walks a circle of 17 in steps of u + 1: a pair of neighbours tells whose it is."""
    return [[t * (u + 1) % N_ITEMS for t in range(n)] for u, n in enumerate(LENGTHS)]


def parts_of(lists):
    offsets = np.cumsum([0, *map(len, lists)])
    return split(offsets, np.concatenate(lists), N_ITEMS, "full")


class Table(nn.Module):
    """An embedding an item, and nothing else."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(N_ITEMS, 8)

    def forward(self, items):
        return self.table(items.ids)


def task_on(lists, *, loss, history=30, batch_size=100):
    """A task of items by id without dropout, its parameters far from their start."""
    torch.manual_seed(3)
    model = Recommender(Table(), UserEncoder(8, history, layers=2, heads=2, dropout=0.0))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.5)
    inputs = CatalogueInputs({}, N_ITEMS, torch.device("cpu"))
    parts = parts_of(lists)
    return NextItemTask(
        model.eval(),
        inputs,
        parts,
        Windows(parts.train, history, batch_size, seed=0),
        whole=loss == "catalogue",
        repeats="mask",
        modality_dropout=0.0,
        rates={},
    )


def windows_in(batch):
    """The real items of each window, without its pads."""
    return [row[:length].tolist() for row, length in zip(batch[0], batch[1], strict=True)]


def owner(window):
    """The user in whose history the window stands."""
    step = (window[1] - window[0]) % N_ITEMS
    assert all((b - a) % N_ITEMS == step for a, b in itertools.pairwise(window))
    return step - 1


def next_items(task, windows):
    """(window, user state, its target's place in the window) of every prediction."""
    table = task.model.items.table.weight
    for number, window in enumerate(windows):
        states = task.model.users(table[torch.tensor(window[:-1])][None])[0]
        yield from ((number, state, place) for place, state in enumerate(states, start=1))


def written_out(task, batch, train):
    """Each position of each window is a column; a user's own items are masked but the target."""
    windows, table = windows_in(batch), task.model.items.table.weight
    columns = [(w, t) for w, window in enumerate(windows) for t in range(len(window))]
    items = torch.tensor([windows[w][t] for w, t in columns])
    share = np.bincount(np.concatenate(train), minlength=N_ITEMS) / sum(map(len, train))
    log_share = torch.from_numpy(share).float().log()[items]
    own = {owner(window): set() for window in windows}
    for window in windows:
        own[owner(window)] |= set(window)
    losses = []
    for number, state, place in next_items(task, windows):
        target = columns.index((number, place))
        mine = own[owner(windows[number])]
        masked = torch.tensor([item in mine for item in items.tolist()])
        masked[target] = False
        logits = table[items] @ state - log_share - 1e4 * masked
        losses.append(-torch.log_softmax(logits, 0)[target])
    return torch.stack(losses).mean()


@pytest.mark.parametrize(
    ("history", "batch_size", "most"), [(30, 100, 19), (3, 100, 4), (3, 6, 4), (1, 9, 2)]
)
def test_the_batch_loss_is_the_one_written_out(history, batch_size, most):
    lists = histories()
    train = [h[:-2] if len(h) >= 3 else h for h in lists]
    task = task_on(lists, loss="batch", history=history, batch_size=batch_size)
    for step in range(task.steps(0)):
        batch = task.batch(0, step)
        assert max(batch[1]) <= most
        expected = written_out(task, batch, train).item()
        assert task.loss(batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("history", [30, 3])
def test_the_catalogue_loss_is_the_mean_over_real_next_items(history):
    task = task_on(histories(), loss="catalogue", history=history)
    batch = task.batch(0, 0)
    windows, table = windows_in(batch), task.model.items.table.weight
    losses = [
        F.cross_entropy(table @ state, torch.tensor(windows[number][place]))
        for number, state, place in next_items(task, windows)
    ]
    assert len(set(batch[1].tolist())) > 1, "windows are ragged"
    expected = torch.stack(losses).mean().item()
    assert task.loss(batch).item() == pytest.approx(expected, rel=1e-5)


def with_other_tests(lists):
    """The same histories, but for the last item of each user who has a test target."""
    return [[*h[:-1], (h[-1] + 5) % N_ITEMS] if len(h) >= 3 else h for h in lists]


@pytest.mark.parametrize("loss", ["batch", "catalogue"])
def test_training_and_validation_never_see_the_test_targets(loss):
    one = task_on(histories(), loss=loss, history=4, batch_size=5)
    other = task_on(with_other_tests(histories()), loss=loss, history=4, batch_size=5)
    assert one.validate() == other.validate()
    for epoch in range(2):
        assert one.steps(epoch) == other.steps(epoch)
        for step in range(one.steps(epoch)):
            pair = one.batch(epoch, step), other.batch(epoch, step)
            for a, b in zip(*pair, strict=True):
                np.testing.assert_array_equal(a, b)
            assert one.loss(pair[0]).item() == other.loss(pair[1]).item()
    ranks = [
        rank_all(
            NeuralScorer(t.model.users, embed_items(t.model, t.inputs)), t.split, "test", "mask"
        )
        for t in (one, other)
    ]
    assert (ranks[0].above != ranks[1].above).any(), "these targets are ranked differently"


def test_validation_is_of_the_last_item_but_one():
    lists = [h for h in histories() if len(set(h)) == len(h) >= 3]
    task = task_on(lists, loss="catalogue")
    table = task.model.items.table.weight
    gains = []
    for history in lists:
        scores = table @ task.model.users(table[torch.tensor(history[:-2])][None])[0, -1]
        rivals = [i for i in range(N_ITEMS) if i not in history[:-2]]
        gains.append(1 / sum((scores[rivals] >= scores[history[-2]]).tolist()))
    assert task.validate()["mrr"] == pytest.approx(np.mean(gains))


@pytest.fixture
def scorer():
    users = UserEncoder(dim=8, history=5, layers=2, heads=2, dropout=0.3)
    return NeuralScorer(users, torch.randn(9, 8))


def read_alone(scorer, history, width=5):
    """The user encoder on one history without pads: its last time step."""
    with torch.no_grad():
        return scorer.users(scorer.embeddings[torch.tensor(history[-width:])][None])[0, -1]


def test_a_query_is_the_last_time_step_of_the_newest_items(scorer):
    lists = [[4], [1, 2, 3], [8, 7, 6, 5, 4], [0, 1, 2, 3, 4, 5, 6, 7], [3, 3], [0]]
    expected = torch.stack([read_alone(scorer, history) for history in lists])
    torch.testing.assert_close(scorer.queries(pack(lists)), expected)
    scores = scorer.scores(pack(lists))
    torch.testing.assert_close(scores, expected @ scorer.embeddings.T)


def test_an_empty_history_asks_for_nothing_and_changes_nobody_else(scorer):
    queries = scorer.queries(pack([[1, 2], [], [5, 6, 7], []]))
    assert not queries[[1, 3]].any()
    torch.testing.assert_close(queries[0], read_alone(scorer, [1, 2]))
    torch.testing.assert_close(queries[2], read_alone(scorer, [5, 6, 7]))
    assert scorer.queries(pack([[], []])).tolist() == [[0.0] * 8] * 2


class Always:
    """Gives each of its rows to the user in that place, whatever the history."""

    def __init__(self, rows):
        self.rows = torch.tensor(rows)

    def scores(self, histories):
        assert len(histories) == len(self.rows)
        return self.rows.clone()


def favouring(*best):
    """Scores of 17 items that rank the given ones first, in that order, and tie the rest."""
    row = [0.0] * N_ITEMS
    for place, item in enumerate(best):
        row[item] = 100.0 - place
    return row


def test_a_target_is_cold_by_its_training_interactions_alone():
    lists = [[1, 4, 0, 2], [1, 4, 5, 0], [1, 0, 4, 6], [0, 5, 6, 1]]
    # In training item 0 stands twice and item 1 three times; item 0 stands four times in all.
    rows = [favouring(2), favouring(9, 0), favouring(9, 8, 6), favouring(9, 8, 7, 1)]
    config = EvalConfig(cold_at_most=2)
    metrics = evaluation.evaluate(Always(rows), parts_of(lists), config, seed=0).metrics
    assert [metrics[f"{part}mrr"]["n"] for part in ("", "cold/", "warm/", "valid/")] == [4, 3, 1, 4]
    assert metrics["cold/mrr"]["value"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert metrics["warm/mrr"]["value"] == pytest.approx(1 / 4)
    assert metrics["mrr"]["value"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_items_of_the_history_never_outrank_the_target_by_default():
    lists = [[1, 4, 0, 2], [1, 4, 5, 0], [3, 7, 4, 6]]
    rows = [favouring(*history) for history in lists]
    metrics = evaluation.evaluate(Always(rows), parts_of(lists), EvalConfig(), seed=0).metrics
    assert metrics["mrr"]["value"] == 1.0
    assert metrics["valid/mrr"]["value"] == 1.0
    allowed = EvalConfig(repeats="allow")
    metrics = evaluation.evaluate(Always(rows), parts_of(lists), allowed, seed=0).metrics
    assert metrics["mrr"]["value"] == pytest.approx(1 / 4)
    assert metrics["valid/mrr"]["value"] == pytest.approx(1 / 3)


def test_a_constant_scorer_is_chance_among_the_items_not_seen():
    lists = [history[:13] for history in histories()[1:]]
    rows = [[0.0] * N_ITEMS] * len(lists)
    metrics = evaluation.evaluate(Always(rows), parts_of(lists), EvalConfig(), seed=0).metrics
    for prefix, held_out in (("", 1), ("valid/", 2)):
        unseen = [N_ITEMS - len(history) + held_out for history in lists]
        chance = np.mean([min(1, 10 / count) for count in unseen])
        assert metrics[f"{prefix}hr@10"]["value"] == pytest.approx(chance)
        chance = np.mean([(1 / np.arange(1, count + 1)).mean() for count in unseen])
        assert metrics[f"{prefix}mrr"]["value"] == pytest.approx(chance)


def test_the_interval_is_as_wide_as_95_percent_of_a_normal_one():
    values = np.random.default_rng(1).random((300, 40))
    low, high = ranking.bootstrap(values, seed=0)
    wanted = 2 * 1.96 * values.std(0) / np.sqrt(len(values))
    assert ((high - low) / wanted).mean() == pytest.approx(1, abs=0.03)
    assert ((high - values.mean(0)) / wanted).mean() == pytest.approx(0.5, abs=0.02)
