"""Scanpaths that tests draw: lists of (x, y, ms)."""

import random

import numpy as np

from mirctl_gaze.scanpaths.comparing import Comparison
from mirctl_gaze.scanpaths.metrics import METRICS
from mirctl_gaze.scanpaths.paths import Scanpath, Settings

SCREEN = (1280, 720)


def drawn(rng: random.Random, n: int, step: float = 0.01):
    """Fixations anywhere on the screen, in steps of so many pixels."""
    return [
        (
            round(rng.uniform(0, 1280) / step) * step,
            round(rng.uniform(0, 720) / step) * step,
            float(rng.randrange(20, 600)),
        )
        for _ in range(n)
    ]


def scanpath(path, trial=""):
    x, y, duration = np.array(path, float).reshape(-1, 3).T
    return Scanpath("", trial, np.stack([x, y]), duration)


def measured(a, b, metrics=tuple(METRICS), **settings):
    """All numbers of two paths by their names, and the reasons for those that are missing."""
    asked = Settings(**{"screen": SCREEN, **settings})
    comparison = Comparison.of([scanpath(a), scanpath(b)], metrics, asked)
    found = comparison.measured([(0, 1)])
    return dict(zip(comparison.columns, found.values[0].tolist())), found.reasons[0]
