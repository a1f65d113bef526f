"""Fixations to words: a table of fixations gets the columns line, word and distance."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.tables import Stream
from mirctl_gaze import lines, output
from mirctl_gaze.boxes import AllBoxes, Boxes
from mirctl_gaze.metrics import Metrics, metric
from mirctl_gaze.rows import ROWS, Trial, Unusable, in_order, trials
from mirctl_gaze.schema import ASSIGNED

ORDER = ("start", "index")
"""What tells the order of fixations, the better first."""


@dataclass
class Assigned:
    """What became of all fixations."""

    unusable: Unusable
    fixations: int = 0
    far: int = 0
    no_boxes: int = 0
    overlapping: int = 0
    distances: list[np.ndarray] = field(default_factory=list)

    @property
    def away(self) -> np.ndarray:
        """How far each fixation is from its word, in pixels."""
        return np.concatenate([np.empty(0), *self.distances])

    def facts(self) -> dict[str, Any]:
        """For a document."""
        return {
            "fixations": self.fixations, "assigned": len(self.away), "too_far": self.far,
            "without_words": self.no_boxes, "overlapping_boxes": self.overlapping,
            "unusable": self.unusable.facts(),
        }  # fmt: skip

    def metrics(self) -> Metrics:
        """How well fixations and words fit together."""
        away = self.away
        return {
            "dropped_share": metric(self.fixations - len(away), self.fixations, "share"),
            "inside_share": metric((away == 0).sum(), len(away), "share"),
            "mean_distance": metric(away.sum(), len(away), "px"),
        }

    def tell(self) -> None:
        """Say it to people."""
        self.unusable.tell()
        if self.overlapping:
            console.warn(
                f"{counted(self.overlapping, 'pair')} of word boxes overlap: the word whose middle "
                "is nearest is taken"
            )
        if not self.fixations:
            console.say("no fixations")
            return
        away = self.away
        near = f", {away.mean():.1f} px from their words on average" if len(away) else ""
        console.say(
            f"{len(away):,} of {counted(self.fixations, 'fixation')} with a word{near}; "
            f"{1 - len(away) / self.fixations:.1%} dropped ({self.far:,} too far from any)"
        )


def measured() -> list[str]:
    """Names of the metrics."""
    return list(Assigned(Unusable("")).metrics())


def assign(
    stream: Stream, words: AllBoxes, out: Path | str, *, by_lines: bool = True,
    most: float | None = None,
) -> Assigned:  # fmt: skip
    """Write the fixations as they are, each with its word; the columns are empty without one."""
    for name in ASSIGNED:
        if name in stream.columns:
            todo = "go on with `gaze measures`, or take it out"
            raise DataError(f"has a column {name!r} already: {todo}", where=stream.name)
    told = Assigned(Unusable(stream.name))
    blocks = list(stream.blocks(ROWS))
    told.fixations = sum(map(len, blocks))
    columns = {name: np.full(told.fixations + 1, np.nan) for name in ASSIGNED}
    strangers: set[str] = set()
    texts: dict[int, lines.Lines] = {}
    for trial in trials(blocks, stream, ["x", "y"], ORDER):
        boxes = words.of(trial.trial)
        if boxes is None:
            strangers.add(trial.trial)
            told.no_boxes += len(trial)
            continue
        if id(boxes) not in texts:
            texts[id(boxes)] = lines.lines_of(boxes)
            told.overlapping += lines.overlapping(boxes.corners)
        place = Place(boxes, texts[id(boxes)], by_lines, most)
        _assign(_seen(trial, told), place, columns, told)
    words.refuse_strangers(strangers, told.fixations - told.no_boxes)
    with stream.writer(out, after=list(ASSIGNED), types=ASSIGNED) as writer:
        for block in blocks:
            part = slice(block.first, block.first + len(block))
            cells = {n: output.cells_of(columns[n][part], t) for n, t in ASSIGNED.items()}
            writer.write(block, added=cells)
    return told


def _seen(trial: Trial, told: Assigned) -> Trial:
    """The fixations of a trial that have a place, in order."""
    gone = np.isnan(trial["x"]) | np.isnan(trial["y"])
    told.unusable.add(gone, trial.rows, "no x or y")
    return in_order(trial.keep(~gone), ORDER, told.unusable.table)


@dataclass(frozen=True)
class Place:
    """What the fixations of a trial are assigned to, and how."""

    boxes: Boxes
    lines: lines.Lines
    by_lines: bool
    most: float | None
    """Pixels from a box, at most; None is the distance of two lines."""


def _assign(trial: Trial, place: Place, columns: dict[str, np.ndarray], told: Assigned) -> None:
    if not len(trial):
        return
    x, y, of = trial["x"], trial["y"], place.lines
    line, drift = lines.follow(x, y, of) if place.by_lines else (None, 0.0)
    box, away = lines.nearest(x, y - drift, place.boxes, of, line)
    near = away <= (of.height if place.most is None else place.most)
    told.far += int((~near).sum())
    told.distances.append(away[near])
    rows, box = trial.rows[near], box[near]
    columns["line"][rows] = of.labels[of.of_box[box]]
    columns["word"][rows] = place.boxes.numbers[box]
    columns["distance"][rows] = away[near]
