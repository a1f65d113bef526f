"""Command-line options that mean the same in every command.

Paths that a command reads are declared with `readable=False`: typer would refuse what may not be
read as wrong usage (exit 2), and whoever opens it knows whether it is data, artifact or model.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from mirctl import console


def paths(incomplete: str) -> list[str]:
    """What a shell may put in the place of a half-typed path."""
    from glob import escape, glob

    return sorted(glob(f"{escape(incomplete)}*"))


def recipes(incomplete: str) -> list[str]:
    """What a shell may put in the place of a half-typed recipe: built-in names and files."""
    from mirctl import recipe

    names = [name for name in recipe.catalogue() if name.startswith(incomplete)]
    return [*names, *paths(incomplete)]


def artifact_folder(name: str) -> Path:
    """The folder of an artifact that may stand on the hub."""
    from mirctl.hub import artifact_folder

    return artifact_folder(name)


def marked_folder(name: str) -> Path:
    """A path, or the folder of `org/name@revision`: a plain `org/name` is a path here."""
    from mirctl.hub import marked_folder

    return marked_folder(name)


def _silence(wanted: bool) -> bool:
    """Before other options are read, since reading some of them takes time and is told."""
    console.configure(quiet=wanted)
    return wanted


def whole(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number; typer's own `min` and `max` would fill the help with their digits."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError as error:
            raise typer.BadParameter(f"{text!r} is no whole number") from error
        if not least <= number <= most:
            raise typer.BadParameter(f"{number} is not in the range {least} to {most}")
        return number

    read.__name__ = "int"  # what the help calls it
    return read


Artifact = Annotated[
    Path,
    typer.Argument(
        metavar="ARTIFACT",
        help="Folder of an artifact, or org/name@revision on the hub.",
        parser=artifact_folder,
        autocompletion=paths,
    ),
]
Recipe = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="YAML file, or a name from `mirctl recipe list`.",
        autocompletion=recipes,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Only warnings and errors on stderr.",
        is_eager=True,
        callback=_silence,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an older result of that name.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Look for all that would stop the run; write nothing.")
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, max=1000, help="Steps that run at once.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="New folder for the result.")]
Shard = Annotated[
    str | None, typer.Option("--shard", help="i/n: only the i-th of n parts, from 1.")
]
Seed = Annotated[int | None, typer.Option("--seed", help="Overrides the recipe's seed.")]
Device = Annotated[
    str | None, typer.Option("--device", help="auto, cpu, cuda[:N] or mps; overrides the recipe.")
]
Precision = Annotated[
    str | None, typer.Option("--precision", help="auto, fp32, bf16 or fp16; overrides the recipe.")
]
Changes = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Changes to the recipe, as in train.epochs=30."),
]
Require = Annotated[
    list[str] | None,
    typer.Option("--require", help="Exit 1 unless the metric holds, as in 'ndcg@10>=0.10'."),
]
