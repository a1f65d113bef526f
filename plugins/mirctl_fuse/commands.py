"""Fuse any number of frozen modalities: recommend, and search by text, picture or user."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mirctl import console
from mirctl.errors import UsageError
from mirctl.options import (
    Artifact,
    Changes,
    Device,
    DryRun,
    Force,
    Jobs,
    Json,
    Precision,
    Quiet,
    Recipe,
    Require,
    Resume,
    Seed,
    Shard,
    paths,
    whole,
)
from mirctl.several import several_processes

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)

JOBS = ("fuse/train", "fuse/retrieval")
STDIN = """- reads lines {"text": "..."}, {"user": "x"}, {"history": ["a", "b"]}."""
Index = Annotated[Path, typer.Argument(metavar="INDEX", help="Made by fuse index.")]
Model = Annotated[Path | None, typer.Option("--model", help="The model, where it was moved since.")]
OutFolder = Annotated[Path | None, typer.Option("--out", "-o", help="New folder for the result.")]


@app.callback()
def fuse() -> None: ...


@several_processes
@app.command(epilog="Example: mirctl fuse train shop.yaml --out model model.fusion=momef")
def train(
    recipe: Recipe,
    changes: Changes = None,
    out: OutFolder = None,
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
    """Data to artifact: histories, or pairs; cache hidden states, train, rank everything, save."""
    from mirctl import jobs

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    options = jobs.Options(out, seed, device, precision, resume, dry_run, force)
    result = jobs.execute(recipe, changes or [], options, only=JOBS, require=gate)
    jobs.show_result(result, require=gate, json=json)


@app.command(epilog="Example: mirctl fuse encode shop.yaml --out states --shard 1/4")
def encode(
    recipe: Recipe,
    changes: Changes = None,
    out: OutFolder = None,
    shard: Shard = None,
    device: Device = None,
    precision: Precision = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Only compute and cache the hidden states; --out also writes them as an artifact."""
    from mirctl import jobs
    from mirctl.encode import stored
    from mirctl_fuse import encoding

    console.configure(quiet=quiet)
    options = jobs.Options(out, None, device, precision, force=force)
    stored.show(encoding.encode(recipe, changes or [], options, shard), json=json)


