"""YAML + key=value -> one validated config object, with precise errors.

Precedence: defaults < recipe < key=value < command-line options.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from mirctl import console, files, hub, mistakes, places, plugins, yaml12
from mirctl.errors import UsageError, blamed_on_the_artifact, suggest
from mirctl.section import Relative, Section

S = TypeVar("S", bound=Section)
COMMAND_LINE = "command line"


@dataclass(frozen=True)
class Recipe:
    """A recipe as read: nothing is checked yet but its syntax."""

    name: str
    base: Path
    """Folder that the recipe's relative paths start from."""
    tree: dict[str, Any]
    marks: yaml12.Marks = field(default_factory=dict)
    changed: frozenset[str] = frozenset()
    """Dotted keys that came from the command line: their paths start from the cwd."""
    stored: bool = False
    """It stands in an artifact: what is wrong in it is the artifact's fault."""

    @property
    def uses(self) -> str:
        """Which job this recipe is for."""
        if "steps" in self.tree and "uses" not in self.tree:
            raise UsageError(
                "has steps, each with a job of its own: `mirctl run` takes it", where=self.name
            )
        uses = self.tree.get("uses")
        if not isinstance(uses, str):
            raise UsageError(
                "`uses: plugin/command` is missing, it names the job; a graph of jobs has `steps:`",
                where=self.name,
            )
        return uses

    def where(self, key: str) -> str:
        """File, line and column of a dotted key, or of its closest parent."""
        inside = any(c.startswith(f"{key}.") for c in self.changed) and key not in self.marks
        if inside or any(key == c or key.startswith(f"{c}.") for c in self.changed):
            return COMMAND_LINE
        while key and key not in self.marks:
            key = key.rpartition(".")[0]
        line, column = self.marks.get(key, (1, 1))
        return f"{self.name}:{line}:{column}" if self.marks else self.name


def shipped(plugin: str) -> Path:
    """Folder of a first-party plugin's recipes, in a checkout and in an installed wheel alike."""
    package = Path(__file__).parent
    inside = package / "recipes"
    return (inside if inside.is_dir() else package.parent / "recipes") / plugin


def catalogue() -> dict[str, Path]:
    """Every built-in recipe: "plugin/name" -> file."""
    found = {}
    for plugin, folder in plugins.hooks().call("mirctl_recipes"):
        if not isinstance(folder, Path):
            continue
        for file in sorted(Path(folder).glob("*.yaml")):
            found[f"{plugin}/{file.stem}"] = file
    return found


def locate(name: str) -> tuple[Path, Path]:
    """The file a recipe argument means, and the folder its relative paths start from.

    A path comes first: a file, or an artifact, which holds the recipe that made it; `org/name@main`
    is an artifact on the hub. Else it is the name of a built-in recipe, whose paths start from the
    current folder.
    """
    path = hub.marked_folder(name)
    with files.unreadable_is(UsageError, path):
        if places.seen(path).is_dir() and places.seen(path / files.MANIFEST).is_file():
            return path / "recipe.yaml", path
        if path.is_file():
            return path, path.parent
    built_in = catalogue()
    if name in built_in:
        return built_in[name], Path.cwd()
    hint = suggest(name, built_in, "`mirctl recipe list` shows the built-in ones")
    raise UsageError(f"no such file, and no built-in recipe of that name{hint}", where=name)


