"""MultiMatch against multimatch-gaze 0.1.3: the same numbers, and the time of a pair.

The 110 real scanpaths give 5,995 pairs, compared with and without simplification. `--every 10`
takes each tenth, for the peer needs minutes. Times are of drawn paths, in CPU milliseconds a pair
from fixations to numbers; ours is compiled before.
"""

import argparse
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
from measure import goal, mirctl, real_data
from scanpath_pairs import SCREEN, drawn_paths, ours, peer, real_paths

from mirctl_gaze.scanpaths.compiling import COMPILED
from mirctl_gaze.scanpaths.multimatch import multimatch, saccades
from mirctl_gaze.scanpaths.simplifying import Simplification

LIMITS = (45.0, 150.0, 0.05)
DIAGONAL = float(np.hypot(*SCREEN))
SIZES = {10: None, 20: None, 40: 100, 80: 200, 160: None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    asked = parser.parse_args()
    print(f"multimatch, {'compiled by numba' if COMPILED else 'without numba'}")
    paths = real_paths()
    pairs = list(combinations(range(len(paths)), 2))[:: asked.every]
    for limits in (None, LIMITS):
        parity(paths, pairs, limits)
    for limits in (None, LIMITS):
        for fixations, wanted in SIZES.items():
            speed(fixations, wanted, limits)
    everything()


def measure(limits):
    simpler = Simplification(*limits) if limits else None

    def one(a, b):
        return multimatch(saccades(*a.T, simpler), saccades(*b.T, simpler), DIAGONAL)

    return one


def parity(paths, pairs, limits) -> None:
    theirs = peer("multimatch", paths, pairs, limits).numbers
    mine = [measure(limits)(paths[i], paths[j]) for i, j in pairs]
    known = [(a, b) for a, b in zip(mine, theirs, strict=True) if b is not None]
    worst = max(float(np.abs(a - b).max()) for a, b in known)
    raised = len(pairs) - len(known)
    nan = sum(bool(np.isnan(a).any()) for a in mine)
    label = "simplified" if limits else "plain"
    print(f"{label}: {len(pairs):,} real pairs; the peer raised in {raised}, ours gave {nan} NaN")
    goal("largest difference", worst, "<=", 1e-12)


def speed(fixations: int, wanted: int | None, limits) -> None:
    paths = drawn_paths(20, fixations)
    pairs = [(i, i + 1) for i in range(19)]
    theirs = peer("multimatch", paths, pairs, limits).seconds / len(pairs) * 1e3
    mine = ours(measure(limits), paths, pairs)[1] / len(pairs) * 1e3
    label = "simplified" if limits else "plain"
    print(f"  {fixations} fixations, {label}: ours {mine:.4f} ms, peer {theirs:.3f} ms a pair")
    if wanted:
        goal("times faster", theirs / mine, ">=", wanted)
    else:
        print(f"  times faster: {theirs / mine:.4g}")


def everything() -> None:
    """All eight families over all pairs of the real scanpaths, through the command line."""
    with tempfile.TemporaryDirectory() as folder:
        ran = mirctl(
            "gaze", "compare", "--matrix", real_data("scanpaths"), "--screen", "1280x720",
            "--out", Path(folder, "matrix.csv"), "--quiet",
        )  # fmt: skip
    print(f"all measures of 5,995 pairs: {ran.wall:.2f} s, {ran.cpu:.2f} s CPU, start included")


if __name__ == "__main__":
    main()
