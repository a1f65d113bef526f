"""`mirctl gaze compare`: tables in, a table of pairs out."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from mirctl import console, jobs
from mirctl.console import counted
from mirctl.errors import UsageError, suggest
from mirctl.tables import new_table
from mirctl.tables.stream import NewTable
from mirctl_gaze.scanpaths import pairing
from mirctl_gaze.scanpaths.asking import Asked
from mirctl_gaze.scanpaths.comparing import Compared, Comparison, warm_up
from mirctl_gaze.scanpaths.compiling import COMPILED
from mirctl_gaze.scanpaths.metrics import METRICS
from mirctl_gaze.scanpaths.pairing import Pairs
from mirctl_gaze.scanpaths.reading import Reader, tell_off_screen
from mirctl_gaze.scanpaths.summary import Summary
from mirctl_gaze.schema import Screen

KEYS = ("reader_a", "trial_a", "reader_b", "trial_b")
COUNTS = ("fixations_a", "fixations_b")


def compare(asked: Asked, require: list[jobs.Requirement], *, json: bool) -> None:
    """Write a row a pair, and tell what they come to."""
    known = [column for name in asked.metrics for column in METRICS[name].columns]
    for item in require:
        if item.metric not in known:
            guess = suggest(item.metric, known, f"known: {', '.join(known)}")
            raise UsageError(f"--require {item.text}: there is no {item.metric!r}{guess}")
    found = run(asked)
    if asked.out == "-":
        console.say(found.report)
        jobs.leave(jobs.failures(found.metrics, require))
        return
    jobs.show(found.metrics, found.report, require=require, json=json, **found.facts)


@dataclass(frozen=True)
class Found:
    """What the pairs come to."""

    metrics: dict[str, dict[str, Any]]
    report: str
    facts: dict[str, Any]


def run(asked: Asked) -> Found:
    """Read the scanpaths, write a row a pair."""
    reader = Reader(asked.letters)
    pairs = pairing.asked(asked.a, asked.b, asked.matrix, asked.out, reader)
    screen = Screen(*asked.settings.screen) if asked.settings.screen else None
    off = tell_off_screen(pairs.paths, screen)
    summary = _measured(asked, pairs, reader.kind)
    summary.tell_reasons()
    report = f"{counted(pairs.count, 'pair')} of {counted(len(pairs.paths), 'scanpath')}"
    report += f"\n\n{summary.report()}"
    facts = {"table": asked.out, "pairs": pairs.count, "scanpaths": len(pairs.paths)}
    facts |= {"off_screen": off, "undefined": dict(summary.reasons)}
    facts |= {"unusable": reader.unusable}
    return Found(summary.metrics(), report, facts)


def _measured(asked: Asked, pairs: Pairs, kind: str) -> Summary:
    if not COMPILED:
        console.say("numba is not installed: measures take longer (pip install 'mirctl[gaze]')")
    with console.progress("compile (once)", len(asked.metrics), "measures") as advance:
        warm_up(asked.metrics, asked.settings, advance)
    comparison = Comparison.of(pairs.paths, asked.metrics, asked.settings)
    summary = Summary(comparison.columns)
    with (
        _rows(asked.out, comparison, kind) as table,
        console.progress("compare", pairs.count, "pairs") as advance,
    ):
        for part in comparison.over(pairs.each):
            if table:
                _write(part, comparison, table)
            summary.add(part)
            advance(len(part.pairs))
    return summary


def _rows(
    out: str | None, comparison: Comparison, kind: str
) -> AbstractContextManager[NewTable | None]:
    if out is None:
        return nullcontext()
    types = {**dict.fromkeys(KEYS, "text"), **dict.fromkeys(COUNTS, "int64")}
    types |= {**dict.fromkeys(comparison.columns, "double"), "reasons": "text"}
    return new_table(out, list(types), types, kind)


def _write(part: Compared, comparison: Comparison, table: NewTable) -> None:
    paths = comparison.paths
    a, b = ([paths[pair[side]] for pair in part.pairs] for side in (0, 1))
    cells = {
        "reader_a": [path.reader for path in a],
        "trial_a": [path.trial for path in a],
        "reader_b": [path.reader for path in b],
        "trial_b": [path.trial for path in b],
        "fixations_a": [str(len(path)) for path in a],
        "fixations_b": [str(len(path)) for path in b],
    }
    for name, values in zip(comparison.columns, part.values.T, strict=True):
        cells[name] = [None if np.isnan(v) else repr(v) for v in values.tolist()]
    cells["reasons"] = [reason or None for reason in part.reasons]
    table.write(cells)
