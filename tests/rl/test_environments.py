import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from mirctl_rl.env import UserEnv
from mirctl_rl.vector import UsersEnv
from rl.plain import PlainUser
from rl.worlds import random_world

KINDS = [
    {},
    {"moves": True},
    {"titles": True, "slate": 20},
    {"reward": "raw", "repeats": True},
    {"reward": "deviation", "titles": True},
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.filterwarnings("ignore:.*we recommend:UserWarning")
def test_one_user_is_an_environment_of_gymnasium(kind):
    check_env(UserEnv(random_world(**kind)), skip_render_check=True)


@given(st.sampled_from(KINDS), st.integers(0, 2**62), st.integers(1, 6), st.data())
@settings(max_examples=60, deadline=None)
def test_many_users_do_what_each_does_in_plain_python(kind, seed, n, data):
    world = random_world(**kind)
    env = UsersEnv(world, n)
    obs, _ = env.reset(seed=seed)
    plain = [PlainUser(world, seed + k) for k in range(n)]
    expected = [user.reset() for user in plain]
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    for _ in range(30):
        same(obs, expected)
        actions = rng.integers(world.n_actions, size=n)
        obs, reward, left, over, infos = env.step(actions)
        for k, user in enumerate(plain):
            expected[k], earned, gone, ended = user.step(int(actions[k]))
            assert (reward[k], left[k], over[k]) == (np.float32(earned), gone, ended)
            if gone or ended:
                final = {name: value[k : k + 1] for name, value in infos["final_obs"].items()}
                assert infos["_final_obs"][k]
                same(final, [expected[k]])
                expected[k] = user.reset()


def same(obs, expected):
    for name in obs:
        wanted = np.array([one[name] for one in expected])
        assert np.array_equal(obs[name], wanted.astype(obs[name].dtype)), name


def test_gymnasiums_own_vector_of_single_users_gives_the_same():
    world = random_world(titles=True, slate=15)
    ours = UsersEnv(world, 4)
    theirs = SyncVectorEnv([lambda: UserEnv(world)] * 4, autoreset_mode=AutoresetMode.SAME_STEP)
    assert ours.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    rng = np.random.default_rng(0)
    one, other = ours.reset(seed=8)[0], theirs.reset(seed=8)[0]
    finished = 0
    for _ in range(40):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)
        actions = rng.integers(15, size=4)
        one, *told, infos = ours.step(actions)
        other, *expected, their_infos = theirs.step(actions)
        assert all(np.array_equal(a, b) for a, b in zip(told, expected))
        assert np.array_equal(infos["action_mask"], their_infos["action_mask"])
        for k in np.flatnonzero(infos.get("_final_obs", [])):
            final = their_infos["final_obs"][k]
            assert all(np.array_equal(infos["final_obs"][name][k], final[name]) for name in final)
            finished += 1
    assert finished > 3
    assert all(one[name] in space for name, space in ours.observation_space.items())


def test_a_user_who_leaves_at_the_horizon_left():
    world = random_world(horizon=3, threshold=1, window=1, repeats=True)
    env = UsersEnv(world, 64)
    env.reset(seed=0)
    genre = int(np.flatnonzero(world.known.kinds.table.any(axis=1))[0])
    lengths = []
    for _ in range(2):
        _, _, left, over, _ = env.step(np.full(64, genre))
        lengths.append((left.all(), over.any()))
    assert lengths == [(False, False), (True, False)]


def test_a_seed_decides_who_comes_and_an_unseeded_reset_goes_on():
    env = UsersEnv(random_world(users=500), 50)
    first, second, again = (env.reset(seed=s)[0]["user"] for s in (1, 2000, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, env.reset()[0]["user"])
    listed = env.reset(seed=list(range(1, 51)))[0]["user"]
    assert np.array_equal(first, listed)
    single = UserEnv(env.world)
    assert [single.reset(seed=k)[0]["user"] for k in range(1, 51)] == first.tolist()


def test_what_was_shown_is_masked_and_earns_nothing_again():
    world = random_world(threshold=4, window=4)
    env = UsersEnv(world, 3)
    env.reset(seed=0)
    best = env.world.hidden.rewards.table.argmax(axis=1)
    user = env.reset()[0]["user"]
    _, reward, *_, infos = env.step(best[user])
    assert (reward == 1).all()
    assert not infos["action_mask"][np.arange(3), best[user]].any()
    assert (infos["action_mask"].sum(axis=1) == 39).all()
    assert not env.step(best[user])[1].any()


@pytest.mark.parametrize("actions", [[-1, 0], [0, 40], [0], [0.0, 1.0]])
def test_an_impossible_action_is_refused(actions):
    env = UsersEnv(random_world(), 2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="action"):
        env.step(np.array(actions))


def test_slates_hold_no_item_twice_and_every_item_as_often():
    world = random_world(items=30, slate=12)
    slates = world.drawn_slates(np.arange(4000), np.zeros(4000, np.int64))
    assert (np.sort(slates)[:, 1:] > np.sort(slates)[:, :-1]).all()
    counts = np.bincount(slates.ravel(), minlength=30)
    assert counts.min() > 0.85 * counts.mean()
