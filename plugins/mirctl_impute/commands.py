"""Fill, generate and condition mixed tables with one diffusion model."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mirctl import console
from mirctl.options import (
    Artifact,
    Device,
    DryRun,
    Force,
    Json,
    Precision,
    Quiet,
    Require,
    Resume,
    Seed,
    Shard,
    whole,
)
from mirctl.several import several_processes

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)

OutFolder = Annotated[Path | None, typer.Option("--out", "-o", help="New folder for the model.")]
OutTable = Annotated[
    str,
    typer.Option("--out", "-o", help="File, its kind by its suffix; - is stdout, as what came in."),
]
Names = Annotated[
    str | None, typer.Option("--names", help="Columns of a table without a header: a,b,c.")
]
Missing = Annotated[
    list[str] | None,
    typer.Option("--missing", help="A text that says a cell is missing, instead of ?, NA, ..."),
]
SchemaFile = Annotated[
    Path | None, typer.Option("--schema", help="Kinds of columns, from `mirctl impute schema`.")
]
Settings = Annotated[
    list[str] | None,
    typer.Argument(metavar="RECIPE|KEY=VALUE", help="Settings, as in train.epochs=40."),
]
Steps = Annotated[int, typer.Option("--steps", min=1, max=1000, help="Calls of the network.")]
DrawSeed = Annotated[int, typer.Option("--seed", parser=whole(0, 2**62), help="Seed of the draws.")]


class Mechanism(StrEnum):
    """Why cells are missing."""

    mcar = "mcar"
    mar = "mar"
    mnar = "mnar"


class Task(StrEnum):
    """What methods are compared at."""

    fill = "fill"
    generate = "generate"


@app.callback()
def impute() -> None: ...


@several_processes
@app.command(epilog="Example: mirctl impute fit sales.csv --out model train.epochs=40")
def fit(
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="CSV, TSV, JSONL or Parquet, holes and all.")
    ],
    settings: Settings = None,
    out: OutFolder = None,
    names: Names = None,
    missing: Missing = None,
    schema: SchemaFile = None,
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
    """Learn a table, which may itself have holes."""
    from mirctl import jobs
    from mirctl_impute import asking

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    recipe, changes = asking.job(table, settings or [], names, missing, schema)
    options = jobs.Options(out, seed, device, precision, resume, dry_run, force)
    result = jobs.execute(recipe, changes, options, only="impute/fit", require=gate)
    jobs.show_result(result, require=gate, json=json)


@app.command(epilog="Example: cat holes.csv | mirctl impute fill model - > full.csv")
def fill(
    model: Annotated[
        str,
        typer.Argument(
            metavar="ARTIFACT|TABLE",
            help="A learned table, also org/name@revision on the hub; with --fit the table itself.",
        ),
    ],
    rest: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TABLE|-", help="The table with holes; with --fit settings, as of fit."
        ),
    ] = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Learn the table first; no model stays.")
    ] = False,
    draws: Annotated[
        int,
        typer.Option(
            "-m",
            "--draws",
            min=1,
            max=10_000,
            help="Copies of each row, each filled anew; a column `draw` counts them.",
        ),
    ] = 1,
    point: Annotated[
        bool,
        typer.Option("--point", help="Fill in the mean, or the most likely category; no draw."),
    ] = False,
    uncertainty: Annotated[
        bool,
        typer.Option(
            "--uncertainty",
            help="Add columns: standard deviation or entropy of each filled cell (20 draws).",
        ),
    ] = False,
    mark: Annotated[
        bool, typer.Option("--mark", help="Add a column `filled`: names of the filled cells.")
    ] = False,
    out: OutTable = "-",
    names: Names = None,
    missing: Missing = None,
    schema: SchemaFile = None,
    steps: Steps = 20,
    seed: DrawSeed = 0,
    shard: Shard = None,
    device: Device = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Fill the holes of a table; every other cell comes out as it was."""
    from mirctl_impute import asking, filling

    console.configure(quiet=quiet)
    ways = filling.Ways(draws, point, steps, seed, mark, uncertainty)
    told = asking.fill(
        model, rest or [], out, ways, fit=fit, names=names, missing=missing, schema_file=schema,
        device=device, force=force, shard=shard,
    )  # fmt: skip
    filling.tell(told)


