"""From a table of samples to tables of fixations and saccades, a trial at a time."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError, UsageError
from mirctl.tables import Stream
from mirctl_gaze import detection, output
from mirctl_gaze.config import Detection
from mirctl_gaze.metrics import Metrics, metric
from mirctl_gaze.rows import ROWS, Trial, Unusable, in_order, trials
from mirctl_gaze.schema import FIXATIONS, KEYS, SACCADES, Screen

GAP = 1.5
"""Steps of time after which a sample is missing."""
FASTEST, SLOWEST = 0.02, 200
"""Milliseconds between the samples of any tracker."""
TOLERANCE = 0.1
"""How far --hz may be from the times themselves."""


@dataclass
class Found:
    """What was found in all trials."""

    unusable: Unusable
    trials: int = 0
    samples: int = 0
    lost: int = 0
    fixations: int = 0
    saccades: int = 0
    fixated: float = 0.0
    """Milliseconds of fixations."""
    empty: list[str] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        """For a document."""
        return {
            "trials": self.trials, "samples": self.samples, "lost_samples": self.lost,
            "fixations": self.fixations, "saccades": self.saccades,
            "trials_without_fixations": self.empty, "unusable": self.unusable.facts(),
        }  # fmt: skip

    def metrics(self) -> Metrics:
        """How much was seen."""
        return {
            "lost_share": metric(self.lost, self.samples, "share"),
            "mean_duration": metric(self.fixated, self.fixations, "ms"),
        }

    def tell(self) -> None:
        """Say it to people."""
        self.unusable.tell()
        lost = f", {self.lost / self.samples:.1%} of them lost" if self.samples else ""
        console.say(
            f"{counted(self.fixations, 'fixation')}, {counted(self.saccades, 'saccade')} in "
            f"{counted(self.trials, 'trial')} of {counted(self.samples, 'sample')}{lost}"
        )
        if self.empty:
            console.warn(f"no fixation in {counted(len(self.empty), 'trial')}, as {self.empty[0]}")


@dataclass(frozen=True)
class Recording:
    """The samples of a trial that can be used, in order of time."""

    time: np.ndarray
    x: np.ndarray
    y: np.ndarray
    usable: np.ndarray
    """False where nothing was seen, and where a step of time is missing before it."""
    step: float
    """Milliseconds from a sample to the next."""

    def stretches(self) -> detection.Bounds:
        """Where samples follow each other without a hole."""
        starts, stops = detection.stretches(self.usable)
        gaps = np.flatnonzero(np.diff(self.time) > GAP * self.step) + 1
        inside = gaps[self.usable[gaps] & self.usable[gaps - 1]]
        return np.sort(np.append(starts, inside)), np.sort(np.append(stops, inside))


def measured() -> list[str]:
    """Names of the metrics."""
    return list(Found(Unusable("")).metrics())


def detect(
    stream: Stream, settings: Detection, out: Path | str, saccades: Path | str | None = None,
    screen: Screen | None = None,
) -> Found:  # fmt: skip
    """Write the fixations of a table of samples, and its saccades where they are wanted."""
    found = Found(Unusable(stream.name))
    without = [name for name in KEYS if name not in stream.columns]
    needed = ["x", "y"] if settings.hz and "time" not in stream.columns else ["time", "x", "y"]
    with ExitStack() as stack:
        fixed = stack.enter_context(output.table(out, FIXATIONS, stream.kind, without))
        moved = None
        if saccades is not None:
            moved = stack.enter_context(output.table(saccades, SACCADES, stream.kind, without))
        advance = stack.enter_context(console.progress("detect", 0, "samples"))
        for trial in trials(stream.blocks(ROWS), stream, needed, ["pupil"]):
            recording = record(trial, settings, screen, found)
            bounds, speeds = events(recording, settings)
            write_fixations(trial, recording, bounds, fixed, found)
            write_saccades(trial, recording, bounds, speeds, settings.ppd, moved, found)
            advance(len(trial))
    return found


def record(trial: Trial, settings: Detection, screen: Screen | None, found: Found) -> Recording:
    """A trial's samples in order of time, with those marked that saw nothing."""
    found.trials += 1
    found.samples += len(trial)
    if "time" in trial.numbers:
        known = ~np.isnan(trial["time"])
        found.unusable.add(~known, trial.rows, "no time")
        trial = in_order(trial.keep(known), ["time"], found.unusable.table)
        trial = without_repeats(trial, found)
        time = trial["time"]
    else:
        time = np.arange(len(trial)) * (1000.0 / settings.hz)
    x, y = trial["x"], trial["y"]
    usable = ~(np.isnan(x) | np.isnan(y))
    if "pupil" in trial.numbers:
        usable &= ~(trial["pupil"] <= 0)
    if screen is not None:
        usable &= (x >= 0) & (x <= screen.width) & (y >= 0) & (y <= screen.height)
    found.lost += int((~usable).sum())
    return Recording(time, x, y, usable, step_of(time, settings.hz, trial))


def without_repeats(trial: Trial, found: Found) -> Trial:
    """Of several samples with the same time the first."""
    again = np.diff(trial["time"], prepend=np.nan) == 0
    found.unusable.add(again, trial.rows, "the time of another sample")
    return trial.keep(~again) if again.any() else trial


