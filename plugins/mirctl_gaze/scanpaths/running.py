"""`mirctl gaze compare`: tables in, a table of pairs out."""

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mirctl import console, jobs
from mirctl.console import counted
from mirctl.errors import UsageError, suggest
from mirctl.tables import new_table
from mirctl.tables.stream import NewTable
from mirctl_gaze import output
from mirctl_gaze.scanpaths import pairing
from mirctl_gaze.scanpaths.comparing import Compared, Comparison, warm_up
from mirctl_gaze.scanpaths.compiling import COMPILED
from mirctl_gaze.scanpaths.metrics import METRICS
from mirctl_gaze.scanpaths.pairing import Pairs
from mirctl_gaze.scanpaths.paths import Settings
from mirctl_gaze.scanpaths.reading import Reader, tell_off_screen
from mirctl_gaze.scanpaths.simplifying import Simplification
from mirctl_gaze.scanpaths.summary import Summary
from mirctl_gaze.schema import Screen

KEYS = ("reader_a", "trial_a", "reader_b", "trial_b")
COUNTS = ("fixations_a", "fixations_b")


@dataclass(frozen=True)
class Asked:
    """What is compared, by what, and where the rows go."""

    a: str | None
    b: str | None
    matrix: Path | None
    metrics: list[str]
    settings: Settings
    letters: str | None
    out: str | None
    """- is stdout, None nowhere."""


def asked(
    a: str | None, b: str | None, matrix: Path | None, out: str | None, *, metrics: str | None,
    screen: str | None, simplify: str | None, grid: str, letters: str | None, stretch: float,
    radius: float | None, compat: bool,
) -> Asked:  # fmt: skip
    """What options or a recipe say, checked before anything is read."""
    pairing.refuse_unclear(a, b, matrix)
    refuse_endless("--bin", stretch, "ms")
    refuse_endless("--radius", radius, "pixels")
    names, size = listed(metrics), Screen.parse(screen)
    settings = Settings(
        screen=size and (size.width, size.height), simpler=simplification(simplify),
        grid=cells(grid), areas=letters is not None, stretch=stretch, radius=radius, compat=compat,
    )  # fmt: skip
    refuse_no_screen(names, settings)
    return Asked(a, b, matrix, names, settings, letters, out)


def refuse_places(out: str | None, *, force: bool, json: bool) -> None:
    """Raise a UsageError where the rows cannot go to."""
    if json and out == "-":
        raise UsageError("--json prints its document where the rows go: name a file with --out")
    output.refuse_to_overwrite(out, force=force)


def listed(text: str | None) -> list[str]:
    """The measures of `a,b,c`; all where nothing is said."""
    names = list(METRICS) if text is None else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in METRICS:
            known = f"the measures are {', '.join(METRICS)}"
            raise UsageError(f"--metrics: there is no {name!r}{suggest(name, METRICS, known)}")
    if len(set(names)) < len(names):
        raise UsageError(f"--metrics {text}: one is named twice")
    return names


def simplification(text: str | None) -> Simplification | None:
    """`45,150,50`: degrees, pixels, ms."""
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not all(0 <= number < 1e9 for number in numbers):
        raise UsageError(f"--simplify {text!r}: write DEGREES,PIXELS,MS, as in 45,150,50")
    return Simplification(*numbers)


def cells(text: str) -> tuple[int, int]:
    """`12x8`: columns and rows."""
    found = re.fullmatch(r"([1-9]\d{0,3})[xX]([1-9]\d{0,3})", text, re.ASCII)
    if not found:
        raise UsageError(f"--grid {text!r}: write COLUMNSxROWS, as in 12x8")
    return int(found[1]), int(found[2])


def refuse_endless(option: str, value: float | None, unit: str) -> None:
    """Raise a UsageError where a number is infinite."""
    if value is not None and not np.isfinite(value):
        raise UsageError(f"{option} {value}: is no number of {unit}")


def refuse_no_screen(metrics: Iterable[str], settings: Settings) -> None:
    """Raise a UsageError where a measure needs to know the screen."""
    wanting = [name for name in metrics if METRICS[name].needs_screen(settings)]
    if wanting and settings.screen is None:
        raise UsageError(
            f"--screen WIDTHxHEIGHT is missing, which {', '.join(wanting)} needs: "
            "give it, as in 1280x720, or other --metrics"
        )


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
