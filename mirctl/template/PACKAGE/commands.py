"""Learn the mean of a column: change this line, `mirctl --help` shows it."""

import typer
from mirctl import console
from mirctl.options import Artifact, Json

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)


@app.callback()
def root() -> None: ...


@app.command()
def show(model: Artifact, json: Json = False) -> None:
    """Show what was learned."""
    from PACKAGE.job import load

    mean = load(model)
    console.document({"mean": mean}) if json else console.emit(f"{mean:.6g}")
