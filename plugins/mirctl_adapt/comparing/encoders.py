"""`--encoders TOWER=A,B,C`: every method that reads content, with each of several encoders."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mirctl.errors import UsageError, suggest
from mirctl_adapt.comparing.contestants import AT, Contestant, place
from mirctl_adapt.config import TUNED

METHODS = ("iisan-versa", "frozen")
"""What takes part unless told: does a side network gain from a larger encoder, and more than plain
heads do?"""
EXAMPLE = "text=minilm,gemma3-270m"
LONGEST = 40


@dataclass(frozen=True)
class Encoders:
    """The encoders of one tower."""

    tower: str
    models: dict[str, str]
    """Short name -> the model, as a recipe names it."""

    @property
    def first(self) -> str:
        """`@NAME` of the one that the others are compared with."""
        return f"{AT}{next(iter(self.models))}"


def parse(told: Sequence[str]) -> Encoders | None:
    """The encoders that the option names; None where it was not given."""
    if not told:
        return None
    if len(told) > 1:
        raise UsageError(f"--encoders {' and '.join(told)}: one tower at a time")
    tower, equals, listed = told[0].partition("=")
    models = [part.strip() for part in listed.split(",") if part.strip()]
    if not equals or not tower or not models:
        raise UsageError(f"--encoders {told[0]}: write TOWER=A,B,C, as in {EXAMPLE}")
    if twice := [model for model in models if models.count(model) > 1]:
        raise UsageError(f"--encoders: {twice[0]!r} stands there twice")
    return Encoders(tower, dict(zip(short_names(models), models, strict=True)))


def short_names(models: Sequence[str]) -> list[str]:
    """The end of each model's name, or as much more of all of them as tells them apart."""
    most = max(len(list(_forms(model))) for model in models)
    for level in range(most):
        names = [[*_forms(model)][: level + 1][-1] for model in models]
        if len({name.casefold() for name in names}) == len(names):
            return names
    raise UsageError(
        f"--encoders {','.join(models)}: two of them would have one name in tables; rename a folder"
    )


def _forms(model: str) -> Iterator[str]:
    """all-MiniLM-L6-v2, all-MiniLM-L6-v2-main, sentence-transformers-all-MiniLM-L6-v2-main."""
    whole = model.removeprefix("pip:").rstrip("/")
    parts = re.split("==|@", whole)[0].split("/")
    yield _plain(parts[-1])
    version = whole.removeprefix("/".join(parts))
    for count in range(1, len(parts) + 1):
        yield _plain("/".join(parts[-count:]) + version)


def _plain(text: str) -> str:
    """Letters and digits, as names of steps, metrics and folders may have; the end of a long one"""
    return re.sub(r"[^A-Za-z0-9_]+", "-", text)[-LONGEST:].strip("-_") or "encoder"


def named(encoders: Encoders, several: Sequence[Contestant]) -> list[Contestant]:
    """Each method that reads content once for each encoder, by name, and the others as they are."""
    if not any(one.adapts for one in several):
        raise UsageError("--encoders: none of --methods reads content")
    return [
        replace(one, name=f"{one.name}{AT}{name}") if name else one
        for one in several
        for name in (encoders.models if one.adapts else [""])
    ]


def with_models(
    encoders: Encoders, several: Sequence[Contestant], tree: dict[str, Any]
) -> list[Contestant]:
    """Those named so with their models; the tower's other settings are those of a recipe's tree."""
    changes = {name: _change(encoders.tower, model, tree)
               for name, model in encoders.models.items()}  # fmt: skip
    return [
        replace(one, changes={**one.changes, **changes[one.encoder]}) if one.encoder else one
        for one in several
    ]


def _change(tower: str, model: str, tree: dict[str, Any]) -> dict[str, Any]:
    """Dotted key -> value, so that the tower has another model."""
    known = _mapping(tree.get("model"))
    if tower in ("text", "image"):
        return {place(tower): _with_model(known.get(tower), model)}
    columns = _mapping(known.get("columns"))
    if tower not in columns:
        towers = ["text", "image", *columns]
        hint = suggest(tower, towers, f"towers: {', '.join(towers)}")
        raise UsageError(f"--encoders: the recipe has no tower {tower!r}{hint}")
    return {"model.columns": {**columns, tower: _with_model(columns[tower], model)}}


def _with_model(settings: Any, model: str) -> dict[str, Any]:
    return {**_mapping(settings), "model": model}


def _mapping(value: Any) -> dict[str, Any]:
    """A part of a recipe that nobody has checked yet; empty where it is none."""
    return value if isinstance(value, dict) else {}


def refuse_other_models(encoders: Encoders, change: str) -> None:
    """Raise a UsageError for METHOD.key=value whose name would then tell of another model."""
    key = change.partition("=")[0].partition(".")[2]
    if f"{place(encoders.tower)}.model.".startswith(f"{key}."):
        raise UsageError(f"{key}: --encoders says which model that is: change its other keys only")


def probes(encoders: Encoders, several: Sequence[Contestant]) -> list[Contestant]:
    """What reads the states of encoders that every other method tunes, so that their size and the
    time to encode are known, too."""
    frozen = named(encoders, [Contestant("frozen", {"model.method": "frozen"})])
    read = {one.encoder for one in several if one.method not in TUNED}
    return [one for one in frozen if one.encoder not in read]
