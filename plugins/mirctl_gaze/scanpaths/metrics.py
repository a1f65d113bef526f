"""The families of measures: what each needs of a path, what it gives for two."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mirctl_gaze.scanpaths import distances, letters, multimatch, recurrence, warping
from mirctl_gaze.scanpaths.paths import Scanpath, Settings

MOST_LETTERS = 100_000


class Undefined(Exception):
    """A measure has no meaning for a path; the text says why."""


@dataclass(frozen=True)
class Metric:
    """One family: `made` gives what of a path is compared, `compared` the numbers of two."""

    columns: tuple[str, ...]
    made: Callable[[Scanpath, Settings], np.ndarray]
    compared: Callable[[np.ndarray, np.ndarray, Settings], Sequence[float]]
    fewest: int = 1
    """Fixations that a path has at least."""
    needs_screen: Callable[[Settings], bool] = lambda settings: False
    undefined: str = ""
    """Why a number may not be defined for two paths that can be compared."""


def _points(path: Scanpath, settings: Settings) -> np.ndarray:
    return path.points


def _saccades(path: Scanpath, settings: Settings) -> np.ndarray:
    if path.duration is None and settings.simpler:
        raise Undefined("has no durations, which --simplify asks for")
    duration = np.full(len(path), np.nan) if path.duration is None else path.duration
    return multimatch.saccades(*path.points, duration, settings.simpler)


def _letters(path: Scanpath, settings: Settings) -> np.ndarray:
    if settings.areas:
        return path.areas
    return letters.cells(*path.points, settings.screen, settings.grid)


def _timed(path: Scanpath, settings: Settings) -> np.ndarray:
    if not settings.stretch:
        return _letters(path, settings)
    if path.duration is None:
        raise Undefined("has no durations (--bin 0 gives each fixation one letter)")
    if path.duration.sum() > settings.stretch * MOST_LETTERS:
        raise Undefined(f"lasts {path.duration.sum():g} ms: more letters than {MOST_LETTERS:,}")
    return letters.timed(_letters(path, settings), path.duration, settings.stretch)


def _scanmatch(a: np.ndarray, b: np.ndarray, settings: Settings) -> Sequence[float]:
    return [letters.matched(a, b) if settings.areas else letters.scanmatch(a, b)]


def _levenshtein(a: np.ndarray, b: np.ndarray, settings: Settings) -> Sequence[float]:
    edits = warping.edits(a, b)
    return edits, 1 - edits / max(a.shape[1], b.shape[1])


def _recurrence(a: np.ndarray, b: np.ndarray, settings: Settings) -> Sequence[float]:
    measure = recurrence.auto_recurrence if settings.compat else recurrence.recurrence
    return measure(a, b, settings.near)


def _by_grid(settings: Settings) -> bool:
    return not settings.areas


METRICS = {
    "multimatch": Metric(
        tuple(f"multimatch_{n}" for n in ("shape", "direction", "length", "position", "duration")),
        _saccades,
        lambda a, b, settings: multimatch.multimatch(a, b, settings.diagonal),
        fewest=multimatch.FEWEST,
        needs_screen=lambda settings: True,
        undefined="a path has no durations",
    ),
    "dtw": Metric(("dtw",), _points, lambda a, b, settings: [distances.dtw(a, b)]),
    "scanmatch": Metric(("scanmatch",), _timed, _scanmatch, needs_screen=_by_grid),
    "levenshtein": Metric(
        ("levenshtein", "levenshtein_similarity"), _timed, _levenshtein, needs_screen=_by_grid
    ),
    "eyenalysis": Metric(
        ("eyenalysis",), _points, lambda a, b, settings: [distances.eyenalysis(a, b)]
    ),
    "recurrence": Metric(
        ("recurrence", "determinism", "laminarity", "corm"),
        _points,
        _recurrence,
        fewest=2,
        needs_screen=lambda settings: settings.radius is None,
        undefined="no fixations recur",
    ),
    "tde": Metric(
        ("tde_mean", "tde_hausdorff", "tde_mean_back", "tde_hausdorff_back"),
        _points,
        lambda a, b, settings: distances.tde(a, b),
        fewest=distances.WINDOW,
    ),
    "ss": Metric(
        ("ss",), _letters, lambda a, b, settings: [letters.matched(a, b)], needs_screen=_by_grid
    ),
}
"""In the order of their columns."""
