"""States drawn from the early half, what is on offer in them, and what controls make of it."""

from dataclasses import replace

import numpy as np
import pytest

from mirctl.errors import DataError
from mirctl_rl import teachers
from mirctl_rl.precision import WRONG, chance, precision
from mirctl_rl.states import OFFER, Drawing
from rl.worlds import random_world

MANY = 300


def drawing(world, seed=0):
    return Drawing(world.known, world.history, seed, moves=world.moves)


def own_part(known, state):
    return slice(known.offsets[state.user], known.offsets[state.user + 1])


@pytest.fixture(params=[False, True], ids=["users", "moves"])
def world(request):
    return random_world(users=12, items=60, moves=request.param)


def test_a_state_depends_on_the_seed_and_its_number_alone(world):
    few, many = (drawing(world).states(n) for n in (3, 30))
    assert [vars_of(s) for s in few] == [vars_of(s) for s in many[:3]]
    assert vars_of(drawing(world).state(29)) == vars_of(many[29])
    assert [vars_of(s) for s in drawing(world, 1).states(3)] != [vars_of(s) for s in few]


def vars_of(state):
    return {name: np.asarray(part).tolist() for name, part in vars(state).items()}


def test_a_history_is_what_the_user_took_one_after_another(world):
    known = world.known
    for state in drawing(world).states(MANY):
        own = known.item[own_part(known, state)].tolist()
        length = len(state.history)
        assert 1 <= length <= world.history
        ends = [
            n for n in range(length, len(own) + 1) if own[n - length : n] == list(state.history)
        ]
        assert ends
        assert len(own) == 1 or min(ends) < len(own)


def test_on_offer_is_nothing_of_the_history_and_no_item_twice(world):
    for state in drawing(world).states(MANY):
        assert len(state.offer) == len(set(state.offer.tolist())) == OFFER
        assert not set(state.offer.tolist()) & set(state.history.tolist())


def test_what_is_right_was_liked_and_what_is_wrong_was_not(world):
    known = world.known
    seen = 0
    for state in drawing(world).states(MANY):
        part = own_part(known, state)
        own, feedback = known.item[part], known.feedback[part]
        liked = state.offer[state.liked]
        assert len(liked) <= 1
        assert set(liked) <= set(own)
        assert not set(state.offer[state.new]) & set(own)
        assert not state.new.any() or len(liked)
        for item in state.offer[state.worse]:
            seen += 1
            assert feedback[own == item].min() < feedback[own == liked[0]].max()
    assert seen or world.moves


def test_where_the_next_item_counts_the_right_one_is_the_next():
    world = random_world(moves=True, users=12, items=60)
    known = replace(world.known, value=np.ones_like(world.known.value))
    found = Drawing(known, world.history, 0, moves=True).states(MANY)
    right = 0
    for state in found:
        own = known.item[own_part(known, state)].tolist()
        for item in state.offer[state.liked]:
            before = [*state.history.tolist(), int(item)]
            assert any(own[n : n + len(before)] == before for n in range(len(own)))
            right += 1
    assert right > MANY / 4


def test_titles_that_read_the_same_are_offered_once():
    world = random_world(items=60)
    known = replace(world.known, titles=[f"title {n % 20}" for n in range(60)])
    for state in Drawing(known, 5, 0, moves=False).states(50):
        keys = [known.titles[n] for n in (*state.offer, *state.history)]
        offered = keys[: len(state.offer)]
        assert len(set(offered)) == len(offered)
        assert not set(offered) & set(keys[len(offered) :])


def test_a_small_catalogue_offers_what_there_is_and_one_that_all_took_nothing():
    world = random_world(items=5, users=5, horizon=3)
    sizes = [len(state.offer) for state in drawing(world).states(40)]
    assert 2 <= min(sizes) <= max(sizes) <= 5
    known = replace(
        world.known, item=np.tile(np.arange(5), 5), offsets=np.arange(6) * 5,
        value=np.ones(25, np.float32), feedback=np.ones(25, np.float32),
    )  # fmt: skip
    with pytest.raises(DataError, match="nearly everything"):
        Drawing(known, 5, 0, moves=True).states(20)


def test_the_place_of_the_right_item_tells_nothing():
    world = random_world(users=40, items=80)
    places = [int(s.liked.argmax()) for s in drawing(world).states(2000) if s.liked.any()]
    counts = np.bincount(places, minlength=OFFER) / len(places)
    assert np.abs(counts - 1 / OFFER).max() < 0.05


def test_precision_is_what_counting_by_hand_gives(world):
    states = drawing(world).states(MANY)
    likes = [teachers.picked(s, np.arange(len(s.offer))) for s in states]
    for wrong in WRONG.values():
        right = known = 0
        for state, like in zip(states, likes, strict=True):
            if state.liked.any() and wrong(state).any():
                for place in np.flatnonzero(like):
                    right += bool(state.liked[place])
                    known += bool(state.liked[place] or wrong(state)[place])
        found = precision(states, likes, 0, wrong)
        assert found["n"] == known
        if known:
            assert found["value"] == pytest.approx(right / known)
            assert found["low"] <= found["value"] <= found["high"]


def test_nobody_is_better_than_chance_who_knows_nothing_and_who_knows_all_is_always_right():
    world = random_world(users=40, items=80)
    states = drawing(world).states(3000)
    score = teachers.random(0)
    blind = [teachers.picked(s, score(s)) for s in states]
    seeing = [teachers.picked(s, s.liked.astype(float)) for s in states]
    for wrong in WRONG.values():
        found = precision(states, blind, 0, wrong)
        assert found["low"] < chance(states, wrong) < found["high"]
        assert precision(states, seeing, 0, wrong)["value"] == 1
    assert chance(states, WRONG[""]) == pytest.approx(0.2)


def test_nothing_known_has_no_precision():
    world = random_world(users=3, items=30)
    states = [replace(s, liked=s.liked & False) for s in drawing(world).states(5)]
    likes = [np.ones(len(s.offer)) for s in states]
    found = precision(states, likes, 0, WRONG[""])
    assert (found["value"], found["n"]) == (None, 0)
    assert chance(states, WRONG[""]) is None


def test_the_oracle_likes_what_pays_most_and_the_adversary_what_pays_least(world):
    rewards = world.hidden.rewards
    best, worst = teachers.oracle(world), teachers.adversarial(world)
    for state in drawing(world).states(20):
        row = int(state.history[-1]) if world.moves else state.user
        pays = rewards.factors.rows[row] @ rewards.factors.columns[state.offer].T
        assert teachers.picked(state, best(state)).nonzero()[0].tolist() == [pays.argmax()]
        assert teachers.picked(state, worst(state)).nonzero()[0].tolist() == [pays.argmin()]


def test_what_a_user_took_makes_nothing_popular_for_that_user():
    world = random_world(users=12, items=60)
    known = world.known
    score = teachers.popular(known)
    for state in drawing(world).states(50):
        part = own_part(known, state)
        others = np.delete(known.item, np.arange(part.start, part.stop))
        assert score(state).tolist() == [int((others == item).sum()) for item in state.offer]


def test_two_teachers_agree_on_what_both_rank_high():
    state = drawing(random_world()).state(0)
    ranks = teachers.both(lambda _: np.array([3.0, 2, 1, 0]), lambda _: np.array([9.0, 9, 30, 0]))
    assert ranks(state).tolist() == [4.5, 3.5, 4, 0]