@app.command(epilog="Example: mirctl impute sample model -n 1000 --given 'income=>50K,age=30..40'")
def sample(
    model: Artifact,
    count: Annotated[int, typer.Option("-n", parser=whole(0, 10**12), help="Rows to make.")] = 1000,
    given: Annotated[
        list[str] | None,
        typer.Option("--given", help="COLUMN=VALUE or COLUMN=LOW..HIGH; commas between several."),
    ] = None,
    guidance: Annotated[
        float,
        typer.Option(min=0, max=100, help="Follow what is given more strongly than the data do."),
    ] = 0.0,
    out: OutTable = "-",
    steps: Steps = 20,
    seed: DrawSeed = 0,
    shard: Shard = None,
    device: Device = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Make rows like those of the table, or rows with some columns given."""
    from mirctl import shards
    from mirctl_impute import asking, sampling

    console.configure(quiet=quiet)
    part = shards.Shard.parse(shard)
    asking.refuse_to_overwrite(out, force=force)
    imputer = asking.open_model(model, device)
    wanted = sampling.parse(imputer, given or [])
    moved = sampling.sample(
        imputer, count, out, wanted, seed=seed, steps=steps, guidance=guidance,
        shard=part,
    )  # fmt: skip
    sampling.tell(imputer, moved)


@app.command(epilog="Example: mirctl impute mask full.csv --level 0.3 --mechanism mar > holes.csv")
def mask(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table, or - for stdin.")],
    level: Annotated[
        float, typer.Option(min=0, max=1, help="Share to hide of a column that is hit.")
    ] = 0.3,
    mechanism: Annotated[
        Mechanism,
        typer.Option(
            help="mcar: at random; mar: by the 30 % of the columns that stay whole; mnar: by "
            "the value itself."
        ),
    ] = Mechanism.mcar,
    keep: Annotated[
        list[str] | None, typer.Option("--keep", help="A column that stays whole.")
    ] = None,
    write: Annotated[str, typer.Option("--as", help="What a hole is written as.")] = "",
    out: OutTable = "-",
    names: Names = None,
    missing: Missing = None,
    schema: SchemaFile = None,
    seed: DrawSeed = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Make holes in a table: a test case."""
    from mirctl_impute import asking, masking

    console.configure(quiet=quiet)
    asking.refuse_to_overwrite(out, force=force)
    stream, said = asking.table(table, names, missing, schema)
    holes = masking.Holes(level, mechanism.value, seed, tuple(keep or ()), write)
    cells, made = masking.mask(stream, out, holes, said)
    console.say(f"{made:,} of {cells:,} cells are now missing")


@app.command(epilog="Example: mirctl impute evaluate train.csv made.csv --holdout test.csv")
def evaluate(
    real: Annotated[
        str, typer.Argument(metavar="REAL", help="The table that was learned from, as it truly is.")
    ],
    table: Annotated[
        str,
        typer.Argument(metavar="TABLE", help="The made or filled table, of -m too; - is stdin."),
    ],
    holdout: Annotated[
        str | None, typer.Option("--holdout", help="Real rows that were never learned from.")
    ] = None,
    holes: Annotated[
        str | None, typer.Option("--holes", help="A filled table as it was before the filling.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", help="The column that models are to tell; the last if not given."),
    ] = None,
    criteria: Annotated[
        str | None,
        typer.Option(
            "--criteria",
            help="a,b of: filled, ml, similarity, privacy; all that apply if not given.",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Also write a page with plots: report.html.")
    ] = None,
    names: Names = None,
    missing: Missing = None,
    schema: SchemaFile = None,
    seed: DrawSeed = 0,
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure how good a made or filled table is: use, likeness, privacy."""
    from mirctl import jobs
    from mirctl_impute import asking
    from mirctl_impute.criteria import asked

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    files = asked.Files(real, table, holdout, holes, report)
    wanted = asked.Wanted(target, asked.listed(criteria), seed, force)
    columns = asking.column_names(names)
    found = asked.evaluate(files, wanted, columns, missing, schema, gate)
    jobs.show(found.metrics, found.text, require=gate, json=json, **found.facts)


@app.command(epilog="Example: mirctl impute compare full.csv --methods mtabgen,mean,missforest")
def compare(
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="A table; its known cells are the truth.")
    ],
    settings: Settings = None,
    task: Annotated[
        Task, typer.Option(help="fill: holes are made and filled; generate: rows are made.")
    ] = Task.fill,
    methods: Annotated[
        str | None,
        typer.Option(
            help="a,b,c of, for fill: mtabgen, mean, knn, mice, missforest, miceforest, "
            "hyperimpute; for generate: mtabgen, tabddpm, smote, shuffle, copy, ctgan, tvae. "
            "Unless told, the first five."
        ),
    ] = None,
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Also mtabgen without each of its three ideas.")
    ] = False,
    levels: Annotated[
        str | None, typer.Option(help="Shares of the cells to hide: 0.1,0.3,0.5. Default 0.3.")
    ] = None,
    mechanism: Annotated[
        str | None, typer.Option(help="Of mcar,mar,mnar, as in `impute mask`. Default mcar.")
    ] = None,
    draws: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Draws of a method that draws. Default 5.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="generate: column to predict. Default the last one.")
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(
            min=0.05,
            max=0.95,
            help="generate: share of the rows that is learned; the rest judges. Default 0.8.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="How often all is done.")] = 3,
    plot: Annotated[
        Path | None, typer.Option(help="fill: a picture of it all, .svg or .png.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to keep each result in as it comes, .jsonl."),
    ] = None,
    names: Names = None,
    missing: Missing = None,
    schema: SchemaFile = None,
    device: Device = None,
    resume: Resume = False,
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure methods that fill tables, or make them, beside each other on one table."""
    from mirctl import jobs
    from mirctl_impute.comparing import plan, result

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    asked = plan.make(
        table, settings or [], task=task.value, methods=methods, ablate=ablate, levels=levels,
        mechanism=mechanism, draws=draws, target=target, seeds=seeds, names=names, missing=missing,
        schema_file=schema, device=device, share=share,
    )  # fmt: skip
    found = result.compare(asked, gate, plot, out, resume=resume, force=force)
    jobs.show(found.metrics, found.report, require=gate, json=json, **found.facts)


@app.command(epilog="Example: mirctl impute schema sales.csv > schema.yaml")
def schema(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table, or - for stdin.")],
    names: Names = None,
    missing: Missing = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what each column is taken for, as a file to correct and give to --schema."""
    from mirctl_impute import asking, profile
    from mirctl_impute import schema as schemas

    console.configure(quiet=quiet)
    stream, said = asking.table(table, names, missing, None)
    looked = profile.look(stream, said)
    found = said.model_copy(update={"columns": looked.columns()})
    if json:
        console.document(found.model_dump(mode="json"))
    else:
        console.emit(schemas.dump(found).rstrip())
