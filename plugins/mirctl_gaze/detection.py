"""Fixations in a stretch of samples without a hole: by speed (I-VT) or by spread (I-DT).

Salvucci and Goldberg (2000). Positions are degrees (time,), bounds are places of samples, the stop
not included.
"""

from __future__ import annotations

import numpy as np

Bounds = tuple[np.ndarray, np.ndarray]
"""Starts and stops (events,)."""


def stretches(usable: np.ndarray) -> Bounds:
    """Where samples that can be used begin and end; (time,) of booleans."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], usable, [False]]).astype(np.int8)))
    return edges[::2], edges[1::2]


def speed(x: np.ndarray, y: np.ndarray, half: int, step: float) -> np.ndarray:
    """Degrees a second (time,): the slope of a straight line through 2 half + 1 samples that are
    `step` seconds apart; at both ends the outermost sample stands for those that are not there.
    """
    weights = np.arange(half, -half - 1, -1) / (step * half * (half + 1) * (2 * half + 1) / 3)
    dx, dy = (np.convolve(np.pad(axis, half, "edge"), weights, "valid") for axis in (x, y))
    return np.hypot(dx, dy)


def slow(speeds: np.ndarray, threshold: float) -> Bounds:
    """I-VT: neighbouring samples that are slower than a threshold, in degrees a second."""
    return stretches(speeds < threshold)


def merged(bounds: Bounds, x: np.ndarray, y: np.ndarray, longest: float, widest: float) -> Bounds:
    """Neighbours as one, where at most `longest` samples and `widest` degrees lie between them."""
    starts, stops = bounds
    if len(starts) < 2:
        return bounds
    last, first = stops[:-1] - 1, starts[1:]
    apart = np.hypot(x[first] - x[last], y[first] - y[last])
    join = (first - last - 1 <= longest) & (apart <= widest)
    return starts[np.concatenate([[True], ~join])], stops[np.concatenate([~join, [True]])]


def narrow(x: np.ndarray, y: np.ndarray, threshold: float, shortest: int) -> Bounds:
    """I-DT: windows of at least `shortest` samples whose spread, width plus height, is at most a
    threshold, in degrees. The sample that ends a window belongs to none.

    Linear in the samples: the spread of each first window comes from maxima in blocks (van Herk),
    and a window grows by running maxima.
    """
    starts: list[int] = []
    stops: list[int] = []
    if len(x) < shortest:
        return np.array(starts, int), np.array(stops, int)
    spread = sum(_highest(axis, shortest) + _highest(-axis, shortest) for axis in (x, y))
    begins = np.flatnonzero(spread <= threshold)
    place = 0
    while (found := np.searchsorted(begins, place)) < len(begins):
        start = int(begins[found])
        stop = _grown(x, y, start, start + shortest, threshold)
        starts.append(start)
        stops.append(stop)
        place = stop + 1
    return np.array(starts, int), np.array(stops, int)


def _highest(values: np.ndarray, width: int) -> np.ndarray:
    """The largest of each `width` neighbours (time - width + 1,)."""
    count = len(values) - width + 1
    padded = np.pad(values, (0, -len(values) % width), "edge").reshape(-1, width)
    forward = np.maximum.accumulate(padded, axis=1).ravel()
    backward = np.maximum.accumulate(padded[:, ::-1], axis=1)[:, ::-1].ravel()
    return np.maximum(backward[:count], forward[width - 1 : width - 1 + count])


def _grown(x: np.ndarray, y: np.ndarray, start: int, stop: int, threshold: float) -> int:
    """Where a window that begins at `start` ends, at `stop` or after."""
    limits = [(axis[start:stop].max(), axis[start:stop].min()) for axis in (x, y)]
    size = stop - start
    while stop < len(x):
        spread = 0.0
        for number, axis in enumerate((x, y)):
            high, low = limits[number]
            part = axis[stop : stop + size]
            highs = np.maximum(np.maximum.accumulate(part), high)
            lows = np.minimum(np.minimum.accumulate(part), low)
            limits[number] = (highs[-1], lows[-1])
            spread = spread + (highs - lows)
        wide = spread > threshold
        if wide.any():
            return stop + int(wide.argmax())
        stop += len(wide)
        size *= 2
    return stop
