"""The steps of a pipeline, one for each setting that a sweep makes of it, and what needs what."""

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from typing import Any

from mirctl import recipe
from mirctl.console import counted
from mirctl.errors import UsageError, suggest
from mirctl.recipe import Recipe
from mirctl.steps.reading import COMMON, Source, references

MOST_CELLS, MOST_STEPS = 1_000, 10_000
_LONGEST = 150
"""Bytes of a folder's name that say what a cell is."""


@dataclass(frozen=True)
class Step:
    """One job of a pipeline."""

    name: str
    """Its own: `fit`; where a sweep reaches it `lr=0.1/fit`; of a plain recipe the cell alone."""
    of: str
    """Its name in the recipe; empty for a plain recipe."""
    recipe: Recipe
    needs: dict[str, str] = field(default_factory=dict)
    """Dotted key -> own name of the step whose result stands there."""


@dataclass(frozen=True)
class Cell:
    """One choice of every swept value."""

    name: str
    values: dict[str, Any]
    steps: dict[str, str]
    """Name in the recipe -> own name."""


@dataclass(frozen=True)
class Pipeline:
    """All steps, each after those that it needs, and the cells that they make up."""

    source: Source
    steps: dict[str, Step]
    cells: list[Cell]

    def after(self, names: Sequence[str]) -> set[str]:
        """These steps and all that need them, however far away."""
        found = set(names)
        for step in self.steps.values():
            if found.intersection(step.needs.values()):
                found.add(step.name)
        return found


def expand(source: Source) -> Pipeline:
    """Every step of every cell; cells share those that what they differ in does not reach."""
    count = 1
    for values in source.sweep.values():
        count *= len(values)
    if count > MOST_CELLS or count * len(source.steps) > MOST_STEPS:
        raise UsageError(
            f"{count:,} cells of {counted(len(source.steps), 'step')}; the most are "
            f"{MOST_CELLS:,} cells and {MOST_STEPS:,} steps: make several recipes of it",
            where=source.recipe.where("sweep"),
        )
    texts = _texts(source.sweep)
    steps: dict[str, Step] = {}
    cells = []
    for values in itertools.product(*(range(len(some)) for some in source.sweep.values())):
        picked = dict(zip(source.sweep, values, strict=True))
        cells.append(_cell(source, picked, texts, steps))
    return Pipeline(source, steps, cells)


def _cell(
    source: Source,
    picked: Mapping[str, int],
    texts: Mapping[str, Sequence[str]],
    steps: dict[str, Step],
) -> Cell:
    """One cell, by the number of each value; its steps are added to those there are."""
    recipes = {of: _with_values(source, of, picked) for of in source.steps}
    needs = {of: _needs(source, of, read) for of, read in recipes.items()}
    reach: dict[str, set[str]] = {}
    own: dict[str, str] = {}
    for of in _order(source, needs):
        reach[of] = {key for key in picked if _touches(source, of, key)}
        reach[of].update(*(reach[need] for need in needs[of].values()))
        folder = _folder({key: texts[key][picked[key]] for key in picked if key in reach[of]})
        own[of] = "/".join(filter(None, (folder, of)))
        wanted = {key: own[need] for key, need in needs[of].items()}
        steps.setdefault(own[of], Step(own[of], of, recipes[of], wanted))
    values = {key: source.sweep[key][number] for key, number in picked.items()}
    return Cell(_folder({k: texts[k][n] for k, n in picked.items()}), values, own)


def _with_values(source: Source, of: str, picked: Mapping[str, int]) -> Recipe:
    """A step's recipe with the swept values in it."""
    read = source.steps[of]
    reached = [key for key in picked if _touches(source, of, key)]
    if not reached:
        return read
    tree, marks, told = json.loads(json.dumps(read.tree)), dict(read.marks), set(read.changed)
    for key in reached:
        place = key.removeprefix(f"{of}.") if of else key
        recipe.put(tree, place, json.loads(json.dumps(source.sweep[key][picked[key]])))
        swept = f"sweep.{key}"
        if any(swept == c or swept.startswith(f"{c}.") for c in source.recipe.changed):
            told.add(place)
        else:
            mark = source.recipe.marks.get(f"{swept}.{picked[key]}")
            marks[place] = mark or source.recipe.marks.get(swept, (1, 1))
    return replace(read, tree=tree, marks=marks, changed=frozenset(told))


def _touches(source: Source, of: str, key: str) -> bool:
    """Does a swept key change this step? One of COMMON not where the step says its own."""
    if source.plain:
        return True
    if key in COMMON:
        return key not in source.steps[of].tree
    return key.startswith(f"{of}.")


def _needs(source: Source, of: str, read: Recipe) -> dict[str, str]:
    """Dotted key -> the step named there, which must be one."""
    found = {}
    for key, name in references(read):
        if name not in source.steps or source.plain:
            known = [step for step in source.steps if step]
            hint = suggest(
                name, known, f"steps: {', '.join(known)}" if known else "it has no steps"
            )
            raise UsageError(f"{key}: no step {name!r}{hint}", where=read.where(f"{key}.step"))
        found[key] = name
    return found


def _order(source: Source, needs: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Every step after those that it needs, else as they stand in the recipe."""
    sorter = TopologicalSorter({of: set(found.values()) for of, found in needs.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = error.args[1][::-1]
        key = next(k for k, name in needs[circle[0]].items() if name == circle[1])
        raise UsageError(
            f"{key}: these steps wait for each other: {' -> '.join(circle)}",
            where=source.steps[circle[0]].where(f"{key}.step"),
        ) from error
    places = {of: number for number, of in enumerate(needs)}
    ready: list[tuple[int, str]] = []
    while sorter.is_active():
        for of in sorter.get_ready():
            heappush(ready, (places[of], of))
        _, of = heappop(ready)
        sorter.done(of)
        yield of


def _texts(sweep: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
    """`lr=0.1` for each value of each key: short, good as a file's name, each its own."""
    found = {}
    for key, values in sweep.items():
        words = [_word(value) for value in values]
        for number, word in enumerate(words):
            if word.casefold() in map(str.casefold, words[:number]):
                words[number] = f"{word}~{number + 1}"
        found[key] = [f"{_part(_short(key, sweep))}={word}" for word in words]
    return found


def _short(key: str, keys: Mapping[str, Any]) -> str:
    """The end of a dotted key that no other one ends in."""
    parts = key.split(".")
    for start in reversed(range(len(parts))):
        end = ".".join(parts[start:])
        if not any(other != key and f".{other}".endswith(f".{end}") for other in keys):
            return end
    return key


def _part(key: str) -> str:
    """A key as a part of a file's name; one that cannot stand there as it is stays its own."""
    plain = _word(key)
    return plain if plain == key else f"{plain}~{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _word(value: Any) -> str:
    """A value as a part of a file's name."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    plain = re.sub(r"\.{2,}", ".", re.sub(r"[^\w.+-]+", "-", text))
    return plain.strip(".").rstrip("-")[:40] or "value"


def _folder(texts: Mapping[str, str]) -> str:
    """The name of a cell, or of what some of its values reach."""
    name = ",".join(texts.values())
    encoded = name.encode()
    if len(encoded) <= _LONGEST:
        return name
    whole = hashlib.sha256(encoded).hexdigest()
    return f"{encoded[:_LONGEST].decode(errors='ignore')}~{whole[:8]}"
