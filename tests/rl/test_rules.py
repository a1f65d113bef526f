import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirctl_rl.boredom import Genres, Rule, Titles, leaves
from mirctl_rl.factors import Cells, Completion, Factors, associated, placed, rated
from mirctl_rl.policies import would_leave
from mirctl_rl.rewards import Rewards, ruled
from mirctl_rl.session import Session
from mirctl_rl.titles import coded, cut
from rl.worlds import random_world, with_rule


def slow_quit(genres, episode, window, threshold):
    """At which item of an episode does the user leave? None: never."""
    for place, item in enumerate(episode):
        before = [episode[k] for k in range(place) if place - k <= window]
        if any(sum(g in genres[o] for o in before) >= threshold for g in genres[item]):
            return place
    return None


@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_users_leave_where_the_rule_in_words_says(seed, window, threshold):
    world = with_rule(random_world(3, horizon=30, repeats=True), window, min(threshold, window))
    rng = np.random.default_rng(seed)
    episode = rng.integers(40, size=30)
    session = Session(world, 1)
    session.begin(np.zeros(1, int))
    genres = [set(np.flatnonzero(row)) for row in world.known.kinds.table]
    left = None
    for place, item in enumerate(episode):
        if session.step(np.array([item]))[1][0]:
            left = place
            break
    assert left == slow_quit(genres, episode.tolist(), window, world.known.rule.threshold)


def test_the_first_items_of_an_episode_can_bore_already():
    genres = Genres(np.ones((3, 1)))
    for before, expected in (([3, 3, 3], 0), ([0, 3, 3], 1), ([0, 1, 3], 2), ([0, 1, 2], 3)):
        alike = genres.alike(np.array([before]), np.array([0]))
        assert alike.tolist() == [expected]
        assert leaves(alike, Rule(3, 2)).tolist() == [expected >= 2]


@pytest.mark.parametrize("kind", [{}, {"titles": True}, {"titles": True, "slate": 15}], ids=str)
def test_what_a_policy_foresees_is_what_the_user_does(kind):
    world = random_world(threshold=1, window=3, **kind)
    rng = np.random.default_rng(0)
    session = Session(world, 200)
    session.begin(np.arange(200))
    some = 0
    for _ in range(8):
        actions = rng.integers(world.n_actions, size=200)
        foreseen = would_leave(world, session.observed())[np.arange(200), actions]
        _, left, _ = session.step(actions)
        assert np.array_equal(foreseen, left)
        some += left.sum()
        session.begin(np.flatnonzero(left))
    assert some > 50


def test_many_genres_are_counted_apart():
    rng = np.random.default_rng(0)
    table = rng.random((50, 19)) < 0.2
    genres = Genres(table)
    recent, item = rng.integers(0, 51, (300, 100)), rng.integers(0, 50, 300)
    padded = np.vstack([table, np.zeros((1, 19))])
    expected = (padded[recent].sum(axis=1) * table[item]).max(axis=1)
    assert np.array_equal(genres.alike(recent, item), expected)
    each = genres.alike_each(recent, None)
    assert np.array_equal(each[np.arange(300), item], expected)


def test_near_titles_are_alike_and_far_ones_are_not():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(5, 40))
    embeddings = centres[np.arange(100) % 5] + rng.normal(0, 0.1, (100, 40))
    codes = coded(embeddings, 8)
    titles = Titles(codes, cut(codes, 0.8, 0))
    same, other = np.array([[5, 10, 100]]), np.array([[1, 2, 3]])
    assert titles.alike(same, np.array([0])).tolist() == [2]
    assert titles.alike(other, np.array([0])).tolist() == [0]


@pytest.mark.parametrize("rule", ["top-fifth", "deviation", "raw"])
def test_a_table_of_rewards_is_what_pair_by_pair_gives(rule):
    rng = np.random.default_rng(0)
    rewards = ruled(Factors(rng.normal(size=(30, 5)), rng.normal(size=(50, 5))), rule, -3, 3)
    bare = Rewards(rewards.factors, rule, -3, 3, rewards.threshold)
    bare.table = None
    row, item = rng.integers(30, size=400), rng.integers(50, size=400)
    assert np.array_equal(rewards.of(row, item), bare.of(row, item))
    assert rewards.of(row, item).dtype == np.float32
    if rule == "top-fifth":
        assert rewards.table.mean(axis=1) == pytest.approx(np.full(30, 0.2))
        assert np.array_equal(rewards.table, rewards.table.astype(bool))
    assert np.abs(rewards.table).max() <= 1


