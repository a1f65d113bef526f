"""The commands about predicted reading; `mirctl_gaze.commands` registers them."""

from pathlib import Path
from typing import Annotated

import typer

from mirctl import console
from mirctl.options import (
    Device,
    DryRun,
    Force,
    Json,
    Precision,
    Quiet,
    Require,
    Resume,
    Seed,
    whole,
)

Generator = Annotated[
    str,
    typer.Argument(
        metavar="GENERATOR",
        help="formula[:LANGUAGE], surprisal:MODEL, et1:WEIGHTS, et2:WEIGHTS, or an artifact of "
        "fit-reading, also org/name@revision.",
    ),
]

Measures = Annotated[
    str | None, typer.Option("--measures", help="Some of them only, as in TRT,FFD.")
]
Column = Annotated[str, typer.Option("--column", help="Column that holds the texts.")]
Prefix = Annotated[str, typer.Option("--prefix", help="Put before the names of the new columns.")]
OutTable = Annotated[
    str, typer.Option("--out", "-o", help="File, its kind by its suffix; - is stdout, as came in.")
]


def fit_reading(
    train: Annotated[
        str, typer.Argument(metavar="TRAIN", help="Table of trial, word, text and measures.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECIPE|KEY=VALUE", help="Settings, as in train.epochs=30."),
    ] = None,
    valid: Annotated[
        str | None, typer.Option("--valid", help="Another such table, to measure on.")
    ] = None,
    measures: Annotated[
        str | None, typer.Option("--measures", help="Columns to learn, as in TRT,FFD.")
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(
            "--arch",
            metavar="lexical|et1|et2",
            help="Network; model.base=NAME is what et1, et2 start from.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="New folder for the generator.")
    ] = None,
    seed: Seed = None,
    device: Device = None,
    precision: Precision = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn how words are read: a generator of reading measures for `predict`."""
    from mirctl import jobs
    from mirctl_gaze.reading import asking

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    recipe, changes = asking.job(train, settings or [], valid, measures, arch)
    options = jobs.Options(out, seed, device, precision, resume, dry_run, force)
    result = jobs.execute(recipe, changes, options, only="gaze/fit-reading", require=gate)
    jobs.show_result(result, require=gate, json=json)


def predict(
    generator: Generator,
    texts: Annotated[
        str, typer.Argument(metavar="TEXTS", help="Table with a text, or a word, a row; - stdin.")
    ],
    measures: Measures = None,
    column: Column = "text",
    prefix: Prefix = "",
    out: OutTable = "-",
    device: Device = None,
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Predict how each word is read: nFix, FFD, GPT, TRT, ...; a row a word."""
    from mirctl_gaze.asking import Wanted
    from mirctl_gaze.reading import asking

    console.configure(quiet=quiet)
    wanted = Wanted("predict", out, None, force, json, require or ())
    asking.predict(
        generator, texts, wanted, device, measures=measures, column=column, prefix=prefix
    )


def augment(
    texts: Annotated[
        str, typer.Argument(metavar="TEXTS", help="Table with a text a row; - is stdin.")
    ],
    generator: Annotated[
        str, typer.Option("--with", help="formula[:LANGUAGE], or an artifact of fit-reading.")
    ],
    measures: Measures = None,
    column: Column = "text",
    prefix: Prefix = "",
    mean: Annotated[
        bool, typer.Option("--mean", help="A number a text, not a list with one for each word.")
    ] = False,
    task: Annotated[
        str | None,
        typer.Option(
            "--task", metavar="LABEL", help="Write no columns; tell if they help to learn this one."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", parser=whole(0, 2**31 - 1), help="Of --task: folds, shuffling.")
    ] = 0,
    out: OutTable = "-",
    device: Device = None,
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Texts with columns of predicted reading, for any trainer; --task tells if they help."""
    from mirctl_gaze.asking import Wanted, names
    from mirctl_gaze.reading import asking
    from mirctl_gaze.reading.augmenting import Wish

    console.configure(quiet=quiet)
    wanted = Wanted("augment", out, None, force, json, require or ())
    wish = Wish(names(measures), column, prefix, mean)
    asking.augment(texts, generator, wanted, device, wish, seed, task)
