"""Areas of interest: how long, how often and how early each was looked at, and after which."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.tables import Stream
from mirctl_gaze import output
from mirctl_gaze.assigning import ORDER
from mirctl_gaze.boxes import AllBoxes
from mirctl_gaze.lines import distances
from mirctl_gaze.metrics import Metrics, metric
from mirctl_gaze.rows import ROWS, Trial, Unusable, in_order, trials
from mirctl_gaze.schema import AREAS, KEYS, TRANSITIONS


@dataclass
class Looked:
    """What was looked at in all trials."""

    unusable: Unusable
    trials: int = 0
    fixations: int = 0
    outside: int = 0
    dwell: dict[str, float] = field(default_factory=dict)
    transitions: dict[tuple[str, str], int] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """For a document; the matrix has a row for each area that is left."""
        names = list(self.dwell)
        matrix = [[self.transitions.get((a, b), 0) for b in names] for a in names]
        return {
            "trials": self.trials, "fixations": self.fixations, "outside": self.outside,
            "dwell": self.dwell, "transitions": {"areas": names, "counts": matrix},
            "unusable": self.unusable.facts(),
        }  # fmt: skip

    def metrics(self) -> Metrics:
        """How much of it was looked at."""
        return {"outside_share": metric(self.outside, self.fixations, "share")}

    def tell(self) -> None:
        """Say it to people."""
        self.unusable.tell()
        console.say(
            f"{counted(self.trials, 'trial')} of {counted(self.fixations, 'fixation')}, "
            f"{self.outside:,} of them in no area"
        )


@dataclass(frozen=True)
class Visits:
    """Runs of fixations in one area; what lies outside of all ends one."""

    area: np.ndarray
    """(visits,)"""
    first: np.ndarray
    """Place of its first fixation (visits,)."""

    @classmethod
    def of(cls, area: np.ndarray) -> Visits:
        """From the area of each fixation, -1 outside."""
        new = np.concatenate([[True], np.diff(area) != 0])[: len(area)]
        first = np.flatnonzero(new & (area >= 0))
        return cls(area[first], first)


def measured() -> list[str]:
    """Names of the metrics."""
    return list(Looked(Unusable("")).metrics())


def look(
    stream: Stream, areas: AllBoxes, out: Path | str, transitions: Path | str | None = None
) -> Looked:
    """Write a row for each area of each trial, and one for each pair that follow each other."""
    told = Looked(Unusable(stream.name))
    without = [name for name in KEYS if name not in stream.columns]
    strangers: set[str] = set()
    with ExitStack() as stack:
        rows = stack.enter_context(output.table(out, AREAS, stream.kind, without))
        moves = None
        if transitions is not None:
            moves = stack.enter_context(
                output.table(transitions, TRANSITIONS, stream.kind, without)
            )
        for trial in trials(stream.blocks(ROWS), stream, ["x", "y", "start", "duration"]):
            boxes = areas.of(trial.trial)
            if boxes is None:
                strangers.add(trial.trial)
                continue
            names = list(dict.fromkeys(boxes.names))
            of_box = np.array([names.index(name) for name in boxes.names])
            trial = _usable(trial, told)
            area = area_of(trial["x"], trial["y"], boxes.corners, of_box)
            told.outside += int((area < 0).sum())
            visits = Visits.of(area)
            _write_areas(trial, names, area, visits, rows, told)
            _write_moves(trial, names, visits, moves, told)
        areas.refuse_strangers(strangers, told.trials)
    return told


def area_of(x: np.ndarray, y: np.ndarray, corners: np.ndarray, of_box: np.ndarray) -> np.ndarray:
    """The area that each fixation is in, -1 outside; the smallest of boxes in each other."""
    left, top, right, bottom = corners.T
    size = (right - left) * (bottom - top)
    inside = np.where(distances(x, y, corners) == 0, size, np.inf)
    box = inside.argmin(axis=1)
    return np.where(np.isfinite(inside[np.arange(len(box)), box]), of_box[box], -1)


def _usable(trial: Trial, told: Looked) -> Trial:
    told.trials += 1
    told.fixations += len(trial)
    for names, why in ((("x", "y"), "no x or y"), (("start",), "no start")):
        gone = np.isnan([trial[name] for name in names]).any(axis=0)
        told.unusable.add(gone, trial.rows, why)
        trial = trial.keep(~gone)
    short = ~(trial["duration"] > 0)
    told.unusable.add(short, trial.rows, "duration is not above 0")
    return in_order(trial.keep(~short), ORDER, told.unusable.table)


def _write_areas(
    trial: Trial, names: list[str], area: np.ndarray, visits: Visits, rows: output.Results,
    told: Looked,
) -> None:  # fmt: skip
    count, known = len(names), area >= 0
    dwell = np.bincount(area[known], trial["duration"][known], minlength=count)
    first = np.full(count, np.nan)
    times = trial["start"][visits.first] - trial["start"][:1]
    first[visits.area[::-1]] = times[::-1]
    whole = trial["duration"].sum()
    for name, time in zip(names, dwell, strict=True):
        told.dwell[name] = told.dwell.get(name, 0.0) + float(time)
    rows.write(
        {
            "reader": [trial.reader] * count,
            "trial": [trial.trial] * count,
            "area": names,
            "fixations": np.bincount(area[known], minlength=count),
            "dwell": dwell,
            "dwell_share": dwell / whole if whole else np.full(count, np.nan),
            "entries": np.bincount(visits.area, minlength=count),
            "first": first,
        }
    )


def _write_moves(
    trial: Trial, names: list[str], visits: Visits, moves: output.Results | None, told: Looked
) -> None:
    count = len(names)
    pairs = visits.area[:-1] * count + visits.area[1:]
    counts = np.bincount(pairs, minlength=count * count)
    made = np.flatnonzero(counts)
    ends = [(names[pair // count], names[pair % count]) for pair in made]
    for key, number in zip(ends, counts[made], strict=True):
        told.transitions[key] = told.transitions.get(key, 0) + int(number)
    if moves is not None and len(made):
        moves.write(
            {
                "reader": [trial.reader] * len(made),
                "trial": [trial.trial] * len(made),
                "from": [a for a, _ in ends],
                "to": [b for _, b in ends],
                "count": counts[made],
            }
        )
