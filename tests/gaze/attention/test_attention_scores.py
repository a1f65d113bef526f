"""Scores of maps that can be worked out by hand."""

import numpy as np
import torch

from mirctl_gaze.attention.scores import Scores, rolled, seen

CAUSAL = torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0], [0.2, 0.3, 0.5]])


def scores(*maps, text=(True, True, True)):
    found = Scores(torch.tensor(text))
    for weights in maps:
        found.add(weights)
    return {
        (column.score, column.layer): values.numpy()
        for column, values in zip(found.columns, found.values)
    }


def test_a_causal_column_counts_only_those_who_can_see_it():
    found = scores(CAUSAL[None])
    np.testing.assert_allclose(found["received", 1], [1.7 / 3, 0.8 / 3, 0.5 / 3], rtol=1e-6)
    np.testing.assert_allclose(found["column", 1], [1.7 / 3, 0.4, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found["last", 1], [0.2, 0.3, 0.5], rtol=1e-6)


def test_rows_of_special_tokens_do_not_count():
    found = scores(CAUSAL[None], text=(False, True, False))
    np.testing.assert_allclose(found["received", 1], [0.5, 0.5, 0], rtol=1e-6)
    np.testing.assert_allclose(found["last", 1], [0.5, 0.5, 0], rtol=1e-6)


def test_heads_are_averaged():
    other = torch.eye(3)
    found = scores(torch.stack([CAUSAL, other]))
    np.testing.assert_allclose(found["last", 1], [0.1, 0.15, 0.75], rtol=1e-6)


def test_rollout_by_hand():
    first = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    second = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    found = scores(first[None], second[None], text=(True, True))
    # layer 1: [[.5, .5], [.5, .5]]; layer 2: [[1, 0], [.25, .75]] times that
    np.testing.assert_allclose(found["rollout", 1], [0.5, 0.5])
    np.testing.assert_allclose(found["rollout", 2], [0.5, 0.5])
    skewed = rolled(second, rolled(CAUSAL[:2, :2], None))
    np.testing.assert_allclose(skewed, [[1.0, 0.0], [0.25 + 0.75 * 0.25, 0.75 * 0.75]])


def test_rollout_of_uniform_attention_stays_a_share():
    uniform = torch.full((4, 4), 0.25)
    product = None
    for _ in range(12):
        product = rolled(uniform, product)
    np.testing.assert_allclose(product.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(product, 0.25, atol=1e-3)


def test_rollout_makes_up_for_what_a_sink_takes():
    sunk = torch.tensor([[0.5, 0.0], [0.25, 0.25]])
    np.testing.assert_allclose(rolled(sunk, None), [[1, 0], [1 / 6, 5 / 6]], rtol=1e-6)


def test_a_window_ends_and_a_zero_inside_it_does_not():
    rows = torch.tensor([[0.6, 0, 0, 0], [0.4, 0.6, 0, 0], [0, 0, 1.0, 0], [0, 0.1, 0.4, 0.5]])
    assert seen(rows).int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 1, 1, 1]]
