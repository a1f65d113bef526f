"""What a recipe with `steps:` or `sweep:` says: the steps, by themselves."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mirctl import recipe, yaml12
from mirctl.errors import UsageError, suggest
from mirctl.recipe import COMMAND_LINE, Recipe

COMMON = ("seed", "device", "precision")
"""Keys beside `steps:` that count for every step which does not say otherwise."""
KEYS = ("steps", "sweep", *COMMON)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")


@dataclass(frozen=True)
class Source:
    """A pipeline's recipe, taken apart."""

    recipe: Recipe
    steps: dict[str, Recipe]
    """By name; of a plain recipe with a sweep one, whose name is empty."""
    sweep: dict[str, list[Any]]
    """Dotted key, which starts with a step's name, a key of COMMON, or both left out: its values"""

    @property
    def plain(self) -> bool:
        """Is it one job, swept?"""
        return "" in self.steps


def is_pipeline(read: Recipe) -> bool:
    """Has it steps, or a sweep?"""
    return ("steps" in read.tree and "uses" not in read.tree) or "sweep" in read.tree


def changed(read: Recipe, changes: Sequence[str]) -> Recipe:
    """The recipe with key=value laid over it; `STEP.key=value` means a key of that step."""
    steps = read.tree.get("steps")
    names = steps if isinstance(steps, dict) and "uses" not in read.tree else {}
    placed = []
    for change in changes:
        first = re.split(r"[.=]", change, maxsplit=1)[0]
        placed.append(f"steps.{change}" if first in names and first not in KEYS else change)
    return recipe.change(read, placed)


def take_apart(read: Recipe) -> Source:
    """The steps and the sweep of a recipe; a UsageError names the place of what is wrong."""
    sweep = _sweep(read)
    if "uses" in read.tree or "steps" not in read.tree:
        tree = {key: value for key, value in read.tree.items() if key != "sweep"}
        source = Source(read, {"": replace(read, tree=tree)}, sweep)
    else:
        steps = _steps(read, sweep)
        for key in read.tree:
            if key not in KEYS:
                known = [*KEYS, *steps]
                hint = suggest(key, known, f"known keys: {', '.join(KEYS)}, and STEP.KEY=VALUE")
                raise UsageError(f"{key}: unknown key{hint}", where=read.where(key))
        source = Source(read, steps, sweep)
    for key in sweep:
        _check_swept(source, key)
    return source


def _steps(read: Recipe, sweep: Mapping[str, Any]) -> dict[str, Recipe]:
    trees = read.tree["steps"]
    if not isinstance(trees, dict) or not trees:
        raise UsageError(
            "steps: write names and jobs, as in `fit: {uses: impute/fit, ...}`",
            where=read.where("steps"),
        )
    marks, told = _below(read)
    found = {}
    for name, tree in trees.items():
        place = f"steps.{name}"
        if not _NAME.fullmatch(name) or name in KEYS:
            raise UsageError(
                f"{name!r} is no name of a step: letters, digits, _ and -, and none of "
                f"{', '.join(KEYS)}",
                where=read.where(place),
            )
        if not isinstance(tree, dict):
            raise UsageError(f"{place}: write keys and values", where=read.where(place))
        found[name] = _with_common(
            replace(
                read,
                tree=dict(tree),
                marks=marks.get(name, {}),
                changed=frozenset(told.get(name, ())),
            ),
            [key for key in COMMON if key in read.tree and key not in sweep],
            read,
        )
    return found


def _below(read: Recipe) -> tuple[dict[str, yaml12.Marks], dict[str, set[str]]]:
    """Of each step the places of its keys, and its keys from the command line."""
    marks: dict[str, yaml12.Marks] = {}
    for key, mark in read.marks.items():
        if key.startswith("steps."):
            name, _, rest = key.removeprefix("steps.").partition(".")
            marks.setdefault(name, {})[rest] = mark
    told: dict[str, set[str]] = {}
    for key in read.changed:
        if key.startswith("steps."):
            name, _, rest = key.removeprefix("steps.").partition(".")
            told.setdefault(name, set()).add(rest)
    return marks, told


