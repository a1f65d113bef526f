"""Pairs of scanpaths, measured side by side in threads: the measures hold no lock."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

from mirctl.console import counted
from mirctl_gaze.scanpaths.metrics import METRICS, Metric, Undefined
from mirctl_gaze.scanpaths.paths import Scanpath, Settings

CHUNK = 64
"""Pairs that a thread takes at once."""
AHEAD = 4
"""Chunks for each thread that are measured before they are asked for."""
MOST_CELLS = 10**8
"""Of the table of two paths: 10,000 fixations in each."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Compared:
    """Some pairs: which paths, their numbers (pairs, columns), why one is missing."""

    pairs: list[Pair]
    values: np.ndarray
    reasons: list[str]


@dataclass(frozen=True)
class Comparison:
    """Scanpaths that are ready to be compared by some measures."""

    paths: Sequence[Scanpath]
    metrics: Sequence[str]
    settings: Settings
    made: dict[str, list[np.ndarray | str]]
    """Measure -> what of each path is compared, or why it cannot be."""

    @classmethod
    def of(
        cls, paths: Sequence[Scanpath], metrics: Sequence[str], settings: Settings
    ) -> "Comparison":
        """Do once for each path what does not depend on the other one."""
        made = {name: [_made(METRICS[name], path, settings) for path in paths] for name in metrics}
        return cls(paths, metrics, settings, made)

    @property
    def columns(self) -> list[str]:
        """Names of all numbers."""
        return [column for name in self.metrics for column in METRICS[name].columns]

    def over(self, pairs: Iterable[Pair]) -> Iterator[Compared]:
        """Measure the pairs, in their order, some at a time."""
        rest = iter(pairs)
        workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4
        pool = ThreadPoolExecutor(workers)
        try:
            waiting = []
            while True:
                while len(waiting) < AHEAD * workers and (some := [*islice(rest, CHUNK)]):
                    waiting.append(pool.submit(self.measured, some))
                if not waiting:
                    return
                yield waiting.pop(0).result()
        finally:
            pool.shutdown(cancel_futures=True)

    def measured(self, pairs: list[Pair]) -> Compared:
        """Measure these pairs, one after the other."""
        values = np.full((len(pairs), len(self.columns)), np.nan)
        reasons = [[] for _ in pairs]
        start = 0
        for name in self.metrics:
            stop = start + len(METRICS[name].columns)
            for row, (i, j) in enumerate(pairs):
                a, b = self.made[name][i], self.made[name][j]
                why = _why_not(a, b)
                if not why:
                    found = METRICS[name].compared(a, b, self.settings)
                    values[row, start:stop] = found
                    why = METRICS[name].undefined if np.isnan(found).any() else ""
                if why:
                    reasons[row].append(f"{name}: {why}")
            start = stop
        return Compared(pairs, values, ["; ".join(whys) for whys in reasons])


def warm_up(metrics: Sequence[str], settings: Settings, advance: Callable[[int], None]) -> None:
    """Have each measure compiled, which takes seconds once and is then kept on disk."""
    dots = np.arange(8.0).reshape(2, 4)
    path = Scanpath("", "", dots, np.full(4, 99.0), dots if settings.areas else None)
    for name in metrics:
        made = _made(METRICS[name], path, settings)
        METRICS[name].compared(made, made, settings)
        advance(1)


def _made(metric: Metric, path: Scanpath, settings: Settings) -> np.ndarray | str:
    if len(path) < metric.fewest:
        has = counted(len(path), "fixation") if len(path) else "no fixations"
        return f"has {has}, {metric.fewest} are needed" if len(path) else f"has {has}"
    try:
        return np.ascontiguousarray(metric.made(path, settings), float)
    except Undefined as error:
        return str(error)


def _why_not(a: np.ndarray | str, b: np.ndarray | str) -> str:
    """Why two paths cannot be compared, if so."""
    whys = [f"{side} {made}" for side, made in (("a", a), ("b", b)) if isinstance(made, str)]
    if not whys and a.shape[1] * b.shape[1] > MOST_CELLS:
        return f"too long to compare: {a.shape[1]:,} by {b.shape[1]:,} steps"
    return ", ".join(whys)
