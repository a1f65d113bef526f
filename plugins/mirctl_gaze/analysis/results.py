"""The statistics of each measure: of what was read, and of what was predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mirctl import console
from mirctl_gaze.analysis.bootstrap import interval
from mirctl_gaze.analysis.pairing import Pairs
from mirctl_gaze.analysis.statistics import (
    NAN,
    Tested,
    corrected,
    correlation,
    paired,
    without_rounding,
)
from mirctl_gaze.means import mean

NONE = Tested(reasons="no pair has it")


@dataclass(frozen=True)
class Result:
    """One measure over the pairs."""

    pairs: int = 0
    readers: int = 0
    chosen: float = NAN
    rejected: float = NAN
    difference: float = NAN
    low: float = NAN
    high: float = NAN
    tested: Tested = NONE
    p_t: float = NAN
    p_wilcoxon: float = NAN
    """Both corrected for the number of measures."""
    rho: float = NAN
    """Of a synthetic measure: Spearman's, of its differences and the real ones."""
    rho_pairs: int = 0

    def value(self, name: str) -> float:
        """A number of these, or of the tests."""
        return getattr(self if hasattr(self, name) else self.tested, name)


@dataclass(frozen=True)
class Source:
    """What was read, or what was predicted."""

    pairs: Pairs
    measures: Sequence[str]
    results: dict[str, Result]

    def differences(self, measure: str) -> np.ndarray:
        """Of each pair (pairs,), its mean over readers; NaN where it has none."""
        place = self.measures.index(measure)
        return mean(_differences(self.pairs, place), axis=0)


def compared(pairs: Pairs, measures: Sequence[str], correction: str, seed: int) -> Source:
    """All statistics; the unit of the tests is a pair, by its mean over readers."""
    found = {}
    with console.progress("compare", len(measures), "measures") as advance:
        for place, name in enumerate(measures):
            found[name] = _result(pairs, place, seed)
            advance(1)
    for p in ("p_t", "p_wilcoxon"):
        values = np.array([result.value(f"{p}_raw") for result in found.values()])
        for name, value in zip(found, corrected(values, correction), strict=True):
            found[name] = replace(found[name], **{p: float(value)})
    return Source(pairs, measures, found)


def correlated(predicted: Source, real: Source) -> Source:
    """Predictions, and how well their differences go with the real ones."""
    places = [real.pairs.names.index(name) for name in predicted.pairs.names]
    found = dict(predicted.results)
    for name in found.keys() & real.results.keys():
        a, b = real.differences(name)[places], predicted.differences(name)
        both = ~np.isnan(a) & ~np.isnan(b)
        rho = correlation(a[both], b[both])
        found[name] = replace(found[name], rho=rho, rho_pairs=int(both.sum()))
    return replace(predicted, results=found)


def _result(pairs: Pairs, place: int, seed: int) -> Result:
    differences = _differences(pairs, place)
    known = ~np.isnan(differences)
    some = known.any(axis=0)
    if not some.any():
        return Result()
    sides = (pairs.chosen[..., place], pairs.rejected[..., place])
    chosen, rejected = (float(mean(side, axis=0)[some].mean()) for side in sides)
    each = mean(differences, axis=0)[some]
    readers = int(known.any(axis=1).sum()) if pairs.by_reader else 0
    return Result(
        int(some.sum()), readers, chosen, rejected, float(each.mean()),
        *interval(differences, seed), paired(each),
    )  # fmt: skip


def _differences(pairs: Pairs, place: int) -> np.ndarray:
    """Of one measure (readers, pairs)."""
    sides = np.stack([pairs.chosen[..., place], pairs.rejected[..., place]])
    largest = float(np.max(np.abs(sides), where=~np.isnan(sides), initial=0.0))
    return without_rounding(sides[0] - sides[1], largest)
