"""From gaze samples to fixations, words, reading measures and scanpaths."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mirctl import console
from mirctl.options import Force, Json, Quiet, Require
from mirctl_gaze.analysis import commands as analysis
from mirctl_gaze.attention import commands as attention
from mirctl_gaze.reading import commands as reading
from mirctl_gaze.scanpaths import commands as scanpaths

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)

OutTable = Annotated[
    str,
    typer.Option("--out", "-o", help="File, its kind by its suffix; - is stdout, as what came in."),
]
Size = Annotated[
    str | None, typer.Option("--screen", help="WIDTHxHEIGHT in pixels; what is off it is lost.")
]


Fixations = Annotated[
    str, typer.Argument(metavar="FIXATIONS", help="Table of reader, trial, x, y, ...; - is stdin.")
]
Words = Annotated[
    str, typer.Option("--words", help="Table of trial, word, text and boxes: x0, y0, x1, y1.")
]


class By(StrEnum):
    """What a fixation goes to first."""

    lines = "lines"
    box = "box"


class From(StrEnum):
    """Whose files are imported."""

    eyelink = "eyelink"
    provo = "provo"
    geco = "geco"
    cmcl = "cmcl"
    oasst_etc = "oasst-etc"
    multimatch = "multimatch"
    generic = "generic"


class Kind(StrEnum):
    """Formats of tables."""

    csv = "csv"
    tsv = "tsv"
    jsonl = "jsonl"
    parquet = "parquet"


class Method(StrEnum):
    """How fixations are told from saccades."""

    ivt = "ivt"
    idt = "idt"


@app.callback()
def gaze() -> None: ...


@app.command("import", epilog="Example: mirctl gaze import --from eyelink report.txt --out reading")
def import_files(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="What it wrote; - stdin.")],
    layout: Annotated[From, typer.Option("--from", help="The tool, or the corpus.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="New folder for words, fixations, measures.")
    ],
    column: Annotated[
        list[str] | None, typer.Option(help="OURS=THEIRS where a column has another name.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="As in macroman; unless told, found out.")
    ] = None,
    seconds: Annotated[
        bool, typer.Option("--seconds", help="generic: times are seconds, not ms.")
    ] = False,
    screen: Annotated[
        str | None, typer.Option(help="generic: positions are shares, 0 to 1, of WIDTHxHEIGHT.")
    ] = None,
    kind: Annotated[Kind, typer.Option("--as", help="Format of the tables.")] = Kind.csv,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Bring files of trackers and corpora into one schema: names, milliseconds, pixels."""
    from mirctl_gaze import asking

    console.configure(quiet=quiet)
    asking.import_files(
        layout.value, files, out, columns=column or [], encoding=encoding, seconds=seconds,
        screen=screen, kind=kind.value, force=force, json=json,
    )  # fmt: skip


