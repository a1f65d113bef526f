"""What a command line or a recipe asks of `gaze compare`, checked before anything is read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirctl.errors import UsageError, suggest
from mirctl_gaze import output
from mirctl_gaze.scanpaths import pairing
from mirctl_gaze.scanpaths.metrics import METRICS
from mirctl_gaze.scanpaths.paths import Settings
from mirctl_gaze.scanpaths.simplifying import Simplification
from mirctl_gaze.schema import Screen


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
