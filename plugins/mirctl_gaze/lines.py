"""Which line of a text, and which of its words, each fixation belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mirctl_gaze.boxes import Boxes

APART = 0.5
"""Of a word's height: what a new line is away at least."""
RISE = 0.7
"""Of the distance of two lines: a step up or down that may lead to another line."""
LEAP = 0.3
"""Of the text's width: a saccade that may lead to another line."""
TRUST = 4
"""Fixations after which what a sweep says of the drift counts as much as all before it."""

BEGINNINGS = (0.0, -0.5, 0.5, -1.0, 1.0)
"""Lines that gaze may lie below the text from the start."""
DOUBT = 0.01
"""Of a line squared, for each fixation: what gaze that is a line off must fit better by."""
CELLS, ROWS = 1 << 22, 256
"""Distances, and boxes, that are looked at in one go."""


@dataclass(frozen=True)
class Lines:
    """The lines of a text, from the top."""

    of_box: np.ndarray
    """(boxes,) from 0."""
    labels: np.ndarray
    """What people call each line (lines,)."""
    centres: np.ndarray
    """(lines,)"""
    height: float
    """From one line to the next."""
    width: float


def lines_of(boxes: Boxes) -> Lines:
    """As the file says, or as the boxes stand below each other."""
    left, top, right, bottom = boxes.corners.T
    middle = (top + bottom) / 2
    tall = float(np.median(bottom - top))
    if boxes.lines is None:
        order = np.argsort(middle, kind="stable")
        steps = np.concatenate([[False], np.diff(middle[order]) > APART * tall])
        of_box = np.empty(len(middle), int)
        of_box[order] = np.cumsum(steps)
        labels = np.arange(1, of_box.max() + 2)
    else:
        labels, of_box = np.unique(boxes.lines, return_inverse=True)
    centres = np.bincount(of_box, middle) / np.bincount(of_box)
    height = float(np.median(np.diff(np.sort(centres)))) if len(centres) > 1 else 1.5 * tall
    return Lines(of_box, labels, centres, max(height, 1e-9), float(right.max() - left.min()))


def sweeps(x: np.ndarray, y: np.ndarray, lines: Lines) -> np.ndarray:
    """Number of the sweep of each fixation (fixations,): a part of one line in one go."""
    new = (np.abs(np.diff(y)) > RISE * lines.height) | (np.abs(np.diff(x)) > LEAP * lines.width)
    return np.cumsum(np.concatenate([[0], new]))


def follow(x: np.ndarray, y: np.ndarray, lines: Lines) -> tuple[np.ndarray, np.ndarray]:
    """The line of each fixation, and how far its gaze seems to lie below it.

    That is followed from sweep to sweep: each goes to the line that is nearest to its middle less
    the distance so far, and says anew how large that is. Of several distances to begin with, the
    one is taken after which sweeps and lines fit best, so that none lie off the text.
    """
    sweep = sweeps(x, y, lines)
    sizes = np.bincount(sweep)
    middles = np.bincount(sweep, y) / sizes
    tries = [_followed(middles, sizes, lines, share * lines.height) for share in BEGINNINGS]
    line, drift, _ = min(tries, key=lambda one: one[2])
    return line[sweep], drift[sweep]


def _followed(
    middles: np.ndarray, sizes: np.ndarray, lines: Lines, known: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Line and distance of each sweep, and how much there is to doubt, in lines squared."""
    line, drift = np.empty(len(sizes), int), np.empty(len(sizes))
    misfit = 0.0
    for i, (middle, size) in enumerate(zip(middles, sizes, strict=True)):
        line[i] = np.abs(middle - known - lines.centres).argmin()
        rest = middle - known - lines.centres[line[i]]
        off = min(abs(rest) / lines.height, 1.0)
        misfit += size * off**2
        if off < 1:  # else it is above or below the whole text, however far
            known += rest * size / (size + TRUST)
        drift[i] = known
    return line, drift, misfit + DOUBT * sizes.sum() * (drift[0] / lines.height) ** 2


def distances(x: np.ndarray, y: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Pixels from each fixation to each box (fixations, boxes); 0 inside."""
    left, top, right, bottom = corners.T
    dx = np.maximum(np.maximum(left - x[:, None], x[:, None] - right), 0)
    dy = np.maximum(np.maximum(top - y[:, None], y[:, None] - bottom), 0)
    return np.hypot(dx, dy)


def nearest(
    x: np.ndarray, y: np.ndarray, boxes: Boxes, lines: Lines, line: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest box of each fixation, of those in its line if it has one, and how far it is.

    Where boxes overlap, the one whose middle is nearest.
    """
    box, away = np.empty(len(x), int), np.empty(len(x))
    rows = max(1, CELLS // len(boxes.corners))
    for start in range(0, len(x), rows):
        part = slice(start, start + rows)
        of = None if line is None else line[part]
        box[part], away[part] = _nearest(x[part], y[part], boxes, lines, of)
    return box, away


def _nearest(
    x: np.ndarray, y: np.ndarray, boxes: Boxes, lines: Lines, line: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    away = distances(x, y, boxes.corners)
    left, top, right, bottom = boxes.corners.T
    middle = np.hypot(x[:, None] - (left + right) / 2, y[:, None] - (top + bottom) / 2)
    rank = away + middle * 1e-6
    if line is not None:
        rank = np.where(lines.of_box == line[:, None], rank, np.inf)
    box = rank.argmin(axis=1)
    return box, away[np.arange(len(box)), box]


def overlapping(corners: np.ndarray) -> int:
    """How many pairs of boxes share more than a pixel in both directions; from the top."""
    left, top, right, bottom = corners[np.argsort(corners[:, 1], kind="stable")].T
    last = np.searchsorted(top, bottom - 1)  # from here on boxes begin below
    count = 0
    for start in range(0, len(top), ROWS):
        one = slice(start, start + ROWS)
        other = slice(start, max(int(last[one].max()), start + 1))
        wide = np.minimum(right[other], right[one, None]) - np.maximum(left[other], left[one, None])
        high = np.minimum(bottom[other], bottom[one, None]) - top[other]
        count += int(np.triu((wide > 1) & (high > 1), 1).sum())
    return count
