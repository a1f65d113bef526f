import io
import json

import numpy as np
import pytest
import torch

from mirctl import console
from mirctl.errors import Interrupted, RunError
from mirctl_rl.agents import Agent
from mirctl_rl.curve import BLOCK, Curve
from mirctl_rl.evaluation import evaluate
from mirctl_rl.mixing import Mixing
from mirctl_rl.policies import reference
from rl.learning import learner_of, weights_of
from rl.worlds import random_world


@pytest.fixture(autouse=True)
def _quiet():
    console.configure(quiet=True)
    yield
    console.configure(quiet=False)


def curve_of(learner):
    return json.dumps(learner.curve.rows)


def mixed(world, **more):
    """A learner beside a frozen policy."""
    frozen = learner_of(world, 5).network
    return learner_of(world, frozen=frozen, mixing=Mixing(1.0, 0.9), **more)


def test_the_same_seed_gives_the_same_curve_and_another_one_another():
    world = random_world()
    learners = [learner_of(world, seed) for seed in (1, 1, 2)]
    for learner in learners:
        learner.learn(1_600, "learn")
    a, b, c = map(curve_of, learners)
    assert a == b != c
    one, other = map(weights_of, learners[:2])
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("kind", ["scratch", "mixed", "slates"])
def test_an_interrupted_run_goes_on_to_the_same_bytes(kind, monkeypatch):
    world = random_world(slate=15) if kind == "slates" else random_world()
    make = mixed if kind == "mixed" else learner_of
    whole = make(world)
    whole.learn(1_600, "learn")
    saved = []
    begun = make(world, saved=saved)

    def interrupted(stop, steps, original=begun._save):
        stop.asked = True
        original(stop, steps)

    monkeypatch.setattr(begun, "_save", interrupted)
    begun.config = begun.config.model_copy(update={"checkpoint_every": 0.0})
    with pytest.raises(Interrupted, match="--resume"):
        begun.learn(1_600, "learn")
    file = io.BytesIO()
    torch.save(saved[-1], file)
    file.seek(0)
    resumed = make(world, saved=[torch.load(file, weights_only=True)])
    resumed.learn(1_600, "learn")
    assert curve_of(resumed) == curve_of(whole)
    one, other = weights_of(whole), weights_of(resumed)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_policy_learns_to_earn_more_than_random_and_popularity():
    world = random_world(users=6, items=24, window=4, threshold=4, horizon=8)
    learner = learner_of(world, users=32, turns=4)
    learner.learn(24_000, "learn")
    agent = Agent(learner.network.eval(), knows_users=True)
    policies = [agent, reference("random", world), reference("popularity", world)]
    found = evaluate(world, policies, 400, 9)
    earned = [found[policy.name]["cumulative"] for policy in policies]
    assert earned[0]["low"] > 1.4 * max(earned[1]["high"], earned[2]["high"])


def test_what_was_shown_is_never_shown_again():
    world = random_world(items=14, horizon=12, threshold=4)
    learner = learner_of(world)
    shown = {n: [] for n in range(16)}
    step = learner.env.step

    def watched(actions):
        for user, action in enumerate(actions.tolist()):
            assert action not in shown[user]
            shown[user].append(action)
        found = step(actions)
        for user in np.flatnonzero(found[2] | found[3]):
            shown[user].clear()
        return found

    learner.env.step = watched
    learner.learn(2_000, "learn")


def test_a_frozen_policy_stays_as_it_is_and_serves_as_many_as_its_weight_says():
    world = random_world()
    learner = mixed(world)
    before = {name: t.clone() for name, t in learner.roller.frozen.state_dict().items()}
    learner.learn(2_500, "learn")
    after = learner.roller.frozen.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(0.02 <= row["weight"] <= 0.98 for row in learner.curve.rows)
    assert 0 < sum(learner.curve.whose) < len(learner.curve.whose)


def test_importance_weights_are_one_for_own_episodes_and_ratios_for_the_frozen_ones():
    learner = mixed(random_world())
    own = learner.curve.frozen.copy()
    played = learner.roller.roll(1, 0, np.random.default_rng(0))
    ratio = played.ratio[0].numpy()
    assert (ratio[~own] == 1).all()
    assert own.any()
    assert not np.allclose(ratio[own], 1)


def test_a_reward_that_is_no_number_stops_the_run_with_its_place():
    world = random_world()
    world.hidden.rewards.table[:, 7] = np.nan
    with pytest.raises(RunError, match="reward of item 'i7' is nan at step"):
        learner_of(world).learn(1_600, "learn")


def test_a_gradient_that_overflows_is_an_error_that_says_what_to_do():
    learner = learner_of(random_world())
    with torch.no_grad():
        learner.network.value.weight.fill_(1e30)
    with pytest.raises(RunError, match=r"learn\.lr"):
        learner.learn(500, "learn")


def test_rows_of_a_curve_hold_every_episode_once():
    world = random_world()
    learner = learner_of(world)
    learner.learn(3_100, "learn")
    curve = learner.curve
    assert [row["step"] for row in curve.rows[:-1]] == [BLOCK, 2 * BLOCK, 3 * BLOCK]
    assert sum(row["episodes"] for row in curve.rows) == len(curve.step)
    total = sum(row["episodes"] * row["cumulative"] for row in curve.rows if row["episodes"])
    assert total == pytest.approx(sum(curve.earned))


def test_a_block_in_which_no_episode_ended_has_no_mean():
    curve = Curve(2)
    curve.earn(np.ones(2))
    assert curve.blocks(1000, {}, done=True) == [{"step": 1000, "episodes": 0}]