def read(name: str, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe file and lay the `key=value` changes over it."""
    path, base = locate(name)
    stored = base == path.parent and path != Path(name)
    with blamed_on_the_artifact(stored):
        found = replace(_read(path, base), stored=stored)
    return change(found, changes)


def _read(path: Path, base: Path) -> Recipe:
    tree, marks = read_yaml(path, "a recipe is a mapping of keys to values")
    return Recipe(str(path), base, tree, marks)


def read_yaml(path: Path, shape: str) -> tuple[dict[str, Any], yaml12.Marks]:
    """A file's mapping, and where its keys stand; a UsageError for another `shape`."""
    try:
        with files.unreadable_is(UsageError, path), path.open(encoding="utf-8-sig") as file:
            text = file.read(yaml12.MAX_TEXT + 1)  # one more is refused as too long
    except UnicodeDecodeError as error:
        raise UsageError(f"not UTF-8 text (byte {error.start})", where=str(path)) from error
    tree, marks = yaml12.load(text, str(path))
    if not isinstance(tree, dict):
        raise UsageError(shape, where=str(path))
    return tree, marks


def change(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """The recipe with each `key.sub=value` set; later ones win."""
    tree = json.loads(json.dumps(recipe.tree))
    changed = set(recipe.changed)
    for text in changes:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"{text!r} is no change: write key=value", where=COMMAND_LINE)
        if key.count(".") > yaml12.MAX_DEPTH:
            raise UsageError(f"{key[:40]}...: deeper than any recipe", where=COMMAND_LINE)
        if not yaml12.is_unicode(text):
            raise UsageError(f"{text!a} is not UTF-8: rename it", where=COMMAND_LINE)
        put(tree, key, yaml12.load_value(value))
        changed.add(key)
    return replace(recipe, tree=tree, changed=frozenset(changed))


def put(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set the value of a dotted key."""
    *parents, last = key.split(".")
    for name in parents:
        below = tree.get(name)
        if below is None:
            below = tree[name] = {}
        if not isinstance(below, dict):
            # A short form such as `text: minilm` grows its keys when one of them is changed.
            below = tree[name] = {"model": below} if isinstance(below, str) else {}
        tree = below
    tree[last] = value


def resolve(config: type[S], recipe: Recipe) -> S:
    """Validate strictly (no `yes` for a bool, no "8" for an int) and make every path absolute."""
    try:
        # Strict JSON mode takes a string for a Path but not for a number.
        checked = config.model_validate_json(json.dumps(recipe.tree), strict=True)
    except ValidationError as error:
        told = mistakes.explain(config, recipe.tree, error.errors())
        lines = [f"{recipe.where(key)}: {text}" for key, text in told]
        where = recipe.where(told[0][0])
        with blamed_on_the_artifact(recipe.stored and where != COMMAND_LINE):
            message = "\n  ".join(lines).removeprefix(f"{where}: ")
            raise UsageError(message, where=where) from error
    for key, instead in mistakes.deprecated(checked):
        console.warn(f"{recipe.where(key)}: {key} is deprecated: {instead}")
    return map_paths(checked, lambda key, path, _: placed(recipe, key, path))


def placed(recipe: Recipe, key: str, path: Path) -> Path:
    """The absolute path that a path at a dotted key means."""
    base = Path.cwd() if _is_changed(recipe, key) else recipe.base
    return Path(os.path.abspath(base / files.expanded(path)))


def _is_changed(recipe: Recipe, key: str) -> bool:
    return any(key == c or key.startswith(f"{c}.") for c in recipe.changed)


def map_paths(
    section: S,
    change_path: Callable[[str, Path, Relative], Path],
    *,
    models: bool = True,
    prefix: str = "",
) -> S:
    """A copy in which each file field is changed, and with `models` each model that is a folder.

    `change_path` gets the dotted key, the path and the mark of the field.
    """
    update = {}
    for name, info in type(section).model_fields.items():
        marker = _marker(info.annotation) or _marker_in(info.metadata)
        if marker is not None and marker.model and not models:
            marker = None

        def change(value: Any, key: str, marker: Relative | None = marker) -> Any:
            if isinstance(value, Section):
                return map_paths(value, change_path, models=models, prefix=f"{key}.")
            if isinstance(value, tuple | list):
                return type(value)(change(v, f"{key}.{i}") for i, v in enumerate(value))
            if isinstance(value, Mapping):
                return {k: change(v, f"{key}.{k}") for k, v in value.items()}
            if marker is None or value is None:
                return value
            return (
                _model(value, change_path(key, Path(value), marker))
                if marker.model
                else change_path(key, value, marker)
            )

        update[name] = change(vars(section)[name], f"{prefix}{name}")
    return section.model_copy(update=update)


def _model(name: str, path: Path) -> str:
    """A model's name as it is, or as a path where it means a folder."""
    explicit = name.startswith(("./", "../", "~", "/"))
    return str(path) if explicit or (os.path.isdir(path) and name not in hub.ALIASES) else name


def _marker(annotation: Any) -> Relative | None:
    """The Relative mark anywhere inside an annotation such as `InputPath | None`."""
    for part in get_args(annotation):
        if isinstance(part, Relative):
            return part
        if found := _marker(part):
            return found
    return None


def _marker_in(metadata: Sequence[Any]) -> Relative | None:
    return next((part for part in metadata if isinstance(part, Relative)), None)


def dump(config: Section, relative_to: Path | None = None) -> str:
    """The resolved recipe as YAML; paths relative to `relative_to`, so a folder can be moved."""
    if relative_to is not None:
        root = Path(os.path.abspath(relative_to))
        config = map_paths(config, lambda _, path, __: Path(os.path.relpath(path, root)))
    return yaml12.dump(config.model_dump(mode="json"))
