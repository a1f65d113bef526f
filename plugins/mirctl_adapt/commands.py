"""Adapt frozen text and image encoders to a catalogue with side networks on cached states."""

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
    Precision,
    Quiet,
    Recipe,
    Require,
    Resume,
    Seed,
    Shard,
    whole,
)
from mirctl.several import several_processes

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)

STDIN = """- reads lines {"user_id": "x", "history": ["a", "b"]} or ["a", "b"], oldest first."""
OutFolder = Annotated[Path | None, typer.Option("--out", "-o", help="New folder for the result.")]


@app.callback()
def adapt() -> None: ...


@several_processes
@app.command(epilog="Example: mirctl adapt run shop.yaml --out model train.epochs=30")
def run(
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
    """Data to artifact: cache hidden states, train, rank the whole catalogue, save."""
    from mirctl import jobs

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    options = jobs.Options(out, seed, device, precision, resume, dry_run, force)
    result = jobs.execute(recipe, changes or [], options, only="adapt/run", require=gate)
    jobs.show_result(result, require=gate, json=json)


@app.command()
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
    from mirctl_adapt import encoding

    console.configure(quiet=quiet)
    options = jobs.Options(out, None, device, precision, force=force)
    stored.show(encoding.encode(recipe, changes or [], options, shard), json=json)


@app.command("eval")
def evaluate(
    artifact: Artifact,
    changes: Changes = None,
    require: Require = None,
    device: Device = None,
    precision: Precision = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a recommender again, on its own data or on data.KEY=PATH."""
    from mirctl import jobs
    from mirctl_adapt import measuring

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    jobs.check_requirements(jobs.find("adapt/run"), gate)
    metrics, report = measuring.evaluate(
        artifact, changes or [], jobs.Options(device=device, precision=precision)
    )
    jobs.show(metrics, report, require=gate, json=json, artifact=artifact)


@app.command(epilog="Example: mirctl adapt recommend model --user 42 --k 5")
def recommend(
    artifact: Artifact,
    stdin: Annotated[str | None, typer.Argument(metavar="-", help=STDIN)] = None,
    user: Annotated[list[str] | None, typer.Option("--user", help="A user of the data.")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Every user of the data.")] = False,
    history: Annotated[
        str | None, typer.Option("--history", help="Item ids, oldest first: a,b,c.")
    ] = None,
    k: Annotated[
        int, typer.Option("--k", parser=whole(1, 10**9), help="Items for each user.")
    ] = 10,
    allow: Annotated[
        Path | None,
        typer.Option("--allow", help="The only items: a table, or an id a line.", readable=False),
    ] = None,
    deny: Annotated[
        Path | None,
        typer.Option("--deny", help="Items never to recommend, in the same forms.", readable=False),
    ] = None,
    items: Annotated[
        Path | None,
        typer.Option("--items", help="Table of today's items, new ones included.", readable=False),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images", help="Folder of their pictures, named by item id.", readable=False
        ),
    ] = None,
    out: Annotated[
        str, typer.Option("--out", "-o", help="JSONL, CSV or Parquet file; - is stdout.")
    ] = "-",
    shard: Shard = None,
    device: Device = None,
    precision: Precision = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Recommend items: JSONL rows with user, rank, item, title and score."""
    from mirctl import shards
    from mirctl_adapt import serving

    console.configure(quiet=quiet)
    part = shards.Shard.parse(shard)
    asked = serving.Asked(stdin, tuple(user or ()), everyone, history, part)
    serving.recommend(
        artifact, asked, k, allow, deny, out, device, precision, items, images,
        force=force, json=json,
    )  # fmt: skip


@app.command(epilog="Example: mirctl adapt embed model --items new.csv --out new.parquet")
def embed(
    artifact: Artifact,
    items: Annotated[
        Path, typer.Option("--items", help="Table of items, as in the recipe.", readable=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="New .parquet or .safetensors file.")],
    images: Annotated[
        Path | None,
        typer.Option("--images", help="Folder of pictures named by item id.", readable=False),
    ] = None,
    shard: Shard = None,
    device: Device = None,
    precision: Precision = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Embed items by their content, also items that were never seen in training."""
    from mirctl import shards
    from mirctl_adapt import serving

    console.configure(quiet=quiet)
    part = shards.Shard.parse(shard)
    report = serving.embed(artifact, items, images, out, device, precision, part, force=force)
    serving.show_embedded(report, json=json)


@app.command(
    epilog="Example: mirctl adapt caption items.csv --images posters "
    "--model Salesforce/blip-image-captioning-large --out captioned.csv"
)
def caption(
    items: Annotated[
        str, typer.Argument(help="Table of items, of any format; - is stdin.", metavar="ITEMS")
    ],
    model: Annotated[
        str,
        typer.Option(
            "--model", help="Turns pictures into text: org/name@revision, a folder, pip:PACKAGE."
        ),
    ],
    out: Annotated[
        str, typer.Option("--out", "-o", help="New table, its format by the suffix; - is stdout.")
    ],
    images: Annotated[
        Path | None,
        typer.Option("--images", help="Folder of pictures named by item id.", readable=False),
    ] = None,
    videos: Annotated[
        Path | None,
        typer.Option("--videos", help="Folder of films named by item id.", readable=False),
    ] = None,
    column: Annotated[str, typer.Option("--column", help="Where the captions go.")] = "caption",
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt", help="The question to a model that chats, the first words for any other."
        ),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(
            "--frames",
            parser=whole(1, 1000),
            help="Pictures of a film that the model sees; what it was made for, else 8.",
        ),
    ] = None,
    max_tokens: Annotated[
        int,
        typer.Option("--max-tokens", parser=whole(1, 10**5), help="Longer captions are cut."),
    ] = 64,
    batch_size: Annotated[
        int,
        typer.Option("--batch-size", parser=whole(1, 10**6), help="Pictures or films at once."),
    ] = 8,
    id_column: Annotated[str, typer.Option("--id", help="Column of the item ids.")] = "item_id",
    file_column: Annotated[
        str | None,
        typer.Option("--file", help="Column of file names, where ids do not name the files."),
    ] = None,
    shard: Shard = None,
    device: Device = None,
    precision: Precision = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Turn pictures or films of items into text: the table with a column of captions."""
    from mirctl import shards
    from mirctl_adapt.captioning import captioner, finding, writing

    console.configure(quiet=quiet)
    part = shards.Shard.parse(shard)
    place = finding.Place(images, videos, id_column, file_column)
    settings = captioner.Settings(model, prompt, max_tokens, batch_size, frames)
    report = writing.caption(
        items, place, settings, out, column, device, precision, part, force=force, json=json
    )
    if json:
        console.document(report)


@app.command(
    epilog="Example: mirctl adapt compare shop.yaml --methods iisan-versa,frozen,id,pop --out race"
)
def compare(
    recipe: Recipe,
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE", help="Changes for all methods, or of one: lora.train.lr=1e-3."
        ),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            help="a,b,c of: iisan-versa, iisan, frozen, fft, lora, adapter, bitfit, id, markov, "
            "pop; NAME+id adds ids to content. Unless told, those that are quick."
        ),
    ] = None,
    encoders: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TOWER=A,B,C",
            help="text=minilm,gemma3-270m: methods on several encoders, and quality against their "
            "size; unless told iisan-versa and frozen.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="Tell the differences from this method; the first if not given. Of --encoders: "
            "@NAME is the same method on that encoder."
        ),
    ] = None,
    ablate: Annotated[
        bool,
        typer.Option("--ablate", help="Also iisan-versa without each of its parts, or with one."),
    ] = False,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="How often each is trained.")] = 5,
    baseline_minutes: Annotated[
        float,
        typer.Option(
            min=0.01, max=1e6, help="fft, lora, adapter, bitfit: one seed, for so long each."
        ),
    ] = 10.0,
    rates: Annotated[
        str | None,
        typer.Option(
            help="2e-3,4e-3,8e-3: learning rates to choose from for each method on validation, "
            "with one seed more. Unless told, all have the recipe's."
        ),
    ] = None,
    workers: Jobs = 1,
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
    """Race methods on one recipe: quality with intervals, time, memory, parameters, TPME."""
    from mirctl import jobs
    from mirctl_adapt.comparing import asking, result

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    options = jobs.Options(out, seed, device, precision, resume, dry_run, force)
    told = encoders or []
    asked = asking.Asked(methods, told, against, ablate, seeds, baseline_minutes, rates, workers)
    result.compare(recipe, changes or [], asked, options, gate, json=json)
