"""Train, measure and use reward models, with or without how people read."""

from pathlib import Path
from typing import Annotated

import typer

from mirctl import console
from mirctl.options import (
    Artifact,
    Changes,
    Device,
    DryRun,
    Force,
    Jobs,
    Json,
    Out,
    Precision,
    Quiet,
    Recipe,
    Require,
    Resume,
    Seed,
    whole,
)
from mirctl.several import several_processes

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)

OutTable = Annotated[
    str, typer.Option("--out", "-o", help="File, its kind by its suffix; - is stdout, as came in.")
]


@app.callback()
def align() -> None: ...


@several_processes
@app.command(epilog="Example: mirctl align train align/pairs data.train=pairs.jsonl --out model")
def train(
    recipe: Recipe,
    changes: Changes = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="New folder for the model.")
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
    """Learn from pairs which of two texts people like more: a reward model."""
    from mirctl import jobs

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    options = jobs.Options(out, seed, device, precision, resume, dry_run, force)
    result = jobs.execute(recipe, changes or [], options, only="align/train", require=gate)
    jobs.show_result(result, require=gate, json=json)


@app.command("eval", epilog="Example: mirctl align eval model test.jsonl --by subset,length")
def evaluate(
    artifact: Artifact,
    pairs: Annotated[str, typer.Argument(metavar="PAIRS", help="Table of pairs; - is stdin.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="How pairs are read, as in layout=helpsteer."),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="subset,length", help="Also apart by these.")
    ] = None,
    require: Require = None,
    device: Device = None,
    precision: Precision = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a reward model on pairs: accuracy, calibration, by group and by length."""
    from mirctl_align import asking

    console.configure(quiet=quiet)
    asking.evaluate(artifact, pairs, settings or [], by, require, device, precision, json=json)


@app.command(epilog="Example: mirctl align score model answers.jsonl > rewards.jsonl")
def score(
    artifact: Artifact,
    texts: Annotated[
        str,
        typer.Argument(
            metavar="TEXTS",
            help="Table whose rows have text, or prompt and response, or messages; - is stdin.",
        ),
    ],
    column: Annotated[str, typer.Option("--column", help="Where the rewards go.")] = "reward",
    out: OutTable = "-",
    device: Device = None,
    precision: Precision = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give each row its reward; rows come out as they came in."""
    from mirctl_align import asking

    console.configure(quiet=quiet)
    asking.score(artifact, texts, column, out, device, precision, force=force, json=json)


@app.command(
    epilog="Example: mirctl align ablate align/pairs data.train=pairs.jsonl --folds 5 --out table"
)
def ablate(
    recipe: Recipe,
    changes: Changes = None,
    inject: Annotated[
        str,
        typer.Option(
            "--inject",
            help="Some of concat, add, attn-bias, aux-loss, token-weight, as in add,concat; the "
            "text alone is always there.",
        ),
    ] = "concat,add",
    generators: Annotated[
        str, typer.Option("--generators", help="What measures words: formula, artifacts, data.")
    ] = "formula",
    models: Annotated[
        str | None, typer.Option("--models", help="A,B,C; unless told the recipe's.")
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", parser=whole(1, 1000), help="How often each is trained.")
    ] = 3,
    folds: Annotated[
        int,
        typer.Option(
            "--folds", parser=whole(0, 1000), help="Measure on all pairs, in so many parts."
        ),
    ] = 0,
    shares: Annotated[
        str, typer.Option("--shares", help="Per cents of the pairs to learn from, too.")
    ] = "100",
    workers: Jobs = 1,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="New folder for all models and tables.")
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
    """Did gaze help? Each way to use it beside the text alone and shuffled gaze."""
    from mirctl import jobs
    from mirctl_align.ablating import asking

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    options = jobs.Options(out, seed, device, precision, resume, dry_run, force)
    asked = asking.Asked(inject, generators, models, seeds, folds, shares, workers)
    asking.ablate(recipe, changes or [], asked, options, gate, json=json)


@app.command(epilog="Example: mirctl align export model --out folder")
def export(
    artifact: Artifact,
    out: Out,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a folder that transformers, TRL and OpenRLHF load as a reward model."""
    from mirctl_align import exporting

    console.configure(quiet=quiet)
    written = exporting.export(artifact, out, force=force)
    console.say(f"{out}: a {written['class']}")
    if json:
        console.document(written)


@app.command(epilog="Example: mirctl align check Skywork/Skywork-Reward-V2-Qwen3-0.6B")
def check(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A reward model: an artifact, a folder, or a name on the hub."
        ),
    ],
    texts: Annotated[
        str | None, typer.Option("--texts", help="Table of texts to try, instead of made ones.")
    ] = None,
    device: Device = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Does a text's reward depend on padding, on its batch, on merging? Exit 1 if so."""
    from mirctl_align import asking

    console.configure(quiet=quiet)
    asking.check(model, texts, device, json=json)
