from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirctl.errors import DataError
from mirctl.sequences.histories import Histories, Windows, split


def sequences(*histories):
    offsets = np.cumsum([0, *(len(h) for h in histories)])
    return offsets, np.array([i for h in histories for i in h], dtype=np.int32)


def lists(histories):
    return [histories.items[a:b].tolist() for a, b in zip(histories.starts, histories.ends)]


def test_the_last_is_test_and_the_last_but_one_validation():
    parts = split(*sequences([1, 2, 3, 4], [5, 6], [7], [8, 9, 1]), 10, "full")
    assert parts.evaluated.tolist() == [0, 3]
    assert lists(parts.train) == [[1, 2], [5, 6], [7], [8]]
    assert parts.targets("valid").tolist() == [3, 9]
    assert parts.targets("test").tolist() == [4, 1]
    assert lists(parts.histories("valid")) == [[1, 2], [8]]
    assert lists(parts.histories("test")) == [[1, 2, 3], [8, 9]]


def test_no_target_leaks_into_training():
    parts = split(*sequences([1, 2, 3, 4], [5, 6, 7, 8]), 9, "full")
    assert set(parts.train.pairs()[1]).isdisjoint({3, 4, 7, 8})
    assert parts.train_counts().tolist() == [0, 1, 1, 0, 0, 1, 1, 0, 0]


def test_iisans_protocol_keeps_the_last_13_of_users_with_5():
    parts = split(*sequences(list(range(20)), [1, 2, 3, 4]), 20, "iisan")
    assert lists(parts.whole) == [list(range(7, 20))]
    assert lists(parts.train) == [list(range(7, 18))]
    assert parts.targets("test").tolist() == [19]


def test_too_little_data_is_said():
    with pytest.raises(DataError, match="no user has 3 interactions"):
        split(*sequences([1, 2], [3]), 4, "full")
    with pytest.raises(DataError, match="nothing to learn"):
        Windows(split(*sequences([1, 2, 3]), 4, "full").train, 5, 2, seed=0)


def test_padding_stands_at_the_end_and_the_newest_items_stay():
    _, items = sequences([1, 2, 3, 4], [5])
    histories = Histories(items.astype(np.int64), np.array([0, 4]), np.array([4, 5]))
    padded, lengths = histories.padded(3)
    assert padded.tolist() == [[2, 3, 4], [5, 0, 0]]
    assert lengths.tolist() == [3, 1]


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=8).filter(lambda n: max(n) > 1),
    width=st.integers(1, 9),
    size=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_an_epoch_predicts_every_next_item_once(lengths, width, size, seed):
    items = np.arange(sum(lengths))
    ends = np.cumsum(lengths)
    windows = Windows(Histories(items, ends - lengths, ends), width, size, seed)
    seen = Counter()
    for step in range(windows.steps(3)):
        batch, counts, _ = windows.batch(3, step)
        assert batch.shape[1] <= width + 1
        for row, count in zip(batch, counts):
            assert count >= 2
            seen.update(zip(row[: count - 1].tolist(), row[1:count].tolist()))
    expected = [(i, i + 1) for a, b in zip(ends - lengths, ends) for i in range(a, b - 1)]
    assert seen == Counter(expected)


def test_a_batch_depends_on_seed_epoch_and_step_alone():
    histories = Histories(np.arange(60), np.array([0, 30]), np.array([30, 60]))
    one, two = (Windows(histories, 4, 3, seed=1) for _ in range(2))
    for step in range(one.steps(0)):
        one.batch(0, step)
    np.testing.assert_array_equal(one.batch(2, 1)[0], two.batch(2, 1)[0])
    assert not np.array_equal(one.batch(2, 0)[0], two.batch(3, 0)[0])
