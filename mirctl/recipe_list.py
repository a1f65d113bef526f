"""What `mirctl recipe list` and `show` tell."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirctl import console, jobs, plugins, recipe, steps, yaml12
from mirctl.console import counted
from mirctl.errors import MirctlError


def listing() -> list[dict[str, str]]:
    """Name, job, first comment line and file of each built-in recipe."""
    rows = []
    for name, path in recipe.catalogue().items():
        try:
            read, summary = recipe.read(str(path)), _comment(path)
            uses = "steps" if "steps" in read.tree else read.uses
        except MirctlError as error:  # one plugin's mistake must not hide the others' recipes
            uses, summary = "", f"(cannot be read: {error})"
        rows.append({"name": name, "uses": uses, "summary": summary, "file": str(path)})
    return rows


def _comment(path: Path) -> str:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def show_list(rows: list[dict[str, str]], *, json: bool) -> None:
    """As one document, or a line each."""
    if json:
        console.document({"recipes": rows})
        return
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        console.emit(f"{row['name']:<{width}}  {row['summary']}")


def check(name: str, changes: Sequence[str], *, json: bool) -> None:
    """Raise what is wrong with a recipe, or say that nothing is."""
    read = steps.read(name, changes)
    if steps.is_pipeline(read):
        names = steps.check(read)
        facts: dict[str, Any] = {"steps": names}
        kind = "sweep" if "sweep" in read.tree else "pipeline"
        told = f"a whole {kind} of {counted(len(names), 'step')}"
    else:
        job, _ = jobs.prepare(name, changes, jobs.Options())
        facts, told = {"uses": job.name}, f"a whole recipe for {job.name}"
    if json:
        console.document({"recipe": name, **facts, "valid": True})
    else:
        console.say(f"{name}: {told}")


def show(name: str, changes: Sequence[str], *, json: bool) -> None:
    """The resolved recipe on stdout."""
    read = steps.read(name, changes)
    tree = steps.resolved(read) if steps.is_pipeline(read) else resolved(read)
    if json:
        console.document(tree)
    else:
        console.emit(yaml12.dump(tree).rstrip())


def resolved(read: recipe.Recipe) -> dict[str, Any]:
    """A recipe of one job; its input files need not be there."""
    config: Any = plugins.import_object(jobs.find(read.uses).config)
    return recipe.resolve(config, read).model_dump(mode="json")
