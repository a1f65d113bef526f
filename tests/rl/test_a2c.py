"""The maths of learning, against sums written out in numpy."""

import numpy as np
import pytest
import torch

from mirctl_rl import a2c
from mirctl_rl.mixing import LEAST, MOST, Mixing
from mirctl_rl.network import Network, drawn, item_features, odds, shape_of, tensors
from mirctl_rl.vector import UsersEnv
from rl.worlds import random_world


def network_of(world, seed=0, width=8):
    features = item_features(world)
    torch.manual_seed(seed)
    return Network(shape_of(world, features, width), features)


def some_state(world, n=6):
    obs, infos = UsersEnv(world, n).reset(seed=1)
    return tensors(obs, torch.device("cpu")), torch.from_numpy(infos["action_mask"].copy())


def written_out(rewards, terminated, truncated, finals, last, discount):
    """Each return by its definition: rewards until the user leaves, or a value stands for more."""
    turns, n = rewards.shape
    found = np.zeros((turns, n))
    for user in range(n):
        for begin in range(turns):
            total, factor = 0.0, 1.0
            for turn in range(begin, turns):
                total += factor * rewards[turn, user]
                factor *= discount
                if terminated[turn, user]:
                    break
                if truncated[turn, user]:
                    total += factor * finals[turn, user]
                    break
            else:
                total += factor * last[user]
            found[begin, user] = total
    return found


def played(seed=0, turns=7, n=5):
    rng = np.random.default_rng(seed)
    ends = rng.integers(0, 4, (turns, n))
    return (
        rng.normal(size=(turns, n)),
        ends == 0,
        ends == 1,
        rng.normal(size=(turns, n)),
        (rng.normal(size=n)),
    )


def test_returns_are_those_written_out():
    parts = played()
    found = a2c.returns(*map(torch.from_numpy, parts), 0.9)
    np.testing.assert_allclose(found.numpy(), written_out(*parts, 0.9))


def test_only_a_truncated_episode_is_bootstrapped():
    """Who leaves earns no more whatever the final value; at the horizon it counts. Swapped, both
    fail."""
    one = torch.ones(1, 1)
    no, yes = torch.zeros(1, 1, dtype=torch.bool), torch.ones(1, 1, dtype=torch.bool)
    last = torch.full((1,), 100.0)
    left = a2c.returns(one, yes, no, 10 * one, last, 0.5)
    over = a2c.returns(one, no, yes, 10 * one, last, 0.5)
    neither = a2c.returns(one, no, no, 10 * one, last, 0.5)
    assert (left.item(), over.item(), neither.item()) == (1.0, 6.0, 51.0)


@pytest.mark.parametrize("slate", [None, 15])
def test_gradients_of_all_weights_are_those_of_the_loss_by_autograd(slate):
    world = random_world(slate=slate, titles=slate is not None)
    network = network_of(world)
    obs, mask = some_state(world)
    mask[:, :5] = False
    rng = np.random.default_rng(0)
    advantage, weight, target = (torch.from_numpy(rng.random(6, np.float32)) for _ in range(3))
    action = torch.full((6,), 7)

    tables = network.tables()
    query, value = network.encode(obs, tables)
    logits = network.logits(query, tables, obs.get("slate")).masked_fill(~mask, -torch.inf)
    log = torch.log_softmax(logits, dim=1).masked_fill(~mask, 0.0)
    entropy = -(log.exp() * log * mask).sum(dim=1)
    actor = -(weight * advantage * log[:, 7]) - 0.3 * entropy
    critic = 0.25 * weight * (value - target) ** 2
    (actor + critic).mean().backward()
    expected = {name: p.grad.clone() for name, p in network.named_parameters()}

    network.zero_grad()
    own = odds(logits.detach(), mask)
    by_logit, spread = a2c.logit_gradient(own, action, advantage, weight, 0.3)
    network.backward(obs, by_logit, lambda v: 0.5 * weight * (v - target) / 6)
    torch.testing.assert_close(spread, entropy.detach())
    for name, weights in network.named_parameters():
        torch.testing.assert_close(weights.grad, expected[name], msg=name)


def test_what_the_mask_excludes_is_never_drawn():
    """Not even by numbers at the very ends, nor after rounding of the running sum."""
    torch.manual_seed(0)
    mask = torch.rand(400, 300) < 0.5
    mask[:, -1] = False
    mask[:, 0] = False
    mask[:, 1] = True
    chances = odds(torch.randn(400, 300) * 5, mask)
    ends = torch.tensor([0.0, 1.0 - 2**-24, 0.5, 2**-40])
    for uniform in (ends.repeat(100), torch.rand(400)):
        assert mask.gather(1, drawn(chances, uniform)[:, None]).all()


def test_items_are_drawn_as_often_as_their_odds_say():
    chances = torch.tensor([[0.1, 0.0, 0.6, 0.3]]).repeat(40_000, 1)
    rng = np.random.default_rng(0)
    found = drawn(chances, torch.from_numpy(rng.random(40_000, np.float32)))
    share = np.bincount(found.numpy(), minlength=4) / 40_000
    np.testing.assert_allclose(share, [0.1, 0.0, 0.6, 0.3], atol=0.01)


def test_the_weight_of_the_frozen_policy_is_the_formula():
    mixing = Mixing(temperature=2.0, memory=0.5)
    assert mixing.weight == 0.5
    mixing.ended(0, 4.0)
    assert mixing.weight == 0.5
    mixing.ended(0, 1.0)
    mixing.ended(1, 3.0)
    frozen = (0.5 * 0.5 * 4.0 + 0.5 * 1.0) / (0.5 * 0.5 + 0.5)
    assert mixing.weight == pytest.approx(1 / (1 + np.exp(-(frozen - 3.0) / 2.0)))


@pytest.mark.parametrize(("gap", "weight"), [(1e9, MOST), (-1e9, LEAST)])
def test_the_weight_stays_within_its_bounds(gap, weight):
    mixing = Mixing(temperature=1e-3, memory=0.9)
    mixing.ended(0, gap)
    mixing.ended(1, 0.0)
    assert mixing.weight == weight
    share = mixing.assigned(20_000, np.random.default_rng(0)).mean()
    assert share == pytest.approx(weight, abs=0.005)


def test_gradients_are_the_same_bits_each_time_in_two_threads():
    world = random_world(users=50, items=300)
    network = network_of(world, width=64)
    obs, _mask = some_state(world, 320)
    by_logit = torch.randn(320, 300, generator=torch.Generator().manual_seed(0))
    threads, found = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        for _ in range(8):
            network.zero_grad()
            network.backward(obs, by_logit, lambda value: value)
            found.append([weights.grad.clone() for weights in network.parameters()])
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other))
