"""The plugin under examination: its entry points, and its commands as a list."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from mirctl import plugins
from mirctl.recipe import locate

NOWHERE = "./no-such-file.csv"
"""Given for every argument that a command insists on."""
OUT = "./out"
WORK = "work"


@dataclass(frozen=True)
class Plugin:
    """One name in the groups of entry points; either may be missing."""

    name: str
    command: EntryPoint | None
    hooks: EntryPoint | None
    recipe: str | None = None
    """A recipe that can really run, where the caller has one."""
    place: Path = Path()
    """The empty folder above the one that the commands are called in."""

    @property
    def entries(self) -> list[EntryPoint]:
        return [entry for entry in (self.command, self.hooks) if entry is not None]

    def swept(self) -> str:
        """Names of all that was written; the folders are empty again then."""
        left = []
        for folder in (self.place / WORK, self.place):
            for path in sorted(folder.iterdir()):
                if path != self.place / WORK:
                    left.append(path.name)
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        return ", ".join(left)

    def commands(self) -> list["Command"]:
        """The plugin's command and all below it; none where the app does not load."""
        if self.command is None:
            return []
        try:
            app = plugins.load(self.command)
        except plugins.LoadError:
            return []
        if not isinstance(app, typer.Typer):
            return []
        return list(_walk((self.name,), typer.main.get_group(app)))


@dataclass(frozen=True)
class Command:
    """One command of a plugin, by the words that call it."""

    words: tuple[str, ...]
    node: TyperCommand | TyperGroup

    def __str__(self) -> str:
        return " ".join(("mirctl", *self.words))

    @property
    def is_group(self) -> bool:
        return isinstance(self.node, TyperGroup)

    def takes(self, option: str) -> bool:
        return any(option in parameter.opts for parameter in self.node.params)

    @property
    def insists(self) -> bool:
        """Whether it wants arguments."""
        return any(parameter.required for parameter in self.node.params)

    def filled(self, *more: str) -> list[str]:
        """A whole command line: all that is insisted on names a file that does not exist."""
        line = list(self.words)
        for parameter in self.node.params:
            if isinstance(parameter, TyperOption) and "--out" in parameter.opts:
                line += ["--out", OUT]
            elif isinstance(parameter, TyperOption) and parameter.required:
                line += [parameter.opts[0], *[NOWHERE] * parameter.nargs]
            elif isinstance(parameter, TyperArgument) and parameter.required:
                line += [NOWHERE] * max(parameter.nargs, 1)
        return [*line, *more]


def _walk(words: tuple[str, ...], node: TyperCommand | TyperGroup) -> Iterator[Command]:
    yield Command(words, node)
    if isinstance(node, TyperGroup):
        for name, below in node.commands.items():
            if not below.hidden:
                yield from _walk((*words, name), below)


def find(name: str, recipe: str | None = None) -> Plugin:
    """An installed plugin, also one that does not load or whose name another claims, too."""
    command, hooks = plugins.named(name)
    if recipe is not None:
        locate(recipe)
        if Path(recipe).exists():
            recipe = str(Path(recipe).absolute())
    return Plugin(name, command, hooks, recipe)
