"""`mirctl gaze plot`: which gaze, on what, as which picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError, UsageError, suggest
from mirctl.tables import open_stream
from mirctl_gaze.boxes import Boxes, read_words
from mirctl_gaze.plots import canvas, heat, path, words
from mirctl_gaze.plots.canvas import Canvas
from mirctl_gaze.scanpaths.paths import Scanpath
from mirctl_gaze.scanpaths.reading import Reader
from mirctl_gaze.schema import Screen

SHOWN = 6


@dataclass(frozen=True)
class Asked:
    """What the command line says."""

    table: str
    out: Path
    trial: str | None
    reader: str | None
    words: str | None
    image: Path | None
    screen: Screen | None
    sigma: float | None
    value: str


def plot(asked: Asked, kind: str, *, force: bool) -> dict[str, Any]:
    """Draw; give what was drawn."""
    canvas.check(asked.out, force=force)
    if asked.sigma is not None and kind != "map":
        raise UsageError(f"--sigma blurs a map: it goes with --kind map, not {kind}")
    if kind == "words":
        return _plot_words(asked)
    if asked.words == asked.table == "-":
        raise UsageError("two tables cannot both come from stdin: save one in a file")
    source = Reader()
    found = source.table(asked.table)
    trial = _chosen("trial", asked.trial, (one.trial for one in found), asked.table)
    of_trial = [one for one in found if one.trial == trial]
    if kind == "path" or asked.reader is not None:
        reader = _chosen("reader", asked.reader, (one.reader for one in of_trial), asked.table)
        of_trial = [one for one in of_trial if one.reader == reader]
    return {**_plot_gaze(asked, kind, trial, of_trial), "unusable": source.unusable}


def _plot_gaze(asked: Asked, kind: str, trial: str, paths: Sequence[Scanpath]) -> dict[str, Any]:
    points = np.concatenate([one.points for one in paths], axis=1)
    if not points.shape[1]:
        raise DataError(f"trial {trial!r} has no fixations to draw", where=asked.table)
    boxes = None if asked.words is None else _boxes(asked.words, trial)
    ground = Canvas.of(asked.screen, asked.image, boxes, points)
    title = _title(trial, [one.reader for one in paths], points.shape[1])
    if kind == "path":
        path.draw(paths[0], ground, asked.out, title)
    else:
        heat.draw(paths, ground, asked.out, title, asked.sigma)
    if off := ground.outside(points):
        console.warn(f"{counted(off, 'fixation')} of {points.shape[1]:,} off the screen: not seen")
    return {"trial": trial, "readers": len(paths), "fixations": points.shape[1], "unseen": off}


def _plot_words(asked: Asked) -> dict[str, Any]:
    if asked.words is None:
        raise UsageError("--kind words needs the boxes of the words: --words FILE")
    means = words.read(open_stream(asked.table), asked.value, asked.reader)
    if not means:
        raise DataError(f"has no word with a number in {asked.value!r}", where=asked.table)
    trial = _chosen("trial", asked.trial, means, asked.table)
    boxes = _boxes(asked.words, trial)
    ground = Canvas.of(asked.screen, asked.image, boxes, np.empty((2, 0)))
    who = [asked.reader] if asked.reader else []
    words.draw(means[trial], boxes, ground, asked.out, _title(trial, who, None), asked.value)
    strangers = set(means[trial]) - {int(number) for number in boxes.numbers}
    if strangers:
        console.warn(f"{counted(len(strangers), 'word')} of {asked.table} have no box: not seen")
    return {"trial": trial, "words": len(boxes.names), "measured": len(means[trial])}


def _boxes(table: str, trial: str) -> Boxes:
    known = read_words(open_stream(table))
    boxes = known.of(trial)
    if boxes is None:
        guess = suggest(trial, known.trials)
        raise DataError(f"has no words of trial {trial!r}{guess}", where=table)
    return boxes


def _chosen(what: str, wanted: str | None, known: Iterable[str], table: str) -> str:
    """The one that is asked for, or the only one there is."""
    names = list(dict.fromkeys(known))
    if wanted is not None:
        if wanted not in names:
            raise DataError(f"has no {what} {wanted!r}{suggest(wanted, names)}", where=table)
        return wanted
    if len(names) > 1:
        shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
        raise UsageError(f"{table} has {len(names):,} {what}s: choose one with --{what}: {shown}")
    return names[0]


def _title(trial: str, readers: Sequence[str], fixations: int | None) -> str:
    who = readers[0] if len(readers) == 1 else f"{len(readers)} readers" if readers else ""
    many = "" if fixations is None else counted(fixations, "fixation")
    return "  \u00b7  ".join(part for part in (trial, who, many) if part)