def _usual(steps: np.ndarray) -> float | None:
    """The mean of the steps that no sample is missing in: 8, 8, 9 are a third of 25 ms."""
    if not len(steps):
        return None
    return float(steps[steps <= GAP * np.median(steps)].mean())


def step_of(time: np.ndarray, hz: float | None, trial: Trial) -> float:
    """Milliseconds between samples, as told or as most of the times are apart."""
    usual = _usual(np.diff(time))
    if hz is None:
        if usual is not None and not FASTEST <= usual <= SLOWEST:
            raise DataError(
                f"in {trial.name()} samples are {usual:g} ms apart: is time in another unit? It is "
                "wanted in ms"
            )
        return usual or 1.0
    if usual is not None and abs(usual * hz / 1000 - 1) > TOLERANCE:
        raise DataError(
            f"in {trial.name()} samples are {usual:g} ms apart, which is {1000 / usual:g} Hz, not "
            f"{hz:g}: leave out --hz, or give time in ms"
        )
    return 1000.0 / hz


def events(recording: Recording, settings: Detection) -> tuple[detection.Bounds, np.ndarray]:
    """Bounds of the fixations, and the speed of each sample."""
    x, y = recording.x / settings.ppd, recording.y / settings.ppd
    half = max(1, round(settings.window / recording.step / 2))
    shortest = max(1, int(np.ceil(settings.shortest / recording.step - 1e-9)))
    if shortest < 2:
        raise UsageError(
            f"--min-duration {settings.shortest:g} ms is less than two samples at "
            f"{recording.step:g} ms"
        )
    speeds = np.full(len(x), np.nan)
    starts, stops = [], []
    for first, last in zip(*recording.stretches(), strict=True):
        part = slice(first, last)
        speeds[part] = detection.speed(x[part], y[part], half, recording.step / 1000)
        bounds = _fixations(x[part], y[part], speeds[part], settings, shortest, recording.step)
        starts.append(bounds[0] + first)
        stops.append(bounds[1] + first)
    none = np.empty(0, int)
    return (np.concatenate([none, *starts]), np.concatenate([none, *stops])), speeds


def _fixations(
    x: np.ndarray, y: np.ndarray, speeds: np.ndarray, settings: Detection, shortest: int,
    step: float,
) -> detection.Bounds:  # fmt: skip
    if settings.method == "idt":
        return detection.narrow(x, y, settings.dispersion, shortest)
    slow = detection.slow(speeds, settings.speed)
    starts, stops = detection.merged(slow, x, y, settings.merge_gap / step, settings.merge_angle)
    long = stops - starts >= shortest
    return starts[long], stops[long]


def write_fixations(
    trial: Trial, recording: Recording, bounds: detection.Bounds, out: output.Results, found: Found
) -> None:
    """One row a fixation: when it began, how long it was, where it was on average."""
    starts, stops = bounds
    count = len(starts)
    if not count:
        found.empty.append(trial.name())
        return
    durations = recording.time[stops - 1] + recording.step - recording.time[starts]
    found.fixations += count
    found.fixated += float(durations.sum())
    out.write(
        {
            "reader": [trial.reader] * count,
            "trial": [trial.trial] * count,
            "index": np.arange(1, count + 1),
            "start": recording.time[starts],
            "duration": durations,
            "x": means(recording.x, bounds, recording.usable),
            "y": means(recording.y, bounds, recording.usable),
        }
    )


def means(values: np.ndarray, bounds: detection.Bounds, usable: np.ndarray) -> np.ndarray:
    """The mean of each event's samples (events,)."""
    places = np.stack(bounds, axis=1).ravel()
    sums = np.add.reduceat(np.append(np.where(usable, values, 0.0), 0.0), places)[::2]
    return sums / (bounds[1] - bounds[0])


def write_saccades(
    trial: Trial, recording: Recording, bounds: detection.Bounds, speeds: np.ndarray, ppd: float,
    out: output.Results | None, found: Found,
) -> None:  # fmt: skip
    """One row for what lies between two fixations without a lost sample."""
    starts, stops = bounds[1][:-1], bounds[0][1:]
    firsts = recording.stretches()[0]
    same = np.searchsorted(firsts, starts - 1, "right") == np.searchsorted(firsts, stops, "right")
    real = same & (stops > starts)
    starts, stops = starts[real], stops[real]
    found.saccades += len(starts)
    if out is None or not len(starts):
        return
    x, y, time = recording.x, recording.y, recording.time
    before = starts - 1
    places = np.stack([starts, stops], axis=1).ravel()
    out.write(
        {
            "reader": [trial.reader] * len(starts),
            "trial": [trial.trial] * len(starts),
            "index": np.arange(1, len(starts) + 1),
            "start": time[starts],
            "duration": time[stops] - time[starts],
            "x0": x[before],
            "y0": y[before],
            "x1": x[stops],
            "y1": y[stops],
            "amplitude": np.hypot(x[stops] - x[before], y[stops] - y[before]) / ppd,
            "peak_velocity": np.fmax.reduceat(np.append(speeds, np.nan), places)[::2],
        }
    )
