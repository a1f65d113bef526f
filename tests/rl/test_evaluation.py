import numpy as np
import pytest

from mirctl.errors import UsageError
from mirctl_rl import evaluation
from mirctl_rl.evaluation import Played, evaluate, measured, play
from mirctl_rl.policies import NAMES, reference
from rl.plain import PlainUser
from rl.worlds import random_world


def test_measures_of_two_episodes_worked_by_hand():
    world = random_world(items=6, users=3)
    world.known.__dict__["popularity"] = np.array([3, 0, 0, 0, 0, 0])
    on = np.array([[1, 1, 1], [1, 0, 0]], bool)
    played = Played(
        np.array([[0, 1, 2], [0, 5, 5]]), np.array([[1, 0, 1], [1, 9, 9]], np.float32), on,
        np.array([[1, 0, 0], [1, 1, 1]], bool), np.array([[0, 1, 0], [0, 1, 1]], bool),
    )  # fmt: skip
    found = {name: entry["value"] for name, entry in measured(world, played, 0).items()}
    assert found == pytest.approx(
        {
            "cumulative": 1.5,
            "average": 0.75,
            "length": 2,
            "coverage": 0.5,
            "diversity": 0.5,
            "novelty": (2 * -np.log2(4 / 9) + 2 * -np.log2(1 / 9)) / 4,
            "observed": 0.5,
            "observed_average": 1.0,
        }
    )


def test_nothing_observed_has_no_score_and_what_nobody_took_a_finite_novelty():
    world = random_world(items=6, users=3)
    on = np.ones((2, 1), bool)
    none = np.zeros((2, 1), bool)
    played = Played(np.array([[5], [4]]), np.ones((2, 1), np.float32), on, none, none)
    found = measured(world, played, 0)
    assert found["observed"]["value"] == 0
    assert found["observed_average"]["value"] is None
    assert found["diversity"]["value"] is None
    assert np.isfinite(found["novelty"]["value"])


def test_an_evaluation_is_the_first_episode_of_each_user_in_plain_python():
    world = random_world(users=30)
    policy = reference("popularity", world)
    played = play(world, policy, 40, seed=5)
    counts = world.known.popularity
    best = sorted(range(40), key=lambda item: -counts[item])
    for k in range(40):
        user, earned, length = PlainUser(world, 5 + k), 0.0, 0
        user.reset()
        for item in best:
            _, reward, left, over = user.step(item)
            earned, length = earned + reward, length + 1
            if left or over:
                break
        assert played.on[k].sum() == length
        assert (played.reward[k] * played.on[k]).sum() == earned


def test_episodes_in_parts_are_the_same_episodes(monkeypatch):
    world = random_world()
    whole = play(world, reference("mf-aware", world), 50, seed=1)
    monkeypatch.setattr(evaluation, "AT_ONCE", 7)
    parts = play(world, reference("mf-aware", world), 50, seed=1)
    assert np.array_equal(whole.item * whole.on, parts.item * parts.on)


@pytest.mark.parametrize(
    "kind", [{}, {"moves": True}, {"titles": True, "slate": 20}, {"reward": "raw"}], ids=str
)
def test_the_oracle_earns_most_and_no_policy_repeats_an_item(kind):
    world = random_world(**kind)
    found = evaluate(world, [reference(name, world) for name in NAMES], 200, seed=0)
    best = max(found, key=lambda name: found[name]["cumulative"]["value"])
    assert best == "oracle"
    for name in NAMES:
        played = play(world, reference(name, world), 30, seed=0)
        for k in range(30):
            shown = played.item[k][played.on[k]]
            assert len(set(shown.tolist())) == len(shown)


def test_policies_that_know_the_quit_rule_keep_users_longer():
    world = random_world(threshold=1, window=4, items=80)
    for name in ("popularity", "mf"):
        blind, aware = (
            measured(world, play(world, reference(n, world), 200, seed=0), 0)["length"]["value"]
            for n in (name, f"{name}-aware")
        )
        assert aware > 1.5 * blind


def test_an_unknown_policy_is_named_with_the_near_one():
    with pytest.raises(UsageError, match="popularity"):
        reference("populrity", random_world())
