"""Exact dynamic time warping against fastdtw, which only looks near a coarse path.

The sum can be larger in fastdtw, never smaller. Times are CPU milliseconds a pair.
"""

from itertools import combinations

import numpy as np
from measure import goal
from scanpath_pairs import drawn_paths, ours, peer, real_paths

from mirctl_gaze.scanpaths.compiling import COMPILED
from mirctl_gaze.scanpaths.distances import dtw

EVERY = 5


def main() -> None:
    print(f"dtw, {'compiled by numba' if COMPILED else 'without numba'}")
    paths = real_paths()
    pairs = list(combinations(range(len(paths)), 2))[::EVERY]
    theirs = np.squeeze(peer("fastdtw", paths, pairs).numbers)
    mine = np.array([measure(paths[i], paths[j]) for i, j in pairs])
    above = (theirs / mine - 1) * 100
    print(f"{len(pairs):,} real pairs: fastdtw is {above.mean():.2f} % above the exact sum on "
          f"average, {above.max():.1f} % at most")  # fmt: skip
    goal("ours above fastdtw, per cent at most", float(-above.min()), "<=", 1e-10)
    for fixations, wanted in ((10, None), (30, 300), (100, None)):
        speed(fixations, wanted)


def measure(a: np.ndarray, b: np.ndarray) -> float:
    return dtw(np.ascontiguousarray(a.T[:2]), np.ascontiguousarray(b.T[:2]))


def speed(fixations: int, wanted: int | None) -> None:
    paths = drawn_paths(20, fixations)
    pairs = [(i, i + 1) for i in range(19)]
    theirs = peer("fastdtw", paths, pairs).seconds / len(pairs) * 1e3
    mine = ours(measure, paths, pairs)[1] / len(pairs) * 1e3
    print(f"  {fixations} fixations: ours {mine:.4f} ms, fastdtw {theirs:.3f} ms a pair")
    if wanted:
        goal("times faster", theirs / mine, ">=", wanted)
    else:
        print(f"  times faster: {theirs / mine:.4g}")


if __name__ == "__main__":
    main()
