"""Recordings that are made: a text, a reader's fixations on it, and what a tracker would see."""

from dataclasses import dataclass

import numpy as np

PPD = 30
"""Pixels of a degree."""
LEFT, TOP, SPACING, HEIGHT = 100, 150, 70, 36


@dataclass(frozen=True)
class Recording:
    """Samples at 1000 Hz, and the truth: fixations with their words."""

    time: np.ndarray
    x: np.ndarray
    y: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    word: np.ndarray
    blinked: np.ndarray
    """Fixations that a blink cuts."""


def text_boxes(lines: int = 6, words: int = 9, seed: int = 0) -> np.ndarray:
    """Left, top, right, bottom, line of each word (words, 5)."""
    rng = np.random.default_rng(seed)
    rows = []
    for line in range(lines):
        x = LEFT
        for _ in range(words):
            wide = int(rng.integers(3, 10)) * 11
            y = TOP + line * SPACING
            rows.append((x, y, x + wide, y + HEIGHT, line))
            x += wide + 11
    return np.array(rows, float)


def words_read(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Words in the order they are fixated, with skips, refixations and regressions; durations."""
    rng = np.random.default_rng(seed)
    word, path = 0, []
    while word < count:
        path.append(word)
        step = rng.choice([0, 1, 1, 1, 1, 1, 2, 2, -1, -2])
        word = max(0, word + int(step))
    durations = np.round(rng.gamma(9, 24, len(path)).clip(110, 600))
    return np.array(path), durations


def record(
    boxes: np.ndarray, seed: int, *, noise: float = 0.03, drift: float = 0.0, blinks: float = 0.0,
) -> Recording:  # fmt: skip
    """What a tracker sees: noise in degrees, drift in pixels down over the trial, share of
    fixations with a blink."""
    rng = np.random.default_rng(seed)
    word, durations = words_read(len(boxes), seed)
    left, top, right, bottom = boxes[word, :4].T
    inside = rng.uniform(0.2, 0.8, len(word))
    for i in np.flatnonzero(np.diff(word) == 0) + 1:  # a refixation goes to the word's other side
        inside[i] = 0.15 if inside[i - 1] > 0.5 else 0.85
    x = left + (right - left) * inside
    y = (top + bottom) / 2 + rng.normal(0, 5, len(word))
    parts, start, stop, now = [], [], [], 0
    for i in range(len(word)):
        here = np.array([x[i], y[i]])
        length = int(durations[i])
        parts.append(np.tile(here, (length, 1)))
        start.append(now)
        stop.append(now + length)
        now += length
        if i + 1 < len(word):
            to = np.array([x[i + 1], y[i + 1]])
            span = int(21 + 2.2 * np.hypot(*(to - here)) / PPD)
            way = (1 - np.cos(np.pi * (np.arange(span) + 1) / (span + 1))) / 2
            parts.append(here + way[:, None] * (to - here))
            now += span
    gaze = np.concatenate(parts)
    gaze[:, 1] += np.linspace(0, drift, len(gaze))
    gaze += rng.normal(0, noise * PPD, gaze.shape)
    blinked = rng.random(len(word)) < blinks
    for i in np.flatnonzero(blinked):
        begin = int(rng.integers(start[i], stop[i] - 50))
        gaze[begin : begin + int(rng.integers(80, 200))] = np.nan
    lost = [np.isnan(gaze[a:b, 0]).any() for a, b in zip(start, stop)]
    return Recording(
        np.arange(len(gaze), dtype=float), *gaze.T, np.array(start), np.array(stop), word,
        np.array(lost),
    )  # fmt: skip


def samples_csv(recording: Recording, trial: str = "t1", reader: str = "r1") -> str:
    """As a table of samples; what is lost is a point, as EyeLink writes it."""
    lines = ["reader,trial,time,x,y"]
    for t, x, y in zip(recording.time, recording.x, recording.y):
        place = ".,." if np.isnan(x) else f"{x:.2f},{y:.2f}"
        lines.append(f"{reader},{trial},{t:.0f},{place}")
    return "\n".join(lines) + "\n"


def words_csv(boxes: np.ndarray, trial: str = "t1") -> str:
    """As a table of words."""
    lines = ["trial,word,text,x0,y0,x1,y1"]
    for i, (x0, y0, x1, y1, _) in enumerate(boxes):
        lines.append(f"{trial},{i},word{i},{x0:g},{y0:g},{x1:g},{y1:g}")
    return "\n".join(lines) + "\n"
