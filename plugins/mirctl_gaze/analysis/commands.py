"""The command `analyse`, which `mirctl_gaze.commands` takes in."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mirctl import console
from mirctl.options import Force, Json, Quiet, Require, whole


class Correction(StrEnum):
    """Of p values, over the measures."""

    holm = "holm"
    bh = "bh"
    none = "none"


def analyse(
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="TABLE",
            help="Measures of both kinds: trials T.1 are chosen, T.2, T.3, ... rejected; - stdin.",
        ),
    ] = None,
    chosen: Annotated[
        str | None, typer.Option("--chosen", help="Measures of the chosen texts; - is stdin.")
    ] = None,
    rejected: Annotated[
        str | None, typer.Option("--rejected", help="Measures of the rejected texts.")
    ] = None,
    synthetic: Annotated[
        list[str] | None,
        typer.Option(
            "--synthetic",
            help="Predicted measures of the same trials; twice: of the chosen, of the rejected.",
        ),
    ] = None,
    measures: Annotated[
        str | None, typer.Option(help="a,b: columns; if not given, all known ones: TRT, FFD, ...")
    ] = None,
    correction: Annotated[
        Correction, typer.Option(help="Of p over the measures: Holm, Benjamini-Hochberg, none.")
    ] = Correction.holm,
    seed: Annotated[
        int, typer.Option("--seed", parser=whole(0, 2**62), help="Seed of the bootstrap.")
    ] = 0,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            help="File, its kind by its suffix; - is stdout, as what came in, unless --json.",
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Also draw the differences: .png or .svg.")
    ] = None,
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Are chosen texts read differently than rejected ones? Paired tests of each measure."""
    from mirctl import jobs
    from mirctl_gaze.analysis import asking, running
    from mirctl_gaze.plots import canvas
    from mirctl_gaze.scanpaths.asking import refuse_places

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    jobs.check_requirements(jobs.find("gaze/analyse"), gate)
    refuse_places(out, force=force, json=json)
    if plot is not None:
        canvas.check(plot, force=force)
    asked = asking.asked(
        table, chosen, rejected, synthetic or [], out or (None if json else "-"),
        measures=measures, correction=correction.value, seed=seed, picture=plot,
    )  # fmt: skip
    running.analyse(asked, gate, json=json)
