"""Paired tests, effect sizes, and corrections for several of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ROUNDING = 12
"""Digits of a measure that count: what only rounding tells apart is equal."""
EXACT = 200
"""Pairs up to which every choice of signs is counted."""
NAN = float("nan")


@dataclass(frozen=True)
class Tested:
    """What the differences of pairs come to; NaN is not defined."""

    t: float = NAN
    p_t_raw: float = NAN
    wilcoxon: float = NAN
    """The smaller one of the sums of ranks, up or down."""
    p_wilcoxon_raw: float = NAN
    d_z: float = NAN
    """Mean over standard deviation (Cohen 1988)."""
    rank_biserial: float = NAN
    """Share of the ranks that go up, less that of those that go down (Kerby 2014)."""
    reasons: str = ""


def paired(differences: np.ndarray) -> Tested:
    """Tests of differences (pairs,) without NaN, of which no two pairs share a text."""
    count = len(differences)
    if count < 2:
        return Tested(reasons="fewer than 2 pairs")
    if not differences.any():
        return Tested(reasons="all differences are 0")
    ranks = _ranks(differences)
    if np.ptp(differences) == 0:
        return Tested(**ranks, reasons="all differences are equal: no t")
    from scipy.stats import t as student

    d_z = float(differences.mean() / differences.std(ddof=1))
    t = d_z * count**0.5
    return Tested(t=t, p_t_raw=float(2 * student.sf(abs(t), count - 1)), d_z=d_z, **ranks)


def _ranks(differences: np.ndarray) -> dict[str, float]:
    """Wilcoxon's test; pairs without a difference do not count."""
    from scipy.stats import rankdata

    some = differences[differences != 0]
    ranks = rankdata(np.abs(some))
    up, down = ranks[some > 0].sum(), ranks[some < 0].sum()
    return {
        "wilcoxon": float(min(up, down)),
        "p_wilcoxon_raw": _chance(ranks, min(up, down)),
        "rank_biserial": float((up - down) / (up + down)),
    }


def _chance(ranks: np.ndarray, smaller: float) -> float:
    """Of sums of ranks as far apart or farther, if each sign were a toss; with ties, too."""
    if len(ranks) > EXACT:
        from scipy.stats import norm

        spread = np.sqrt((ranks**2).sum()) / 2
        return float(min(2 * norm.cdf((smaller - ranks.sum() / 2) / spread), 1.0))
    halves = np.rint(2 * ranks).astype(int)
    chances = np.zeros(halves.sum() + 1)
    chances[0] = 1.0
    for rank in halves:
        chances[rank:] += chances[:-rank].copy()
        chances /= 2
    return float(min(2 * chances[: round(2 * smaller) + 1].sum(), 1.0))


def without_rounding(differences: np.ndarray, largest: float) -> np.ndarray:
    """Differences of numbers up to `largest`, to the digits that those have."""
    if not largest:
        return differences
    return np.round(differences, min(ROUNDING - int(np.ceil(np.log10(largest))), 300))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rho; NaN for fewer than 3 pairs, or where one side is all the same."""
    from scipy.stats import spearmanr

    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return NAN
    return float(spearmanr(a, b).statistic)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm (1979): the chance of any false finding stays below the level."""
    order = np.argsort(p)
    left = np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * left))
    return adjusted


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg (1995): the share of false findings stays below the level."""
    order = np.argsort(p)[::-1]
    place = np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(p[order] * (len(p) / place)))
    return adjusted


CORRECTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "holm": holm, "bh": benjamini_hochberg, "none": np.copy,
}  # fmt: skip


def corrected(p: np.ndarray, how: str) -> np.ndarray:
    """As many tests at once want it; what is not defined was no test."""
    adjusted = np.full(len(p), NAN)
    known = ~np.isnan(p)
    adjusted[known] = CORRECTIONS[how](p[known])
    return adjusted
