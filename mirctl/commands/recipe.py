"""List, show and check recipes, and print their schema."""

from typing import Annotated

import typer

from mirctl import console
from mirctl.options import Changes, Json, Recipe

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)


@app.callback()
def recipe() -> None: ...


@app.command("list")
def list_recipes(json: Json = False) -> None:
    """List the built-in recipes."""
    from mirctl import recipe_list

    recipe_list.show_list(recipe_list.listing(), json=json)


@app.command()
def show(recipe: Recipe, changes: Changes = None, json: Json = False) -> None:
    """Print a recipe as it resolves: every default filled in, every path absolute."""
    from mirctl import recipe_list

    recipe_list.show(recipe, changes or [], json=json)


@app.command()
def check(recipe: Recipe, changes: Changes = None, json: Json = False) -> None:
    """Check a recipe and that its input files are there; runs nothing."""
    from mirctl import recipe_list

    recipe_list.check(recipe, changes or [], json=json)


@app.command()
def schema(
    uses: Annotated[str, typer.Argument(metavar="JOB", help="plugin/command, as in adapt/run.")],
) -> None:
    """Print the JSON schema of a job's recipe, for editors and validators."""
    from mirctl import jobs, plugins

    console.document(plugins.import_object(jobs.find(uses).config).model_json_schema())
