"""The loss of preferences against its formulas, written out."""

import math

import pytest
import torch

from mirctl_align.loss import preference_loss, weighted_mean

CHOSEN, REJECTED = torch.tensor([1.0, -2.0, 0.3]), torch.tensor([0.5, 1.0, 0.3])
NONE, SURE = torch.zeros(3), torch.ones(3)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_a_plain_pair_costs_minus_the_log_of_its_probability():
    found = preference_loss(CHOSEN, REJECTED, NONE, SURE)
    wanted = [-math.log(sigmoid(d)) for d in (0.5, -3.0, 0.0)]
    assert found.tolist() == pytest.approx(wanted)


def test_a_margin_asks_for_that_much_more():
    margin = torch.tensor([0.5, 1.0, 2.0])
    found = preference_loss(CHOSEN, REJECTED, margin, SURE)
    assert found.tolist() == pytest.approx(
        preference_loss(CHOSEN - margin, REJECTED, NONE, SURE).tolist()
    )
    assert (found > preference_loss(CHOSEN, REJECTED, NONE, SURE)).all()


def test_a_tie_costs_least_where_both_rewards_are_equal():
    half = torch.full((3,), 0.5)
    found = preference_loss(CHOSEN, REJECTED, NONE, half)
    assert found.argmin() == 2
    assert found[2].item() == pytest.approx(math.log(2))


def test_to_turn_a_pair_around_is_to_turn_its_target_around():
    target = torch.tensor([0.9, 0.2, 0.5])
    there = preference_loss(CHOSEN, REJECTED, NONE, target)
    back = preference_loss(REJECTED, CHOSEN, NONE, 1 - target)
    assert there.tolist() == pytest.approx(back.tolist())


def test_smoothing_takes_a_share_of_the_labels_to_be_wrong():
    found = preference_loss(CHOSEN, REJECTED, NONE, SURE, smoothing=0.1)
    right = preference_loss(CHOSEN, REJECTED, NONE, SURE)
    wrong = preference_loss(REJECTED, CHOSEN, NONE, SURE)
    assert found.tolist() == pytest.approx((0.9 * right + 0.1 * wrong).tolist())


def test_centering_pulls_the_sum_of_the_rewards_to_zero():
    free = preference_loss(CHOSEN, REJECTED, NONE, SURE)
    held = preference_loss(CHOSEN, REJECTED, NONE, SURE, centering=0.01)
    assert (held - free).tolist() == pytest.approx([0.01 * 1.5**2, 0.01 * 1, 0.01 * 0.6**2])
    shifted = preference_loss(CHOSEN + 5, REJECTED + 5, NONE, SURE)
    assert shifted.tolist() == pytest.approx(free.tolist(), rel=1e-5)


def test_shares_of_a_mean_add_up_to_it_whatever_the_weights():
    loss, weight = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, 0.0, 3.0])
    parts = [weighted_mean(loss[rows], weight[rows], weight.sum())
             for rows in (slice(0, 1), slice(1, 3))]  # fmt: skip
    assert sum(parts).item() == pytest.approx(13 / 4)


def test_a_batch_in_which_nothing_counts_costs_nothing():
    assert weighted_mean(CHOSEN, NONE, NONE.sum()).item() == 0