@app.command(epilog="Example: mirctl gaze detect samples.csv --ppd 30 > fixations.csv")
def detect(
    samples: Annotated[
        str, typer.Argument(metavar="SAMPLES", help="Table of reader, trial, time, x, y; - stdin.")
    ],
    ppd: Annotated[
        float, typer.Option(help="Pixels of one degree of visual angle; 1 if x, y are degrees.")
    ],
    method: Annotated[
        Method, typer.Option(help="ivt: slow samples; idt: samples close together.")
    ] = Method.ivt,
    hz: Annotated[
        float | None, typer.Option(help="Samples a second; else the usual step of `time`.")
    ] = None,
    speed: Annotated[float, typer.Option(help="ivt: a fixation is slower, degrees/s.")] = 30.0,
    window: Annotated[float, typer.Option(help="Speed is the slope over so many ms.")] = 10.0,
    merge_gap: Annotated[
        float, typer.Option(help="ivt: longest gap inside one fixation, ms.")
    ] = 75.0,
    merge_angle: Annotated[float, typer.Option(help="ivt: widest such gap, degrees.")] = 0.5,
    dispersion: Annotated[float, typer.Option(help="idt: width plus height, degrees.")] = 1.0,
    min_duration: Annotated[
        float | None, typer.Option(help="Shortest fixation, ms; unless told 60, for idt 100.")
    ] = None,
    saccades: Annotated[
        str | None, typer.Option("--saccades", help="Also write the saccades, to this file.")
    ] = None,
    screen: Size = None,
    out: OutTable = "-",
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find fixations, and saccades, in raw samples; blinks and missing samples end both."""
    from mirctl_gaze import asking

    console.configure(quiet=quiet)
    asked = asking.detection(
        method=method.value, ppd=ppd, hz=hz, speed=speed, window=window, merge_gap=merge_gap,
        merge_angle=merge_angle, dispersion=dispersion, min_duration=min_duration,
    )  # fmt: skip
    wanted = asking.Wanted("detect", out, saccades, force, json, require or ())
    asking.detect(samples, asked, screen, wanted)


@app.command(epilog="Example: mirctl gaze assign fixations.csv --words words.csv > assigned.csv")
def assign(
    fixations: Fixations,
    words: Words,
    by: Annotated[
        By, typer.Option(help="lines: a line, as gaze drifts, then its word; box: the nearest.")
    ] = By.lines,
    max_distance: Annotated[
        float | None,
        typer.Option(min=0, help="Pixels from a word; unless told, from a line to the next."),
    ] = None,
    out: OutTable = "-",
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give each fixation its word: columns line, word and distance, empty where there is none."""
    from mirctl_gaze import asking

    console.configure(quiet=quiet)
    wanted = asking.Wanted("assign", out, None, force, json, require or ())
    asking.assign(fixations, words, wanted, by_lines=by is By.lines, most=max_distance)


@app.command(epilog="Example: mirctl gaze measures assigned.csv --words words.csv > measures.csv")
def measures(
    fixations: Fixations,
    words: Words,
    mean: Annotated[
        bool, typer.Option("--mean", help="The mean over readers, not a row for each.")
    ] = False,
    out: OutTable = "-",
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Reading measures of each word and reader: nFix, FFD, GD, GPT, TRT, skips, regressions."""
    from mirctl_gaze import asking

    console.configure(quiet=quiet)
    wanted = asking.Wanted("measures", out, None, force, json, require or ())
    asking.measures(fixations, words, wanted, mean=mean)


@app.command(epilog="Example: mirctl gaze aoi fixations.csv --areas areas.csv > dwell.csv")
def aoi(
    fixations: Fixations,
    areas: Annotated[
        str, typer.Option("--areas", help="Table of trial, area and boxes: x0, y0, x1, y1.")
    ],
    transitions: Annotated[
        str | None, typer.Option("--transitions", help="Also write which area follows which.")
    ] = None,
    out: OutTable = "-",
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Areas of interest: dwell, entries, time to the first fixation, transitions."""
    from mirctl_gaze import asking

    console.configure(quiet=quiet)
    wanted = asking.Wanted("aoi", out, transitions, force, json, require or ())
    asking.aoi(fixations, areas, wanted)


app.command(epilog="Example: mirctl gaze compare mine.csv theirs.csv --screen 1280x720")(
    scanpaths.compare
)
app.command(epilog="Example: mirctl gaze plot fixations.csv --image page.png --out path.png")(
    scanpaths.plot
)
app.command(epilog="Example: mirctl gaze fit-reading train.csv --valid valid.csv --out reader")(
    reading.fit_reading
)
app.command(epilog="Example: mirctl gaze predict formula texts.jsonl > words.jsonl")(
    reading.predict
)
app.command(epilog="Example: mirctl gaze augment reviews.csv --with formula > reviews_gaze.csv")(
    reading.augment
)
app.command(epilog="Example: mirctl gaze analyse --chosen chosen.csv --rejected rejected.csv")(
    analysis.analyse
)
app.command(epilog="Example: mirctl gaze correlate --gaze measures.csv --model minilm > rho.csv")(
    attention.correlate
)
