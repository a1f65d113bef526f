"""What is wrong with a recipe: pydantic's errors in the words of who wrote it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from mirctl.errors import suggest

Problem = Mapping[str, Any]
"""One of pydantic's error details."""


def explain(
    config: type[BaseModel], tree: Any, problems: Sequence[Problem]
) -> list[tuple[str, str]]:
    """(dotted key, what is wrong there) of each mistake.

    Of a value that may be one of several kinds pydantic tells what each kind misses: that is one
    mistake, in the kind that fits best.
    """
    kinds: dict[Any, dict[str, list[tuple[str, Problem]]]] = {}
    for number, problem in enumerate(problems):
        key, union, kind = _place(tree, problem)
        found = kinds.setdefault(number if union is None else union, {})
        found.setdefault(kind, []).append((key, problem))
    told: dict[tuple[str, str], None] = {}
    for found in kinds.values():
        best, *others = sorted(found.values(), key=lambda some: -some[0][0].count("."))
        wider = "".join(_or(key, problem, best[0][0]) for (key, problem), *_ in others)
        kind = next(kind for kind, some in found.items() if some is best)
        for key, problem in best:
            text = _complaint(config, key, problem, kind) + wider
            told[key, f"{key}: {text}" if key else text] = None
    return list(told)


def deprecated(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, what to write instead) of each key that is set and will go: a field with
    `Field(deprecated="...")`. One at its default is none: a stored recipe has every key.
    """
    if isinstance(value, Mapping):
        parts = list(value.items())
    elif isinstance(value, BaseModel):
        parts = list(vars(value).items())
        for name, info in type(value).model_fields.items():
            if info.deprecated and vars(value)[name] != info.default:
                yield f"{key}.{name}".removeprefix("."), str(info.deprecation_message)
    else:
        parts = list(enumerate(value)) if isinstance(value, tuple | list) else []
    for name, part in parts:
        yield from deprecated(part, f"{key}.{name}".removeprefix("."))


def _or(key: str, problem: Problem, best: str) -> str:
    wanted = problem["msg"].removeprefix("Input should be ")
    return f"; or {wanted}" if key == best else f"; or {key}: {wanted}"


def _complaint(config: type[BaseModel], key: str, problem: Problem, kind: str) -> str:
    message, given = problem["msg"].removeprefix("Value error, "), problem["input"]
    if problem["type"] == "extra_forbidden":
        known = _known_keys(config, key, kind)
        hint = suggest(key.rpartition(".")[2], known, f"known keys: {', '.join(known)}")
        return f"unknown key{hint}"
    if problem["type"] == "missing":
        return "is missing"
    if problem["type"] == "value_error" or isinstance(given, dict | list | tuple):
        return message
    hint = ""
    if problem["type"] == "literal_error" and isinstance(given, str):
        choices = message.split("be ", 1)[1].replace(" or ", ",").split(",")
        hint = suggest(given, [part.strip("' ") for part in choices])
    return f"{message}, not {given!r}{hint}"


def _place(tree: Any, problem: Problem) -> tuple[str, str | None, str]:
    """The dotted key of a problem; and if kinds of values are told apart, where, and which kind.

    In pydantic's locations the names of kinds stand among those that are in the recipe.
    """
    parts: list[str] = []
    union, kind = None, ""
    for part in problem["loc"]:
        inside = (isinstance(tree, dict) and part in tree) or (
            isinstance(tree, list) and isinstance(part, int) and part < len(tree)
        )
        if inside:
            parts.append(str(part))
            tree = tree[part]
        elif problem["type"] == "missing":
            parts.append(str(part))
        elif union is None:
            union, kind = ".".join(parts), str(part)
    return ".".join(parts), union, kind


def _known_keys(config: type[BaseModel], key: str, kind: str) -> list[str]:
    """Field names of the section in which a key stands; of several kinds that of the `kind`."""
    section: Any = config
    for part in key.split(".")[:-1]:
        info = section.model_fields.get(part) if section else None
        section = _section_class(info.annotation, kind) if info else section
    return list(section.model_fields) if section else []


def _section_class(annotation: Any, kind: str) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    parts = get_args(annotation)
    tagged = [p for p in parts if any(getattr(t, "tag", None) == kind for t in get_args(p))]
    for part in tagged or parts:
        if found := _section_class(part, kind):
            return found
    return None
