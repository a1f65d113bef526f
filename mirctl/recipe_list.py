"""What `mirctl recipe list` and `show` tell."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirctl import console, jobs, plugins, recipe
from mirctl.errors import MirctlError
from mirctl.section import JobConfig


def listing() -> list[dict[str, str]]:
    """Name, job, first comment line and file of each built-in recipe."""
    rows = []
    for name, path in recipe.catalogue().items():
        try:
            uses, summary = recipe.read(str(path)).uses, _comment(path)
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


def show(name: str, changes: Sequence[str], *, json: bool) -> None:
    """The resolved recipe on stdout."""
    config = resolved(name, changes)
    if json:
        console.document(config.model_dump(mode="json"))
    else:
        console.emit(recipe.dump(config).rstrip())


def resolved(name: str, changes: Sequence[str]) -> JobConfig:
    """A recipe's config; its input files need not be there."""
    read = recipe.read(name, changes)
    config: Any = plugins.import_object(jobs.find(read.uses).config)
    return recipe.resolve(config, read)
