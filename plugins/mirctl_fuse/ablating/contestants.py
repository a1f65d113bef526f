"""What an ablation compares: names -> changes to the recipe."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from mirctl.errors import UsageError, suggest
from mirctl.steps.variants import Variant
from mirctl_fuse.config import PAIRWISE, TUNED, FuseModel

RECIPE = "recipe"
PARTS = ("modalities", "without", "cross", "fusion")
METHODS = (PAIRWISE, *TUNED)


@dataclass(frozen=True)
class Contestant:
    """The recipe, or what becomes of it by one change."""

    name: str
    """As tables and steps have it."""
    part: str
    """Which of PARTS it is about, "method", or "recipe"."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Dotted key -> value."""
    first: Sequence[str] = ()
    """Its modalities, where these are the first of the recipe, or all."""

    @property
    def adapts(self) -> bool:
        """Is it one of the methods that TPME is over?"""
        return self.part in (RECIPE, "method")

    def variant(self, once: dict[str, Any]) -> Variant:
        """A step of it; encoders that learn cost so much that they run `once`."""
        slow = self.changes.get("model.method") in TUNED
        return Variant(self.name, {**self.changes, **(once if slow else {})})


def contestants(model: FuseModel, parts: Sequence[str], methods: Sequence[str]) -> list[Contestant]:
    """The recipe first, then each part that is varied, then other methods; what would be the same
    as another is there once."""
    _check("--vary", parts, PARTS)
    _check("--methods", methods, METHODS)
    if model.method != "crossan":
        told = f"takes crossan apart, and the recipe is of {model.method!r}: leave out model.method"
        raise UsageError(f"ablate {told}", where="model.method")
    made = {"modalities": _first, "without": _without, "cross": _cross, "fusion": _fusions}
    found = [Contestant(RECIPE, RECIPE, first=[*model.modalities])]
    for part in parts:
        for one in made[part](model):
            same = next((other for other in found if other.changes == one.changes), None)
            if same is not None:  # all but the last are without the last
                found.remove(same)
            found.append(replace(one, first=same.first if same else one.first))
    for method in methods:
        joined = {"model.fusion": "concat"} if method == PAIRWISE else {}
        found.append(Contestant(method, "method", {"model.method": method, **joined}))
    if len(found) == 1:
        raise UsageError("nothing of this recipe is varied: name --methods, or more of --vary")
    return found


def _check(option: str, told: Sequence[str], known: Sequence[str]) -> None:
    for name in told:
        if name not in known:
            hint = suggest(name, known, f"known: {', '.join(known)}")
            raise UsageError(f"{option}: no {name!r}{hint}")
        if list(told).count(name) > 1:
            raise UsageError(f"{option}: {name!r} stands there twice")


def _lacking(names: Sequence[str]) -> dict[str, Any]:
    return {f"model.modalities.{name}": None for name in names}


def _first(model: FuseModel) -> list[Contestant]:
    """1, 2, 3, ... modalities, in the recipe's order."""
    names = list(model.modalities)
    return [
        Contestant(f"up-to-{names[n - 1]}", "modalities", _lacking(names[n:]), names[:n])
        for n in range(1, len(names))
    ]


def _without(model: FuseModel) -> list[Contestant]:
    if len(model.modalities) == 1:
        return []
    return [Contestant(f"without-{n}", "without", _lacking([n])) for n in model.modalities]


def _cross(model: FuseModel) -> list[Contestant]:
    if len(model.modalities) == 1:
        return []
    others = [way for way in get_args(FuseModel.model_fields["cross"].annotation)
              if way != model.cross]  # fmt: skip
    return [Contestant("no-cross" if way == "none" else f"cross-{way}", "cross",
                       {"model.cross": way}) for way in others]  # fmt: skip


def _fusions(model: FuseModel) -> list[Contestant]:
    others = [way for way in get_args(FuseModel.model_fields["fusion"].annotation)
              if way != model.fusion]  # fmt: skip
    return [Contestant(f"fusion-{way}", "fusion", {"model.fusion": way}) for way in others]
