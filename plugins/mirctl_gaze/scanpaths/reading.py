"""Scanpaths from tables of fixations, or from a folder of such tables."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.tables import open_stream, require_columns
from mirctl.tables.source import KINDS, PACKED
from mirctl_gaze.rows import ROWS, Trial, Unusable, in_order, trials
from mirctl_gaze.scanpaths.letters import areas
from mirctl_gaze.scanpaths.paths import Scanpath
from mirctl_gaze.schema import Screen

ORDER = ("start", "index")
FARTHEST = 1e6
"""Pixels: what lies farther off is no place that anyone looked at."""
OTHER_NAMES = ("start_x", "start_y")
"""Columns of files for the MultiMatch tools, whose durations are seconds."""


class Reader:
    """Reads tables one after the other; the same area is the same letter in all of them."""

    def __init__(self, letters: str | None = None) -> None:
        self.letters = letters
        self.kind = ""
        """Format of the first table."""
        self.known: dict[str, int] = {}
        self.unusable: list[dict[str, int | str]] = []
        """Rows of all tables, for a document."""

    def table(self, source: Path | str) -> list[Scanpath]:
        """The scanpaths of a table; what it does not tell of reader and trial is its own name."""
        stream = open_stream(source)
        self.kind = self.kind or stream.kind
        if self.letters:
            require_columns([self.letters], stream.columns, stream.name)
        plain = "x" in stream.columns or not set(OTHER_NAMES) <= set(stream.columns)
        place, second = (("x", "y"), 1.0) if plain else (OTHER_NAMES, 1000.0)
        wanted = [*place, "duration", *ORDER]
        texts = [self.letters] if self.letters else []
        unusable = Unusable(stream.name)
        found = []
        own = "stdin" if str(source) == "-" else Path(source).name.split(".")[0]
        for trial in trials(stream.blocks(ROWS), stream, place, wanted[2:], texts):
            kept = in_order(_usable(trial, place, unusable), ORDER, stream.name)
            names = _names(trial, stream.columns, own)
            points = np.stack([kept[name] for name in place])
            found.append(Scanpath(*names, points, _duration(kept, second), self._areas(kept)))
        unusable.tell()
        self.unusable += [{"table": stream.name, **fact} for fact in unusable.facts()]
        if not found:
            found = [_empty(own, self.letters)]
        return found

    def tables(self, sources: Sequence[Path | str]) -> list[Scanpath]:
        """The scanpaths of several tables."""
        return [path for source in sources for path in self.table(source)]

    def _areas(self, trial: Trial) -> np.ndarray | None:
        return areas(trial.texts[self.letters], self.known) if self.letters else None


def files_of(place: Path, out: str | None = None) -> list[Path]:
    """A table, or the tables in a folder by name, but for an older result."""
    if not place.is_dir():
        return [place]
    result = Path(out or "-").resolve()
    found = sorted(p for p in place.iterdir() if _is_table(p) and p.resolve() != result)
    if not found:
        kinds = ", ".join(KINDS)
        raise DataError(f"holds no table, which ends in one of {kinds}", where=str(place))
    return found


def _is_table(path: Path) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in PACKED]
    return path.is_file() and bool(suffixes) and suffixes[-1] in KINDS and path.name[0] != "."


def _names(trial: Trial, columns: Sequence[str], own: str) -> tuple[str, str]:
    if "reader" not in columns and "trial" not in columns:
        return "", own
    return (
        trial.reader if "reader" in columns else own,
        trial.trial if "trial" in columns else own,
    )


def _usable(trial: Trial, place: Sequence[str], unusable: Unusable) -> Trial:
    x, y = (trial[name] for name in place)
    trial = _without(trial, np.isnan(x) | np.isnan(y), "no x or y", unusable)
    far = np.maximum(*(np.abs(trial[name]) for name in place)) > FARTHEST
    trial = _without(trial, far, "x or y is over a million pixels", unusable)
    if "duration" in trial.numbers and not np.isnan(trial["duration"]).all():
        trial = _without(trial, np.isnan(trial["duration"]), "no duration", unusable)
        trial = _without(trial, trial["duration"] < 0, "a duration below 0", unusable)
    return trial


def _without(trial: Trial, bad: np.ndarray, why: str, unusable: Unusable) -> Trial:
    unusable.add(bad, trial.rows, why)
    return trial.keep(~bad) if bad.any() else trial


def _duration(trial: Trial, second: float) -> np.ndarray | None:
    lasting = trial.numbers.get("duration")
    return None if lasting is None or np.isnan(lasting).any() else lasting * second


def _empty(name: str, letters: str | None) -> Scanpath:
    none = np.empty((2, 0))
    return Scanpath("", name, none, np.empty(0), none if letters else None)


def tell_off_screen(paths: Sequence[Scanpath], screen: Screen | None) -> int:
    """Say how many fixations lie off the screen, if any; give the count."""
    if screen is None:
        return 0
    size = np.array([[screen.width], [screen.height]])
    off = sum(int(((p.points < 0) | (p.points > size)).any(axis=0).sum()) for p in paths)
    if off:
        console.warn(
            f"{counted(off, 'fixation')} of {sum(map(len, paths)):,} off the screen of "
            f"{screen.width:g}x{screen.height:g}: in a grid they are in the cells at its edge"
        )
    return off
