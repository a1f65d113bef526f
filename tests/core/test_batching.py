import numpy as np

from mirctl import batching


def test_every_row_stands_once_in_the_order() -> None:
    lengths = np.random.default_rng(0).integers(1, 99, 103)
    order = batching.order(lengths, 8, np.random.default_rng(1))
    assert sorted(order.tolist()) == list(range(103))


def test_batches_hold_rows_of_like_length_and_come_in_any_order() -> None:
    lengths = np.random.default_rng(0).integers(1, 1000, 512)
    batches = lengths[batching.order(lengths, 8, np.random.default_rng(1))].reshape(-1, 8)
    chance = lengths.reshape(-1, 8)
    assert np.ptp(batches, axis=1).mean() < np.ptp(chance, axis=1).mean() / 4
    assert abs(np.corrcoef(batches.mean(1)[:-1], batches.mean(1)[1:])[0, 1]) < 0.5


def test_no_rows_have_an_order() -> None:
    assert batching.order(np.zeros(0, int), 8, np.random.default_rng(0)).tolist() == []
