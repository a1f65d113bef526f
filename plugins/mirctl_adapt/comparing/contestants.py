"""What takes part in a comparison: names on the command line -> changes to the recipe."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mirctl.errors import UsageError, suggest
from mirctl_adapt.config import CACHED, CONTENT, COUNTED, TUNED, ModelConfig

METHODS = (*CACHED, *TUNED, "id", *COUNTED)
IDS = "+id"
DEFAULT = ("iisan-versa", "iisan-versa+id", "frozen", "id", "markov", "pop")
ABLATED = "iisan-versa"


@dataclass(frozen=True)
class Contestant:
    """A method, by the name that it has in tables."""

    name: str
    changes: dict[str, Any]
    """Dotted key -> value."""

    @property
    def step(self) -> str:
        """What a step of a pipeline can be called."""
        return self.name.replace("+", "-")

    @property
    def method(self) -> str:
        return self.changes["model.method"]

    @property
    def once(self) -> bool:
        """Does it run with one seed only, as it costs so much?"""
        return self.method in TUNED

    @property
    def adapts(self) -> bool:
        """Does it adapt encoders? TPME is over those that do."""
        return self.method in CONTENT


def contestants(names: Sequence[str]) -> list[Contestant]:
    """`NAME` is a value of model.method; `NAME+id` adds an embedding of the item's id."""
    found = []
    for name in names:
        method, plus, _ = name.partition(IDS)
        ids = bool(plus)
        known = [*METHODS, *(f"{one}{IDS}" for one in CONTENT)]
        if name not in known:
            hint = suggest(name, known, f"known: {', '.join(METHODS)}; NAME+id adds ids")
            raise UsageError(f"--methods: no method {name!r}{hint}")
        found.append(Contestant(name, {"model.method": method, "model.ids": ids}))
    if twice := [name for name in names if list(names).count(name) > 1]:
        raise UsageError(f"--methods: {twice[0]!r} stands there twice")
    return found


def ablations(model: ModelConfig) -> list[Contestant]:
    """The side network without one of its parts each, as far as the recipe has them.

    Of several towers each is also left alone; of two that is what it is without the other.
    """
    parts: dict[str, dict[str, Any]] = {"no-gate": {"model.gate": False}}
    parts |= {f"layers-{kept}": {"model.layers": kept} for kept in ("every-second", "last", "all")}
    places = {name: _place(name) for name in model.encoders}
    if len(places) > 1:
        parts |= {"no-intra": {"model.intra": False}, "no-inter": {"model.inter": False}}
        for name in places:
            others = (place for other, place in places.items() if other != name)
            parts[f"only-{name}"] = dict.fromkeys(others)
    if len(places) > 2:
        parts |= {f"no-{name}": {place: None} for name, place in places.items()}
    whole = {"model.method": ABLATED}
    return [Contestant(f"{ABLATED}-{part}", {**whole, **told}) for part, told in parts.items()]


def _place(tower: str) -> str:
    """The key of a tower's encoder."""
    return f"model.{tower}" if tower in ("text", "image") else f"model.columns.{tower}"
