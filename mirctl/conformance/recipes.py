"""Checks of a plugin's recipes, and of the artifact that one of them makes."""

from collections.abc import Iterator
from pathlib import Path

from mirctl import plugins
from mirctl.conformance.plugin import Plugin
from mirctl.conformance.running import Ran, called
from mirctl.errors import MirctlError


def resolve(plugin: Plugin) -> Iterator[str]:
    """Every built-in recipe is a whole recipe of an installed job."""
    for owner, folder in plugins.hooks().call("mirctl_recipes"):
        if owner != plugin.name:
            continue
        if not isinstance(folder, Path) or not folder.is_dir():
            yield f"mirctl_recipes gave {folder!r}, which is no folder: is it in the wheel?"
            continue
        for file in sorted(folder.glob("*.yaml")):
            ran = called("recipe", "show", file)
            if ran.code:
                yield f"the recipe {plugin.name}/{file.stem} does not resolve: {_last(ran)}"


def round_trip(plugin: Plugin) -> Iterator[str]:
    """A recipe's artifact is whole, known, and made again from the recipe inside it."""
    if plugin.recipe is None:
        return
    ran = called("run", plugin.recipe, "--out", "first")
    if ran.code:
        yield f"`mirctl run {plugin.recipe}` exits {ran.code}: {_last(ran)}"
        return
    if not Path("first").is_dir():  # a job that makes a table
        if not Path("first").is_file():
            yield f"`mirctl run {plugin.recipe} --out first` makes nothing of that name"
        return
    yield from _kept("first")
    again = called("run", "first/recipe.yaml", "--out", "second")
    if again.code:
        yield f"the recipe inside the artifact does not run again: {_last(again)}"
        return
    yield from _differences()


def _kept(folder: str) -> Iterator[str]:
    from mirctl.artifact import open_artifact

    whole = called("artifact", "verify", folder)
    if whole.code:
        yield f"`mirctl artifact verify` exits {whole.code}: {_last(whole)}"
    try:
        kind = open_artifact(Path(folder)).manifest.kind
    except MirctlError as error:
        yield f"the artifact cannot be opened: {error}"
        return
    if kind not in {one.kind for one in plugins.results("mirctl_artifact_kinds")}:
        yield f"no plugin gives the artifact's kind {kind!r}: name it in mirctl_artifact_kinds"


def _differences() -> Iterator[str]:
    """What the same recipe made otherwise the second time: metrics and tensors are the same."""
    from mirctl.artifact import open_artifact

    one, two = (open_artifact(Path(name)).manifest.files for name in ("first", "second"))
    for name in sorted(one.keys() | two.keys()):
        compared = name == "metrics.json" or name.endswith(".safetensors")
        if compared and one.get(name) != two.get(name):
            yield f"{name} is another one when the same recipe runs again: take run.seed"


def _last(ran: Ran) -> str:
    return (ran.err.strip().splitlines() or [""])[-1]
