"""Get named data sets, and check your own before a run."""

from pathlib import Path
from typing import Annotated

import typer

from mirctl import console
from mirctl.errors import UsageError
from mirctl.options import Force, Json, Out, Quiet

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)


@app.callback()
def data() -> None: ...


@app.command("list")
def list_datasets(json: Json = False) -> None:
    """List the data sets that `get` knows."""
    from mirctl import plugins

    known = plugins.results("mirctl_datasets")
    if json:
        rows = [{"name": d.name, "summary": d.summary, "terms": d.terms} for d in known]
        console.document({"datasets": rows})
        return
    for dataset in known:
        console.emit(f"{dataset.name}\n    {dataset.summary}\n    terms: {dataset.terms}")


@app.command()
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `mirctl data list` shows it.")],
    out: Out,
    images: Annotated[
        Path | None,
        typer.Option("--images", help="Your own pictures, named by item id.", readable=False),
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a named data set into a new folder."""
    from mirctl import plugins

    console.configure(quiet=quiet)
    known = {dataset.name: dataset for dataset in plugins.results("mirctl_datasets")}
    if name not in known:
        raise UsageError(f"no data set {name!r}; there is: {', '.join(sorted(known))}")
    report = plugins.import_function(known[name].get)(out, images, force)
    if json:
        console.document(report)
    else:
        console.say(f"written to {out}")


@app.command()
def check(
    root: Annotated[
        str | None,
        typer.Argument(
            metavar="RECIPE|FOLDER",
            help="A recipe, whose `data` is looked at; with --from, a folder of that layout.",
        ),
    ] = None,
    interactions: Annotated[
        Path | None, typer.Option(help="Table of user, item, time.", readable=False)
    ] = None,
    items: Annotated[
        Path | None, typer.Option(help="Table of items and their texts.", readable=False)
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of pictures by item id.", readable=False)
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="As in item=sku; for user, item, timestamp, title, image."),
    ] = None,
    layout: Annotated[
        str | None, typer.Option("--from", help="Layout of the folder: microlens.")
    ] = None,
    drop_unknown: Annotated[
        bool, typer.Option("--drop-unknown", help="Leave out interactions with unknown items.")
    ] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Open every picture.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Load data exactly as a run would, and say what is in it; exit 3 on what would stop a run."""
    from mirctl.data import check as checks

    console.configure(quiet=quiet)
    if layout not in (None, "microlens"):
        raise UsageError(f"--from {layout!r}: there is microlens")
    if layout is not None and root is None:
        raise UsageError("--from microlens: name the folder, too")
    if root is not None and layout is None:
        if interactions or items or images or column or drop_unknown:
            raise UsageError("a recipe names its data itself: change it there, or leave it out")
        config = checks.config_in(root)
    else:
        folder = Path(root) if root else None
        config = checks.config_from(
            interactions, items, images, folder, column or [], drop_unknown=drop_unknown
        )
    report = checks.check(config, deep=deep)
    if json:
        console.document(report)
        return
    for line in checks.lines(report):
        console.emit(console.harmless(line))