def _with_common(step: Recipe, common: Sequence[str], read: Recipe) -> Recipe:
    """The step with the keys that count for all; those of the command line beat its own."""
    tree, marks, told = dict(step.tree), dict(step.marks), set(step.changed)
    for key in common:
        outer = key in read.changed
        if key not in tree or (outer and key not in step.changed):
            tree[key] = read.tree[key]
            marks[key] = read.marks.get(key, (1, 1))
            told |= {key} if outer else set()
    return replace(step, tree=tree, marks=marks, changed=frozenset(told))


def _sweep(read: Recipe) -> dict[str, list[Any]]:
    """Dotted key -> values; mappings in it are keys below keys."""
    tree = read.tree.get("sweep", {})
    if not isinstance(tree, dict):
        raise UsageError(
            "sweep: write keys and lists of values, as in `seed: [1, 2, 3]`",
            where=read.where("sweep"),
        )
    found: dict[str, list[Any]] = {}
    for key, value in _leaves(tree):
        place = read.where(f"sweep.{key}")
        if not isinstance(value, list) or not value:
            raise UsageError(f"sweep.{key}: write a list of values", where=place)
        for number, item in enumerate(value):
            if any(item == other and type(item) is type(other) for other in value[:number]):
                raise UsageError(f"sweep.{key}: {item!r} stands there twice", where=place)
        found[key] = value
    return found


def _leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _check_swept(source: Source, key: str) -> None:
    """Refuse a swept key of no step, or one that the command line sets, too."""
    read, first = source.recipe, key.partition(".")[0]
    where = read.where(f"sweep.{key}")
    if not source.plain and key not in COMMON:
        if first not in source.steps:
            known = [*source.steps, *COMMON]
            hint = suggest(first, known, f"a key starts with one of {', '.join(known)}")
            raise UsageError(f"sweep.{key}: no step {first!r}{hint}", where=where)
        if "." not in key:
            raise UsageError(f"sweep.{key}: which key of it? Write {key}.KEY", where=where)
    place = key if source.plain or key in COMMON else f"steps.{key}"
    for change in read.changed:
        if change == place or change.startswith(f"{place}.") or place.startswith(f"{change}."):
            told = change.removeprefix("steps.")
            raise UsageError(
                f"{told}: the recipe sweeps {key}: write sweep.{key}=[VALUE]", where=COMMAND_LINE
            )


def references(step: Recipe) -> Iterator[tuple[str, str]]:
    """(dotted key, step named) of each `{step: NAME}`."""
    found: list[tuple[str, str]] = []

    def note(key: str, name: str) -> str:
        found.append((key, name))
        return ""

    with_references(step.tree, note)
    yield from found


def with_references(tree: Any, place: Callable[[str, str], str], key: str = "") -> Any:
    """A copy with `place(dotted key, NAME)` where `{step: NAME}` stood."""
    if isinstance(tree, dict):
        if key and tree.keys() == {"step"} and isinstance(tree["step"], str):
            return place(key, tree["step"])
        return {k: with_references(v, place, f"{key}.{k}" if key else k) for k, v in tree.items()}
    if isinstance(tree, list):
        return [with_references(v, place, f"{key}.{i}") for i, v in enumerate(tree)]
    return tree


def with_names(tree: Any, names: Mapping[str, str]) -> Any:
    """The other way round: a copy with `{step: NAME}` where one of these texts stood."""
    if isinstance(tree, dict):
        return {key: with_names(value, names) for key, value in tree.items()}
    if isinstance(tree, list):
        return [with_names(value, names) for value in tree]
    return {"step": names[tree]} if isinstance(tree, str) and tree in names else tree


def out_of(step: Recipe) -> str | None:
    """What a step calls its result: its key `out`."""
    out = step.tree.get("out")
    if out is None or (isinstance(out, str) and _FILE.fullmatch(out)):
        return out
    raise UsageError(
        f"out: {out!r} is no plain file name: letters, digits, . _ and -",
        where=step.where("out"),
    )
