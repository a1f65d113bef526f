"""What a comparison comes to: each measure over all pairs, and why some have none."""

from collections import Counter
from typing import Any

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl_gaze.scanpaths.comparing import Compared

SHOWN = 5


class Summary:
    """Means and spreads of columns that come in parts; NaN does not count."""

    def __init__(self, columns: list[str]) -> None:
        self.columns = columns
        self.pairs = 0
        self.count = np.zeros(len(columns), int)
        self.mean, self.squares = np.zeros(len(columns)), np.zeros(len(columns))
        self.least, self.most = np.full(len(columns), np.inf), np.full(len(columns), -np.inf)
        self.reasons: Counter[str] = Counter()

    def add(self, part: Compared) -> None:
        """Take some more pairs into account (Chan, Golub and LeVeque 1979)."""
        self.pairs += len(part.pairs)
        known = ~np.isnan(part.values)
        count = known.sum(axis=0)
        some = np.maximum(count, 1)
        values = np.where(known, part.values, 0.0)
        mean = values.sum(axis=0) / some
        squares = (np.where(known, part.values - mean, 0.0) ** 2).sum(axis=0)
        total = np.maximum(self.count + count, 1)
        apart = mean - self.mean
        self.mean = self.mean + apart * count / total
        self.squares = self.squares + squares + apart**2 * self.count * count / total
        self.count = self.count + count
        self.least = np.minimum(self.least, np.where(known, part.values, np.inf).min(axis=0))
        self.most = np.maximum(self.most, np.where(known, part.values, -np.inf).max(axis=0))
        self.reasons.update(why for reason in part.reasons if reason for why in reason.split("; "))

    def metrics(self) -> dict[str, dict[str, Any]]:
        """Mean, spread, range and number of pairs of each measure."""
        found = {}
        for place, name in enumerate(self.columns):
            n = int(self.count[place])
            numbers = self.mean[place], self.least[place], self.most[place]
            value, least, most = (float(v) if n else None for v in numbers)
            sd = float(np.sqrt(self.squares[place] / (n - 1))) if n > 1 else None
            found[name] = {"value": value, "n": n, "sd": sd, "min": least, "max": most}
        return found

    def report(self) -> str:
        """A table for people."""
        rows = []
        for name, entry in self.metrics().items():
            numbers = [entry[key] for key in ("value", "sd", "min", "max")]
            rows.append([name, *("-" if v is None else f"{v:.4g}" for v in numbers)])
            rows[-1].append(f"{entry['n']:,}")
        if self.pairs == 1:
            return console.table(["measure", "value"], [row[:2] for row in rows])
        return console.table(["measure", "mean", "sd", "min", "max", "pairs"], rows)

    def tell_reasons(self) -> None:
        """Say what is not defined, and for how many pairs."""
        for why, count in self.reasons.most_common(SHOWN):
            console.warn(f"{why} (in {counted(count, 'pair')})")
        if len(self.reasons) > SHOWN:
            more = counted(len(self.reasons) - SHOWN, "more reason")
            console.warn(f"{more}, in the column `reasons`")
