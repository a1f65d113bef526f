"""The order in time of each user's interactions, the same whatever order the file has."""

from hashlib import blake2b

import numpy as np

from mirctl.data.ids import Ids

MIX = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)


def chronological(user: Ids, time: np.ndarray | None, item: Ids, seed: int) -> np.ndarray:
    """Order (n,) by user, then time; equal times of one user in a random order that `seed` fixes.

    A tie is broken by a hash of seed, user id, item id and time: never by the place in the file,
    since the file order of ties leaks what comes next, and never by who else is in the file, so
    that a user keeps their targets when others come or go. Without times the file order is kept.
    """
    if time is None:
        return np.argsort(user.codes, kind="stable")
    order = _by_user_and_time(user.codes, time)
    tied = np.flatnonzero(ties(user.codes[order], time[order]))
    if len(tied):
        rows = order[tied]
        of_user, of_item = user.codes[rows], item.codes[rows]
        noise = hashed(seed, _digests(user, of_user), _digests(item, of_item), time[rows] * 1.0)
        order[tied] = rows[np.lexsort((of_item, noise, time[rows], of_user))]
    return order


def _digests(ids: Ids, codes: np.ndarray) -> np.ndarray:
    """(n,) int64: a hash of the text of each id."""
    used, place = np.unique(codes, return_inverse=True)
    texts = ids.distinct.take(used).to_pylist()
    hashes = [int.from_bytes(blake2b(t.encode(), digest_size=8).digest(), "little") for t in texts]
    return np.array(hashes, np.uint64).view(np.int64)[place]


def ties(user: np.ndarray, time: np.ndarray) -> np.ndarray:
    """(n,) bool of sorted interactions: does a neighbour share the user and the time?"""
    tied = np.zeros(len(user), bool)
    same = (user[1:] == user[:-1]) & (time[1:] == time[:-1])
    tied[1:] = same
    tied[:-1] |= same
    return tied


def _by_user_and_time(user: np.ndarray, time: np.ndarray) -> np.ndarray:
    """One sort of a packed key where it fits 62 bits: five times as fast as two sorts."""
    if time.dtype == np.int64:
        span = int(time.max()) - int(time.min()) + 1
        if span * (int(user.max()) + 1) < 2**62:
            return np.argsort(user.astype(np.int64) * span + (time - time.min()))
    return np.lexsort((time, user))


def hashed(seed: int, *columns: np.ndarray) -> np.ndarray:
    """(n,) uint64: a hash of each row (the finaliser of SplitMix64, Steele et al. 2014)."""
    state = np.full(len(columns[0]), seed % 2**64, np.uint64)
    with np.errstate(over="ignore"):
        for column in columns:
            bits = column.astype(np.float64 if column.dtype.kind == "f" else np.int64)
            state = _mix(state ^ bits.view(np.uint64))
    return state


def _mix(state: np.ndarray) -> np.ndarray:
    state = state + MIX[0]
    state = (state ^ (state >> np.uint64(30))) * MIX[1]
    state = (state ^ (state >> np.uint64(27))) * MIX[2]
    return state ^ (state >> np.uint64(31))