@app.command(name="eval", epilog="Example: mirctl fuse eval model --apart --missing")
def evaluate(
    artifact: Artifact,
    changes: Changes = None,
    apart: Annotated[
        bool, typer.Option("--apart", help="Also measure each modality alone.")
    ] = False,
    missing: Annotated[
        bool, typer.Option("--missing", help="Also with 25, 50, 75 % of all modalities gone.")
    ] = False,
    experts: Annotated[
        Path | None,
        typer.Option("--experts", help="New table: the weight of each expert, an item a row."),
    ] = None,
    require: Require = None,
    device: Device = None,
    precision: Precision = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a model again: also by modality, with some missing, and who decided."""
    from mirctl import jobs
    from mirctl_fuse import evaluating, listing

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    jobs.check_requirements(jobs.find("fuse/eval"), gate)
    listing.check(experts, artifact, force=force)
    options = jobs.Options(device=device, precision=precision)
    found = evaluating.evaluate(artifact, changes or [], options, apart=apart, missing=missing)
    listing.write(found, experts, force=force)
    jobs.show(found.metrics, found.report, require=gate, json=json, artifact=artifact)


@app.command(epilog="Example: mirctl fuse ablate shop.yaml --methods pairwise-iisan --out table")
def ablate(
    recipe: Recipe,
    changes: Changes = None,
    vary: Annotated[
        str | None,
        typer.Option(help="Some of modalities, without, cross, fusion; all unless told."),
    ] = None,
    methods: Annotated[
        str,
        typer.Option(
            help="Also other methods on the same encoders: pairwise-iisan, lora, adapter."
        ),
    ] = "",
    seeds: Annotated[
        int, typer.Option("--seeds", parser=whole(1, 1000), help="How often each is trained.")
    ] = 3,
    baseline_minutes: Annotated[
        float,
        typer.Option(min=0.01, max=1e6, help="lora, adapter: one seed, for so long each."),
    ] = 10.0,
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
    """What each part is worth: fewer modalities, no exchange, other fusions and methods."""
    from mirctl import jobs
    from mirctl_fuse.ablating import asking

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    options = jobs.Options(out, seed, device, precision, resume, dry_run, force)
    asked = asking.Asked(vary, methods, seeds, baseline_minutes, workers)
    asking.ablate(recipe, changes or [], asked, options, gate, json=json)


@app.command(epilog="Example: mirctl fuse index model --out index --approximate hnsw")
def index(
    artifact: Artifact,
    changes: Changes = None,
    out: OutFolder = None,
    approximate: Annotated[
        Literal["ivf", "hnsw"] | None,
        typer.Option("--approximate", help="Also a faster search that may miss some (faiss)."),
    ] = None,
    effort: Annotated[
        int | None,
        typer.Option(
            "--effort", parser=whole(1, 65_536), help="ivf: lists that are read; hnsw: efSearch."
        ),
    ] = None,
    device: Device = None,
    precision: Precision = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """The items of a model, or data.items=TABLE, as an index to search in."""
    from mirctl import jobs
    from mirctl_fuse import building

    console.configure(quiet=quiet)
    if out is None:
        raise UsageError("--out is missing: name a new folder for the index")
    options = jobs.Options(out, None, device, precision, force=force)
    made = building.build(artifact, changes or [], out, approximate, effort, options)
    if json:
        console.document(made)


@app.command(epilog='Example: mirctl fuse search index --text "a boy and his robot" --k 5')
def search(
    artifact: Index,
    stdin: Annotated[str | None, typer.Argument(metavar="-", help=STDIN)] = None,
    text: Annotated[str | None, typer.Option("--text", help="What it should say.")] = None,
    image: Annotated[
        Path | None, typer.Option("--image", help="A picture that it should look like.")
    ] = None,
    audio: Annotated[
        Path | None, typer.Option("--audio", help="A sound it should be like.")
    ] = None,
    video: Annotated[Path | None, typer.Option("--video", help="A film it should be like.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="A user of the model's data.")] = None,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="NAME=VALUE", help="A modality by its name, once or more."),
    ] = None,
    k: Annotated[int, typer.Option("--k", parser=whole(1, 10**6), help="Items a query.")] = 10,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="COLUMN=VALUE", help="Only items of this; once or more."),
    ] = None,
    apart: Annotated[
        bool,
        typer.Option("--apart", help="Rank by each modality alone, then fuse the ranks."),
    ] = False,
    approximate: Annotated[
        bool, typer.Option("--approximate", help="The faster search, where the index has one.")
    ] = False,
    model: Model = None,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """Items that suit a text, a picture, several at once, or a user: JSONL, best first."""
    from mirctl import tables
    from mirctl_fuse import asking, searching

    console.configure(quiet=quiet)
    told = {"text": text, "image": image, "audio": audio, "video": video, "user": user}
    asked = asking.queries(stdin, told, by or [])
    found = searching.Search(artifact, model, device)
    answers = searching.rows(found, asked, k, where or [], apart=apart, approximate=approximate)
    tables.write_rows("-", answers)


@app.command(epilog="Example: mirctl fuse serve index --port 0")
def serve(
    artifact: Index,
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", parser=whole(0, 65535), help="0: any that is free.")
    ] = 8080,
    model: Model = None,
    images: Annotated[
        Path | None, typer.Option("--images", help="Pictures of the items, where they were moved.")
    ] = None,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """The same over HTTP: a JSON API, and a page to search with (needs mirctl[serve])."""
    from mirctl_fuse.serving import running

    console.configure(quiet=quiet)
    running.serve(artifact, model, images, device, host, port)


@app.command(epilog="Example: mirctl fuse bench index other --require 'index.exact.p99_ms<=5'")
def bench(
    artifacts: Annotated[
        list[str],
        typer.Argument(
            metavar="ARTIFACT",
            help="Models and indexes, or folders that hold some; an index names its model.",
            autocompletion=paths,
        ),
    ],
    metric: Annotated[
        str | None, typer.Option("--metric", help="What quality is; else what the kind names.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="New folder for two tables and pareto.svg, .png."),
    ] = None,
    device: Device = None,
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """As `mirctl bench`, and how indexes are searched: recall, speed, size, latency."""
    from mirctl import jobs
    from mirctl_fuse import benching

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    benching.run(artifacts, metric, out, gate, device, force=force, json=json)
