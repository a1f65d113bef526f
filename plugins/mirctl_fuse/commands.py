"""Fuse any number of frozen modalities into one recommender: text, pictures, own vectors."""

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
    Json,
    Precision,
    Quiet,
    Recipe,
    Require,
    Resume,
    Seed,
    Shard,
)
from mirctl.several import several_processes

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)

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
    """Data to artifact: cache hidden states, train, rank the whole catalogue, save."""
    from mirctl import jobs

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    options = jobs.Options(out, seed, device, precision, resume, dry_run, force)
    result = jobs.execute(recipe, changes or [], options, only="fuse/train", require=gate)
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
    from mirctl_fuse import listing, measuring

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    jobs.check_requirements(jobs.find("fuse/eval"), gate)
    listing.check(experts, force=force)
    options = jobs.Options(device=device, precision=precision)
    found = measuring.evaluate(artifact, changes or [], options, apart=apart, missing=missing)
    listing.write(found, experts, force=force)
    jobs.show(found.metrics, found.report, require=gate, json=json, artifact=artifact)
