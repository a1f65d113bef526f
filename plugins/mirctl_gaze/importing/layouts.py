"""What the columns of trackers and corpora are called, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

import numpy as np

Columns = dict[str, "np.ndarray | list[str]"]


@dataclass(frozen=True)
class Part:
    """One of our tables in a file: it is there if the file has all that it needs."""

    table: str
    columns: Mapping[str, str]
    """Ours -> theirs; `A|B` is A, or B where there is no A, `A|` A or a column without a name;
    `A+B` both with a dash between."""
    needs: tuple[str, ...]
    """Ours that must be there."""
    scale: Mapping[str, float] = field(default_factory=dict)
    """Ours -> what a number is multiplied by."""
    fix: Callable[[Columns], None] | None = None
    """Changes to the values of a block."""
    lacks: str = ""
    """A column of theirs that another part has and this one must not."""


@dataclass(frozen=True)
class Layout:
    """The files that a tool or a corpus writes."""

    summary: str
    parts: tuple[Part, ...]
    names: Callable[[PurePath], Mapping[str, str]] = lambda path: {}
    """What a file's name says of its reader and trial."""


def _first_pass_only(columns: Columns) -> None:
    """EyeLink tells the first run of a word also where the word was skipped at first."""
    skipped = columns["skip"] == 1
    columns["first_duration"] = columns["FFD"]
    for name in ("FFD", "GD", "GPT"):
        columns[name] = np.where(skipped, np.nan, columns[name])
    columns["fixProp"] = np.where(np.isnan(columns["nFix"]), np.nan, columns["nFix"] > 0)


def _without_marks(columns: Columns) -> None:
    """The last word of a sentence carries a mark."""
    columns["text"] = [text.removesuffix("<EOS>") for text in columns["text"]]


FIXATION_REPORT = {
    "index": "CURRENT_FIX_INDEX", "start": "CURRENT_FIX_START", "duration": "CURRENT_FIX_DURATION",
    "x": "CURRENT_FIX_X", "y": "CURRENT_FIX_Y",
    "word": "CURRENT_FIX_INTEREST_AREA_ID|CURRENT_FIX_INTEREST_AREA_INDEX",
}  # fmt: skip
ASC_SAMPLES = {
    "trial": "ASC_TRIAL", "time": "ASC_TIME", "x": "ASC_X", "y": "ASC_Y", "pupil": "ASC_PUPIL",
}  # fmt: skip
BOXES = {"x0": "IA_LEFT", "y0": "IA_TOP", "x1": "IA_RIGHT", "y1": "IA_BOTTOM"}
AREA_REPORT = {
    "nFix": "IA_FIXATION_COUNT", "FFD": "IA_FIRST_FIXATION_DURATION",
    "GD": "IA_FIRST_RUN_DWELL_TIME", "GPT": "IA_REGRESSION_PATH_DURATION", "TRT": "IA_DWELL_TIME",
    "skip": "IA_SKIP", "reg_in": "IA_REGRESSION_IN_COUNT|IA_REGRESSION_IN",
    "reg_out": "IA_REGRESSION_OUT_COUNT|IA_REGRESSION_OUT",
}  # fmt: skip


def _reports(reader: str, trial: str, word: str, text: str) -> tuple[Part, ...]:
    """EyeLink's two reports, with a corpus' own names of who read what."""
    keys = {"reader": reader, "trial": trial}
    return (
        Part("fixations", {**keys, **FIXATION_REPORT}, ("x", "y", "duration")),
        Part("words", {"trial": trial, "word": word, "text": text, **BOXES}, ("word", "text")),
        Part(
            "measures",
            {**keys, "word": word, "text": text, **AREA_REPORT},
            ("word", "FFD", "TRT", "skip"),
            fix=_first_pass_only,
        ),
    )


def _asc_names(path: PurePath) -> dict[str, str]:
    """A recording is of one reader, whom no line names."""
    return {"reader": path.stem} if path.suffix.lower() == ".asc" else {}


def _oasst_names(path: PurePath) -> dict[str, str]:
    """The trial ends the file's name; the reader is a folder above it."""
    trial = re.search(r"([\d.]+)$", path.stem)
    reader = next((part for part in path.parts if part.startswith("participant_")), "")
    found = {"trial": trial[1] if trial else path.stem}
    return {**found, "reader": reader.removeprefix("participant_")} if reader else found


def _scanpath_names(path: PurePath) -> dict[str, str]:
    """`TRIAL_sub-READER`, or the trial alone."""
    trial, mark, reader = path.stem.rpartition("_sub-")
    return {"trial": trial, "reader": f"sub-{reader}"} if mark else {"trial": path.stem}


def _stem(path: PurePath) -> dict[str, str]:
    return {"trial": path.stem}


