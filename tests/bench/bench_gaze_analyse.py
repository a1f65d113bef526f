"""How often `gaze analyse` finds what is not there, and how often its intervals hold the truth.

Beside it the usual analysis: a t-test a measure without correction, and an interval as if all
readings were independent of each other. Made differences whose truth is known.
"""

import numpy as np
from measure import goal
from scipy import stats

from mirctl_gaze.analysis.bootstrap import interval
from mirctl_gaze.analysis.statistics import corrected, paired

SETS = 1000
PAIRS = 45


def main() -> None:
    for effect in (0.0, 0.5):
        tests(effect)
    for readers, pairs in ((3, 20), (4, 20), (6, 30), (8, 30), (12, 30), (24, 45)):
        intervals(readers, pairs)


def tests(effect: float) -> None:
    """Ten measures, of which the first differs by so many standard deviations."""
    rng = np.random.default_rng(0)
    raw = np.empty((SETS, 2, 10))
    for one in raw:
        differences = rng.standard_normal((PAIRS, 1)) * 0.5 + rng.standard_normal((PAIRS, 10))
        differences[:, 0] += effect * 1.25**0.5
        found = [paired(column) for column in differences.T]
        one[:] = [[f.p_wilcoxon_raw for f in found], [f.p_t_raw for f in found]]
    ours = np.array([corrected(p, "holm") for p in raw[:, 0]]) < 0.05
    usual = raw[:, 1] < 0.05
    print(f"{SETS:,} sets of 10 measures, {PAIRS} pairs, the first differs by d_z = {effect}")
    if effect:
        print(f"  found: ours {ours[:, 0].mean():.3f}, uncorrected {usual[:, 0].mean():.3f}")
    false = slice(1 if effect else 0, None)
    wrong = ours[:, false].any(axis=1).mean(), usual[:, false].any(axis=1).mean()
    print(f"  any false finding: ours {wrong[0]:.3f}, uncorrected {wrong[1]:.3f}")
    goal("any false finding, ours", wrong[0], "<=", stats.binom.ppf(0.999, SETS, 0.05) / SETS)


def intervals(readers: int, pairs: int) -> None:
    """Readers differ as much as their readings do."""
    rng = np.random.default_rng(readers)
    held = np.zeros(2)
    for seed in range(SETS):
        differences = rng.standard_normal((readers, 1)) + rng.standard_normal((readers, pairs))
        for place, asked in enumerate((differences, differences.reshape(1, -1))):
            low, high = interval(asked, seed)
            held[place] += low <= 0 <= high
    ours, usual = held / SETS
    print(f"{readers} readers of {pairs} pairs: 95 % intervals hold the truth in {ours:.1%}, "
          f"as if independent in {usual:.1%}")  # fmt: skip
    if readers >= 6:
        goal("held", ours, ">=", stats.binom.ppf(0.001, SETS, 0.95) / SETS)


if __name__ == "__main__":
    main()