def test_an_item_that_everybody_likes_is_no_persons_own():
    rng = np.random.default_rng(0)
    liked = rng.normal(size=50)
    factors = Factors(np.hstack([np.ones((30, 1)), rng.normal(0, 0.1, (30, 4))]),
                      np.hstack([liked[:, None] * 5, rng.normal(size=(50, 4))]))  # fmt: skip
    raw = ruled(factors, "raw", -9, 9).table
    own = ruled(factors.personal(), "top-fifth", -9, 9).table
    best = np.argsort(-liked)[:10]
    assert raw[:, best].mean() > raw.mean() + 0.2
    assert own[:, best].mean() == pytest.approx(0.2, abs=0.08)


def test_even_scores_have_one_mean_and_one_spread_for_each_item():
    rng = np.random.default_rng(0)
    factors = Factors(rng.normal(size=(300, 4)), rng.normal(size=(50, 4)) ** 3)
    found = factors.personal(even=True)
    scores = found.rows @ found.columns.T
    assert scores.mean(axis=0) == pytest.approx(np.zeros(50), abs=1e-9)
    plain = (factors.rows @ factors.columns.T).std(axis=0)
    assert scores.std(axis=0).std() < 0.2 < plain.std() / plain.mean()


def dense_least_squares(columns, cells, weight, target, ridge, *, whole):
    """Row by row, with lstsq on stacked rows: an independent way to the same minimum."""
    found = []
    for row in range(cells.shape[0]):
        mine = cells.row == row
        left = [np.sqrt(weight[mine])[:, None] * columns[cells.column[mine]]]
        right = [target[mine] / np.maximum(np.sqrt(weight[mine]), 1e-300)]
        if whole:
            left.append(columns)
            right.append(np.zeros(len(columns)))
        left.append(np.sqrt(ridge) * np.eye(columns.shape[1]))
        right.append(np.zeros(columns.shape[1]))
        found.append(np.linalg.lstsq(np.vstack(left), np.concatenate(right), rcond=None)[0])
    return np.array(found)


def some_cells(rng, n=200, shape=(12, 15)):
    key = rng.choice(shape[0] * shape[1], size=min(n, 100), replace=False)
    row, column = np.divmod(key, shape[1])
    return Cells(row, column, rng.integers(1, 6, len(key)).astype(float), shape)


def test_rows_by_their_titles_are_what_least_squares_finds():
    rng = np.random.default_rng(0)
    cells, columns = some_cells(rng), rng.normal(size=(15, 4))
    how = Completion(ridge=0.7, confidence=3.0)
    weight = 3.0 * np.log1p(cells.value)
    # Empty cells and taken ones are both among the `whole` zeros: weight and weight + 1 on top.
    expected = dense_least_squares(columns, cells, weight, weight + 1, 0.7, whole=True)
    assert placed(cells, columns, how).rows == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("complete", [rated, associated])
def test_completion_is_at_its_minimum_by_rows(complete):
    rng = np.random.default_rng(1)
    cells = some_cells(rng)
    how = Completion(rank=3, ridge=0.5, sweeps=300)
    found = complete(cells, how, 0)
    rows, columns = found.rows[:, :3], found.columns[:, :3]
    if complete is rated:
        rest = (
            cells.value
            - found.scores(cells.row, cells.column)
            + np.einsum("nk,nk->n", rows[cells.row], columns[cells.column])
        )
        weight, target, whole = np.ones(len(rest)), rest, False
    else:
        n, value = cells.value.sum(), cells.value
        a = np.bincount(cells.row, value)[cells.row]
        b = np.bincount(cells.column, value)[cells.column]
        pmi = np.maximum(np.log(value * n / (a * b)), 0)
        weight, whole = np.ones(len(pmi)) * 1e-9, True
        target = pmi
    if complete is rated:
        expected = dense_least_squares(columns, cells, weight, target, 0.5, whole=whole)
    else:
        full = np.zeros(cells.shape)
        full[cells.row, cells.column] = target
        expected = np.linalg.solve(columns.T @ columns + 0.5 * np.eye(3), columns.T @ full.T).T
    assert rows == pytest.approx(expected, abs=1e-4)


def test_ratings_of_a_simple_world_are_found_again():
    rng = np.random.default_rng(0)
    rows, columns = rng.normal(size=(60, 2)), rng.normal(size=(50, 2))
    truth = 3 + rows @ columns.T
    seen = rng.random(truth.shape) < 0.5
    row, column = np.nonzero(seen)
    cells = Cells(row, column, truth[seen], truth.shape)
    found = rated(cells, Completion(rank=4, ridge=0.05, sweeps=60), 0)
    missing = np.nonzero(~seen)
    error = found.scores(*missing) - truth[missing]
    assert np.sqrt(np.mean(error**2)) < 0.25 * truth.std()
