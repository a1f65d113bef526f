"""Boxes on a stimulus: the words of a text, or areas of interest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError, suggest
from mirctl.tables import Stream
from mirctl_gaze.rows import ROWS, Trial, Unusable, trials
from mirctl_gaze.schema import MISSING

CORNERS = ("x0", "y0", "x1", "y1")


@dataclass(frozen=True)
class Boxes:
    """Those of one trial."""

    names: list[str]
    """A word's text, or an area's name."""
    numbers: np.ndarray
    """A word's place in its text (boxes,); a word that is broken in two lines has two boxes."""
    lines: np.ndarray | None
    """The line that the file says (boxes,)."""
    corners: np.ndarray
    """Left, top, right, bottom (boxes, 4)."""


@dataclass(frozen=True)
class AllBoxes:
    """Those of each trial; a table without a column `trial` holds for every one."""

    table: str
    trials: dict[str, Boxes]
    by_trial: bool
    unusable: Unusable

    def key(self, trial: str) -> str:
        """Whose boxes hold for a trial; of one that is not named, the only ones there are."""
        if not self.by_trial:
            return ""
        return trial if trial or len(self.trials) > 1 else next(iter(self.trials))

    def of(self, trial: str) -> Boxes | None:
        """The boxes that a reader saw in a trial."""
        return self.trials.get(self.key(trial))

    def refuse_strangers(self, missing: set[str], known: int) -> None:
        """Warn of trials without boxes; where all are such, the tables do not belong together."""
        if not missing:
            return
        one = min(missing)
        if missing == {""}:
            raise DataError(
                f"has {counted(len(self.trials), 'trial')}, and the fixations have no column "
                "'trial' that says which they are of",
                where=self.table,
            )
        if not known:
            raise DataError(
                f"has no trial {one!r}{suggest(one, self.trials)}, nor any other of the fixations",
                where=self.table,
            )
        console.warn(f"{self.table}: no boxes for {counted(len(missing), 'trial')}, as {one!r}")


def read_words(stream: Stream, *, corners: bool = True) -> AllBoxes:
    """The words of each text, with their boxes where those are wanted."""
    needed = ["word", *(CORNERS if corners else ())]
    return _read(stream, needed, "text")


def read_areas(stream: Stream) -> AllBoxes:
    """Areas of interest."""
    if "area" not in stream.columns:
        guess = suggest("area", stream.columns, f"its columns: {', '.join(stream.columns)}")
        raise DataError(f"has no column 'area'{guess}", where=stream.name)
    return _read(stream, list(CORNERS), "area")


def _read(stream: Stream, needed: list[str], name: str) -> AllBoxes:
    unusable = Unusable(stream.name)
    found = {}
    for trial in trials(stream.blocks(ROWS), stream, needed, ["line"], [name], keys=["trial"]):
        kept = _usable(trial, needed, unusable)
        if len(kept):
            found[trial.trial] = _boxes(kept, name)
    unusable.tell()
    if not found:
        raise DataError("has no box that can be used", where=stream.name)
    return AllBoxes(stream.name, found, "trial" in stream.columns, unusable)


def _usable(trial: Trial, needed: list[str], unusable: Unusable) -> Trial:
    for name in needed:
        gone = np.isnan(trial[name])
        unusable.add(gone, trial.rows, f"no {name}")
        trial = trial.keep(~gone)
    if "word" in needed:
        broken = trial["word"] % 1 != 0
        unusable.add(broken, trial.rows, "word is no whole number")
        trial = trial.keep(~broken)
    if "area" in trial.texts:
        nameless = np.array([name.strip() in MISSING for name in trial.texts["area"]], bool)
        unusable.add(nameless, trial.rows, "no area")
        trial = trial.keep(~nameless)
    if "x0" in needed:
        flat = (trial["x1"] <= trial["x0"]) | (trial["y1"] <= trial["y0"])
        unusable.add(flat, trial.rows, "an empty box: x0 < x1 and y0 < y1 are wanted")
        trial = trial.keep(~flat)
    return trial


def _boxes(trial: Trial, name: str) -> Boxes:
    none = np.zeros(len(trial))
    numbers = trial.numbers.get("word", np.arange(1, len(trial) + 1))
    lines = trial.numbers.get("line")
    corners = np.stack([trial.numbers.get(corner, none) for corner in CORNERS], axis=1)
    has_lines = lines is not None and not np.isnan(lines).any()
    texts = trial.texts.get(name, [""] * len(trial))
    return Boxes(texts, numbers.astype(int), lines if has_lines else None, corners)
