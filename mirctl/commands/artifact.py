"""Look into artifacts, check that they are whole, compare, export and merge them."""

from pathlib import Path
from typing import Annotated

import typer

from mirctl import console
from mirctl.console import counted
from mirctl.errors import UsageError
from mirctl.options import (
    Artifact,
    Force,
    Json,
    Out,
    Quiet,
    Require,
    marked_folder,
    paths,
)

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)


@app.callback()
def artifact() -> None: ...


@app.command()
def inspect(
    path: Artifact,
    tensors: Annotated[bool, typer.Option("--tensors", help="List every tensor.")] = False,
    require: Require = None,
    json: Json = False,
) -> None:
    """Show what an artifact is, what it was made from, its metrics and its tensors."""
    from mirctl import jobs
    from mirctl.artifact.diff import inspect, show_inspect

    gate = jobs.requirements(require)
    found = inspect(path)
    failures = jobs.failures(found["metrics"], gate)
    show_inspect(found | jobs.as_error(failures), tensors=tensors, json=json)
    jobs.leave(failures)


@app.command()
def verify(path: Artifact, json: Json = False) -> None:
    """Compare every byte with the manifest; exit 4 if anything is damaged."""
    from mirctl.artifact.store import verify

    problems = verify(path)
    text = "; ".join(problems)
    error = {"error": {"code": 4, "message": text, "where": str(path)}} if problems else {}
    if json:
        console.document({"artifact": path, "whole": not problems, "problems": problems, **error})
    elif not problems:
        console.emit(f"{path}: whole")
    for problem in problems:
        console.error(problem)
    if problems:
        raise typer.Exit(4)


@app.command("diff")
def compare(
    a: Artifact,
    b: Artifact,
    tensors: Annotated[bool, typer.Option("--tensors", help="List every tensor.")] = False,
    json: Json = False,
) -> None:
    """Show where two artifacts differ: manifest, recipe, metrics, tensors, files."""
    from mirctl.artifact.diff import diff, show_diff

    show_diff(diff(a, b), tensors=tensors, json=json)


@app.command()
def export(
    path: Artifact,
    out: Out,
    to: Annotated[str, typer.Option("--to", help="hf: a folder for model hubs.")] = "hf",
    force: Force = False,
    json: Json = False,
) -> None:
    """Write a folder that other tools can use: plain weights, a config, a model card."""
    from mirctl.artifact.export import export

    if to != "hf":
        raise UsageError(f"--to {to!r} is not known: use hf")
    written = export(path, out, force=force)
    if json:
        console.document({"artifact": path, "out": out, "files": written})
        return
    size = console.size_text(sum(written.values()))
    console.say(f"written to {out}: {counted(len(written), 'file')}, {size}")


@app.command()
def schema() -> None:
    """Print the JSON schema of manifest.json."""
    from mirctl.artifact import manifest

    console.document(manifest.schema())


@app.command(epilog="Example: mirctl artifact merge full-*-of-8.csv --out full.csv")
def merge(
    parts: Annotated[
        list[Path],
        typer.Argument(
            metavar="PART",
            help="Tables, or artifacts, also org/name@revision on the hub.",
            parser=marked_folder,
            autocompletion=paths,
        ),
    ],
    out: Annotated[
        str,
        typer.Option("--out", "-o", help="The whole: a table, - for stdout, or a new folder."),
    ],
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Join what was made with --shard; names such as full-3-of-8.csv tell the order."""
    from mirctl import merging

    console.configure(quiet=quiet)
    if json and out == "-":
        raise UsageError("--json and --out - both write to stdout: name a file")
    report = merging.merge(parts, out, force=force)
    if json:
        console.document(report)
    else:
        told = [counted(n, key.removesuffix("s")) for key, n in report.items() if key != "out"]
        console.say(", ".join(told))
