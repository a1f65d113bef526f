"""A word heat map: each word in the colour of a reading measure."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from mirctl.errors import DataError
from mirctl.tables import Stream, require_columns
from mirctl_gaze.boxes import Boxes
from mirctl_gaze.plots.canvas import Canvas, colour_bar, draw_words, drawing
from mirctl_gaze.rows import ROWS, trials

UNITS = dict.fromkeys(("FFD", "GD", "GPT", "TRT", "first_duration"), "ms")
NOTHING = "#f3f4f6"


def read(stream: Stream, value: str, reader: str | None) -> dict[str, dict[int, float]]:
    """The mean over readers of a measure of each word, by trial."""
    require_columns(["word", value], stream.columns, stream.name)
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    readers = set()
    for trial in trials(stream.blocks(ROWS), stream, ["word", value]):
        readers.add(trial.reader)
        if reader is not None and trial.reader != reader:
            continue
        for word, number in zip(trial["word"].tolist(), trial[value].tolist(), strict=True):
            if not np.isnan(word) and not np.isnan(number):
                found[trial.trial][int(word)].append(number)
    if reader is not None and reader not in readers:
        raise DataError(f"has no reader {reader!r}", where=stream.name)
    return {
        trial: {word: float(np.mean(numbers)) for word, numbers in words.items()}
        for trial, words in found.items()
    }


def draw(
    means: dict[int, float], words: Boxes, canvas: Canvas, out: Path, title: str, value: str
) -> None:
    """Each word in its place; words without a number are grey."""
    numbers = np.array([means.get(int(word), np.nan) for word in words.numbers])
    with drawing(canvas, out, title) as axes:
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LinearSegmentedColormap, Normalize

        from mirctl_gaze.plots.heat import COLOURS

        colours = LinearSegmentedColormap.from_list("gaze", COLOURS[:4])
        known = numbers[~np.isnan(numbers)]
        scale = Normalize(min(0.0, known.min(initial=0.0)), known.max(initial=0.0) or 1.0)
        fills = [NOTHING if np.isnan(v) else colours(scale(v)) for v in numbers]
        draw_words(axes, canvas, words, fills)
        axes.set_axis_off()
        unit = f" ({UNITS[value]})" if value in UNITS else ""
        colour_bar(axes, ScalarMappable(scale, colours), value + unit)