SECONDS = {"duration": 1000.0}
CMCL = {"word": "word_id", "text": "word", "trial": "sentence_id"}

LAYOUTS: dict[str, Layout] = {
    "eyelink": Layout(
        "fixation and interest area reports of EyeLink Data Viewer, and .asc files",
        (
            *_reports("RECORDING_SESSION_LABEL", "TRIAL_INDEX", "IA_ID", "IA_LABEL"),
            Part("samples", ASC_SAMPLES, ("time", "x", "y")),
        ),
        _asc_names,
    ),
    "provo": Layout(
        "the Provo corpus: its eye-tracking and fixation files",
        _reports(
            "Participant_ID|RECORDING_SESSION_LABEL",
            "Text_ID|TRIAL_INDEX",
            "Word_Number|IA_ID",
            "Word|IA_LABEL",
        ),
    ),
    "geco": Layout(
        "the GECO corpus: its reading data, .xlsx or saved as text",
        (
            Part(
                "words",
                {"trial": "PART+TRIAL", "word": "WORD_ID_WITHIN_TRIAL", "text": "WORD"},
                ("trial", "word", "text"),
            ),
            Part(
                "measures",
                {
                    "reader": "PP_NR",
                    "trial": "PART+TRIAL",
                    "word": "WORD_ID_WITHIN_TRIAL",
                    "text": "WORD",
                    "nFix": "WORD_FIXATION_COUNT",
                    "FFD": "WORD_FIRST_FIXATION_DURATION",
                    "GD": "WORD_GAZE_DURATION",
                    "GPT": "WORD_GO_PAST_TIME",
                    "TRT": "WORD_TOTAL_READING_TIME",
                    "skip": "WORD_SKIP",
                },
                ("trial", "word", "FFD", "TRT", "skip"),
                fix=_first_pass_only,
            ),
        ),
    ),
    "cmcl": Layout(
        "the CMCL 2021 shared task; its measures are scaled 0..100, fixProp becomes a share",
        (
            Part("words", CMCL, ("word", "text"), fix=_without_marks),
            Part(
                "measures",
                {**CMCL, **{name: name for name in ("nFix", "FFD", "GPT", "TRT", "fixProp")}},
                ("word", "text", "FFD", "TRT"),
                {"fixProp": 0.01},
                _without_marks,
            ),
        ),
    ),
    "oasst-etc": Layout(
        "OASST-ETC: assigned fixations, real and synthetic measures of words",
        (
            Part(
                "fixations",
                {
                    "index": "index",
                    "x": "x",
                    "y": "y",
                    "duration": "duration",
                    "word": "word_number",
                    "distance": "distance",
                },
                ("x", "y", "duration", "word"),
                SECONDS,
            ),
            Part("words", {"word": "number|index|", "text": "text"}, ("word", "text")),
            Part(
                "measures",
                {
                    "word": "number",
                    "text": "text",
                    "nFix": "fix_number",
                    "TRT": "fix_duration",
                    "first_duration": "first_fix_duration",
                },
                ("word", "nFix", "TRT"),
                {"TRT": 1000.0, "first_duration": 1000.0},
                lacks="GPT",
            ),
            Part(
                "measures",
                {
                    "word": "index|",
                    "text": "text",
                    "nFix": "fix_number",
                    "TRT": "fix_duration",
                    "FFD": "first_fix_duration",
                    "GPT": "GPT",
                    "fixProp": "fixProp",
                },
                ("word", "nFix", "TRT", "GPT"),
                {"fixProp": 0.01},
            ),
        ),
        _oasst_names,
    ),
    "multimatch": Layout(
        "scanpaths of multimatch-gaze: start_x, start_y, duration in seconds",
        (
            Part(
                "fixations",
                {"x": "start_x", "y": "start_y", "duration": "duration"},
                ("x", "y", "duration"),
                SECONDS,
            ),
        ),
        _scanpath_names,
    ),
    "generic": Layout(
        "any table; --column says which is which",
        (
            Part(
                "samples",
                {n: n for n in ("reader", "trial", "time", "x", "y", "pupil")},
                ("time", "x", "y"),
                lacks="duration",
            ),
            Part(
                "fixations",
                {
                    n: n
                    for n in (
                        "reader",
                        "trial",
                        "index",
                        "start",
                        "duration",
                        "x",
                        "y",
                        "word",
                        "line",
                        "distance",
                    )
                },
                ("x", "y", "duration"),
            ),
            Part(
                "words", {n: n for n in ("trial", "word", "text", "line", *BOXES)}, ("word", "text")
            ),
            Part(
                "measures",
                {
                    n: n
                    for n in (
                        "reader",
                        "trial",
                        "word",
                        "text",
                        *AREA_REPORT,
                        "first_duration",
                        "fixProp",
                    )
                },
                ("word", "TRT"),
            ),
        ),
        _stem,
    ),
}
