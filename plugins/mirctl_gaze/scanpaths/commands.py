"""The commands `compare` and `plot`, which `mirctl_gaze.commands` takes in."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mirctl import console
from mirctl.options import Force, Json, Quiet, Require

Size = Annotated[
    str | None, typer.Option("--screen", help="WIDTHxHEIGHT in pixels, as in 1280x720.")
]


class Kind(StrEnum):
    """What a plot shows."""

    path = "path"
    map = "map"
    words = "words"


def compare(
    a: Annotated[
        str | None,
        typer.Argument(
            metavar="A", help="Table of fixations: x, y, duration, reader, trial; - is stdin."
        ),
    ] = None,
    b: Annotated[
        str | None,
        typer.Argument(
            metavar="B", help="Another; without it the readers of each trial in A are compared."
        ),
    ] = None,
    matrix: Annotated[
        Path | None,
        typer.Option("--matrix", help="Compare every two scanpaths of a folder, or of a table."),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            help="a,b of: multimatch, dtw, scanmatch, levenshtein, eyenalysis, recurrence, tde, "
            "ss; all if not given."
        ),
    ] = None,
    screen: Size = None,
    simplify: Annotated[
        str | None,
        typer.Option(
            help="multimatch: DEGREES,PIXELS,MS: join saccades that turn or go less, across "
            "shorter fixations; as in 45,150,50."
        ),
    ] = None,
    grid: Annotated[
        str, typer.Option(help="scanmatch, levenshtein, ss: COLUMNSxROWS of the screen.")
    ] = "12x8",
    letters: Annotated[
        str | None,
        typer.Option(help="A column of areas, as `word`, instead of the grid's cells."),
    ] = None,
    stretch: Annotated[
        float,
        typer.Option(
            "--bin", min=0, help="scanmatch, levenshtein: ms a letter; 0: one a fixation."
        ),
    ] = 50.0,
    radius: Annotated[
        float | None,
        typer.Option(
            min=0, help="recurrence: pixels within which fixations recur; else 5 % of the diagonal."
        ),
    ] = None,
    compat: Annotated[
        bool,
        typer.Option(
            "--compat", help="recurrence: by the published formula, which is of one path."
        ),
    ] = False,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            help="File, its kind by its suffix; - is stdout, as what came in, unless --json.",
        ),
    ] = None,
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare scanpaths by eight families of measures: a row a pair."""
    from mirctl import jobs
    from mirctl_gaze.scanpaths import asking, running

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    asking.refuse_places(out, force=force, json=json)
    asked = asking.asked(
        a, b, matrix, out or (None if json else "-"), metrics=metrics, screen=screen,
        simplify=simplify, grid=grid, letters=letters, stretch=stretch, radius=radius,
        compat=compat,
    )  # fmt: skip
    running.compare(asked, gate, json=json)


def plot(
    table: Annotated[
        str,
        typer.Argument(
            metavar="FIXATIONS|MEASURES", help="Table of fixations; of words' measures for words."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture: .png or .svg.")],
    kind: Annotated[
        Kind,
        typer.Option(
            help="path: numbered fixations of one reader; map: where all looked; words: a "
            "measure of each word."
        ),
    ] = Kind.path,
    trial: Annotated[
        str | None, typer.Option(help="Which trial, where the table has several.")
    ] = None,
    reader: Annotated[
        str | None, typer.Option(help="Which reader; of map and words all together if not given.")
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(
            help="What was looked at: drawn below, as large as the screen.", readable=False
        ),
    ] = None,
    words: Annotated[
        str | None, typer.Option(help="What was read: table of word, text, x0, y0, x1, y1.")
    ] = None,
    screen: Size = None,
    sigma: Annotated[
        float | None,
        typer.Option(min=0.1, help="map: blur in pixels; else a 40th of the screen's diagonal."),
    ] = None,
    value: Annotated[str, typer.Option(help="words: the column that gives the colour.")] = "TRT",
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw a scanpath, a fixation map, or a text in the colours of a measure."""
    from mirctl_gaze.plots import asked
    from mirctl_gaze.scanpaths import asking
    from mirctl_gaze.schema import Screen

    console.configure(quiet=quiet)
    asking.refuse_endless("--sigma", sigma, "pixels")
    size = Screen.parse(screen)
    wanted = asked.Asked(table, out, trial, reader, words, image, size, sigma, value)
    drawn = asked.plot(wanted, kind.value, force=force)
    if json:
        console.document({"picture": str(out), **drawn})
