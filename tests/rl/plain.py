"""One user in plain Python, written from the rules alone: what the batched users are held to."""

from dataclasses import dataclass, field
from math import gcd

import numpy as np


def splitmix(state):
    """The finaliser of SplitMix64 in whole numbers of Python."""
    state = (state + 0x9E3779B97F4A7C15) % 2**64
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) % 2**64
    return state ^ (state >> 31)


def draw(stream, seed, episode, below):
    state = stream
    for number in (seed, episode):
        state = splitmix(state ^ (number % 2**64))
    return int((state >> 11) * (2.0**-53 * below))


def plain_reward(world, row, item):
    """The rule over a sum of products, in the floats of Python, rounded as it is paid."""
    rewards = world.hidden.rewards
    left, right = rewards.factors.rows[row].tolist(), rewards.factors.columns[item].tolist()
    score = left[0] * right[0]
    for a, b in zip(left[1:], right[1:]):
        score += a * b
    if rewards.rule == "top-fifth":
        return 1.0 if score >= float(rewards.threshold[row]) else 0.0
    span = rewards.high - rewards.low
    if rewards.rule == "deviation":
        return float(np.float32(min(max(score / span, -1.0), 1.0)))
    return float(np.float32(min(max((score - rewards.low) / span, 0.0), 1.0)))


@dataclass
class PlainUser:
    """`genres` are sets of an item, `codes` lists of a title; `pay` is reward of (row, item)."""

    world: object
    seed: int
    pay: object = None
    episode: int = -1
    genres: list = None
    codes: list = None
    shown: list = field(default_factory=list)

    def __post_init__(self):
        kinds = self.world.known.kinds
        if hasattr(kinds, "codes"):
            self.codes = kinds.codes.tolist()
        else:
            self.genres = [[n for n, own in enumerate(row) if own] for row in kinds.table.tolist()]
        n_items = self.world.known.n_items
        self.strides = [k for k in range(1, n_items + 1) if gcd(k, n_items) == 1]
        rng = np.random.default_rng((self.world.seed, 0x51A7E))
        self.order = rng.permutation(n_items).tolist()
        self.pay = self.pay or (lambda row, item: plain_reward(self.world, row, item))
        self.past = [
            list(zip(known_items(self.world, user), known_feedback(self.world, user)))
            for user in range(self.world.known.n_users)
        ]

    def reset(self):
        world, self.episode = self.world, self.episode + 1
        n_items, n = world.known.n_items, world.history
        self.user = draw(0x05E4, self.seed, self.episode, world.known.n_users)
        self.seen = [(n_items, 0.0)] * n + self.past[self.user]
        self.shown = []
        self.row = self.seen[-1][0] if world.moves else self.user
        self.slate = None
        if world.slate:
            stride = self.strides[draw(0x51DE, self.seed, self.episode, len(self.strides))]
            offset = draw(0x0FF5, self.seed, self.episode, n_items)
            places = ((offset + stride * k) % n_items for k in range(world.slate))
            self.slate = [self.order[place] for place in places]
        return self.obs()

    def obs(self):
        n = self.world.history
        found = {
            "items": [item for item, _ in self.seen[-n:]],
            "feedback": [earned for _, earned in self.seen[-n:]],
            "turn": len(self.shown),
        }
        if self.world.known.names_users:
            found["user"] = self.user
        if self.slate is not None:
            found["slate"] = self.slate
        return found

    def step(self, action):
        world = self.world
        item = action if self.slate is None else self.slate[action]
        again = item in self.shown and not world.repeats
        reward = 0.0 if again else self.pay(self.row, item)
        window = self.shown[-world.known.rule.window :]
        left = self.alike(window, item) >= world.known.rule.threshold
        self.shown.append(item)
        self.seen.append((item, reward))
        if world.moves:
            self.row = item
        return self.obs(), reward, left, not left and len(self.shown) >= world.horizon

    def alike(self, window, item):
        if self.genres is not None:
            counts = [sum(g in self.genres[other] for other in window) for g in self.genres[item]]
            return max(counts, default=0)
        own = self.codes[item]
        products = (sum(a * b for a, b in zip(own, self.codes[other])) for other in window)
        return sum(product >= self.world.known.kinds.cut for product in products)


def known_items(world, user):
    known = world.known
    return known.item[known.offsets[user] : known.offsets[user + 1]].tolist()


def known_feedback(world, user):
    known = world.known
    return known.feedback[known.offsets[user] : known.offsets[user + 1]].tolist()
