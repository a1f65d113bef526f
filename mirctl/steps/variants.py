"""One recipe in several variants, over seeds: a pipeline whose steps are the variants."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mirctl import recipe
from mirctl.errors import UsageError
from mirctl.jobs import Options
from mirctl.recipe import Recipe
from mirctl.steps import graph, reading
from mirctl.steps.graph import Pipeline


@dataclass(frozen=True)
class Variant:
    """A recipe with some keys set."""

    step: str
    """What its step is called."""
    changes: Mapping[str, Any]
    """Dotted key -> value; one with a `seed` runs with that alone."""


def base_of(name: str, changes: Sequence[str], options: Options, only: str) -> Recipe:
    """The recipe that all variants share, of the job `only`."""
    read = recipe.change(recipe.read(name, changes), options.changes())
    if read.uses != only:
        raise UsageError(f"uses {read.uses}, not {only}", where=read.where("uses"))
    return read


def first_seed(base: Recipe) -> int:
    """The recipe's; the others follow."""
    first = base.tree.get("seed", 0)
    if not isinstance(first, int) or first < 0:
        raise UsageError("seed: write a whole number from 0 on", where=base.where("seed"))
    return first


def pipeline(
    base: Recipe, variants: Sequence[Variant], seeds: int, changes: Sequence[str] = ()
) -> Pipeline:
    """A step for each variant, all for each seed; `changes` are STEP.key=value."""
    trees: dict[str, Any] = {}
    marks, changed = {}, set()
    for one in variants:
        tree = trees[one.step] = json.loads(json.dumps(base.tree))
        tree.pop("seed", None)
        for key, value in one.changes.items():
            recipe.put(tree, key, value)
        marks |= {f"steps.{one.step}.{key}": mark for key, mark in base.marks.items()}
        told = {*base.changed, *one.changes} - {"seed"}
        changed |= {f"steps.{one.step}.{key}" for key in told}
    first = first_seed(base)
    whole = {"steps": trees, "sweep": {"seed": list(range(first, first + seeds))}}
    read = replace(base, tree=whole, marks=marks, changed=frozenset(changed))
    return graph.expand(reading.take_apart(reading.changed(read, changes)))


def runs_of(line: Pipeline, step: str) -> dict[int, str]:
    """Seed -> the name of the step that ran with it."""
    names = dict.fromkeys(cell.steps[step] for cell in line.cells)
    return {line.steps[name].recipe.tree["seed"]: name for name in names}
