"""List, describe, diagnose and check plugins, and start a new one."""

from pathlib import Path
from typing import Annotated

import typer

from mirctl.options import Json, whole

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)


@app.callback()
def plugins() -> None: ...


@app.command("list")
def list_plugins(json: Json = False) -> None:
    """List every plugin: its distribution, version, commands and hooks."""
    from mirctl import diagnosis

    diagnosis.show_list(diagnosis.listing(), json=json)


@app.command()
def info(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a plugin.")],
    json: Json = False,
) -> None:
    """Show a plugin: its command, hooks, jobs, encoders, data sets, artifact kinds, recipes."""
    from mirctl import diagnosis

    diagnosis.show_info(diagnosis.describe(name), json=json)


@app.command()
def doctor(json: Json = False) -> None:
    """Load every plugin and show in full what is wrong; exit 5 if anything is."""
    from mirctl import diagnosis

    diagnosis.show_problems(diagnosis.examine(), json=json)


@app.command()
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a plugin.")],
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="RECIPE", help="One that can run here: it is run, dry and then twice."
        ),
    ] = None,
    timeout: Annotated[
        int,
        typer.Option("--timeout", parser=whole(1, 10**6), help="Seconds that one call may take."),
    ] = 60,
    json: Json = False,
) -> None:
    """Check that a plugin keeps the rules of the house; exit 1 where it does not."""
    from mirctl import conformance

    conformance.show(name, conformance.examine(name, recipe, timeout), json=json)


@app.command()
def new(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Its name: `mirctl NAME` will be its command."),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="New folder; else mirctl-NAME.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a new plugin: a whole package that installs and passes its tests."""
    from mirctl import scaffold

    folder = out or Path(f"mirctl-{name}")
    scaffold.show(name, folder, scaffold.write(name, folder), json=json)
