"""The object in an answer, whatever stands around it: prose, fences, thoughts, other objects.

What can be read strictly is; else a whole object with single quotes, trailing commas and the like
is repaired. An object that does not end is never completed: its writer is asked again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mirctl.errors import MissingError

Object = TypeVar("Object", bound=BaseModel)
THOUGHT = re.compile(r"<(/?)(think|thinking|thought|reasoning)>", re.IGNORECASE)
OPENING = re.compile(r"[{[]")
STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]"]', re.DOTALL)
PAIRS = {"{": "}", "[": "]"}
CUT = "the object in it does not end"
NOTHING = "there is no JSON object in it"
BEGUN = re.compile(r"\{\s*[\"'\w]|\[\s*\{")
"""In prose a bracket may stay open; an object begins with a key."""
DEEPEST, MOST, LEVELS = 100, 1000, 16
"""Brackets in one another, places where an object may begin, and levels on which keys are renamed:
no answer has more."""


class Unfit(ValueError):
    """An answer without an object that follows the schema; it says why."""


def form(schema: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a model, without room for keys that it does not name; a MissingError
    where answers could not be repaired."""
    if find_spec("json_repair") is None:
        raise MissingError("answers in JSON are read with json-repair: pip install 'mirctl[llm]'")
    return _closed(schema.model_json_schema())


def _closed(keys: Any) -> Any:
    if isinstance(keys, list):
        return [_closed(part) for part in keys]
    if not isinstance(keys, dict):
        return keys
    inner = {name: _closed(part) for name, part in keys.items()}
    is_object = keys.get("type") == "object" and isinstance(keys.get("properties"), dict)
    return {"additionalProperties": False, **inner} if is_object else inner


def spoken(text: str) -> str:
    """An answer without the thoughts that a model writes before it."""
    marks = list(THOUGHT.finditer(text))
    if not marks:
        return text.strip()
    last = marks[-1]
    return text[last.end() :].strip() if last[1] else ""  # a thought that does not end


def read(text: str, schema: type[Object], keys: Mapping[str, Any]) -> Object:
    """The last object in an answer that follows the schema, whose JSON form is `keys`."""
    problem = NOTHING
    values, whole = _values(spoken(text))
    if not whole:
        raise Unfit(CUT)
    for value in reversed(values):
        for candidate in _inside(value):
            try:
                named = renamed(candidate, keys, keys.get("$defs", {}))
                return schema.model_validate_json(json.dumps(named))
            except ValidationError as error:
                problem = _told(error) if problem is NOTHING else problem
            except RecursionError:
                problem = "it is nested too deeply"
    raise Unfit(problem)


def _inside(value: Any) -> Iterator[dict[str, Any]]:
    """An object; those in an array, the last first; the one object that another only wraps."""
    if isinstance(value, list):
        for part in reversed(value):
            yield from (part,) if isinstance(part, dict) else ()
    elif isinstance(value, dict):
        yield value
        if len(value) == 1:
            yield from _inside(next(iter(value.values())))


def _values(text: str) -> tuple[list[Any], bool]:
    """All objects and arrays that stand in no other, in their order; False where one has no end."""
    found, at = [], 0
    strict = json.JSONDecoder(parse_constant=_refuse)
    for _ in range(MOST):
        opening = OPENING.search(text, at)
        if opening is None:
            break
        try:
            value, at = strict.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            at = _end(text, opening.start())
            if at is None:
                if BEGUN.match(text, opening.start()):
                    return found, False
                at = opening.end()
                continue
            value = _repaired(text[opening.start() : at])
        found.append(value)
    return found, True


def _end(text: str, start: int) -> int | None:
    """Behind the bracket that closes the one at `start`; None where none does."""
    wanted: list[str] = []
    for found in STRUCTURE.finditer(text, start):
        mark = found[0]
        if mark in PAIRS:
            wanted.append(PAIRS[mark])
        elif mark in "}]" and mark != wanted.pop():
            return None
        if mark == '"' or len(wanted) > DEEPEST:
            return None  # a text that does not end
        if not wanted:
            return found.end()
    return None


def _repaired(text: str) -> Any:
    import json_repair

    try:
        return json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError, TypeError, IndexError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def renamed(
    value: Any, keys: Mapping[str, Any], shared: Mapping[str, Any], levels: int = LEVELS
) -> Any:
    """Keys in other case, or with other marks between their words, as the schema has them."""
    keys = shared.get(str(keys.get("$ref", "")).rpartition("/")[2], keys)
    if not levels:
        return value
    for kind in ("anyOf", "oneOf", "allOf"):
        for choice in keys.get(kind, ()):
            value = renamed(value, choice, shared, levels - 1)
    if isinstance(value, list):
        return [renamed(part, keys.get("items", {}), shared, levels - 1) for part in value]
    if not isinstance(value, dict):
        return value
    known = keys.get("properties", {})
    plain = {_plain(name): name for name in known}
    found: dict[str, Any] = {}
    for name, part in value.items():
        own = name if name in known else plain.get(_plain(name), name)
        if own == name or own not in value:
            found[own] = renamed(part, known.get(own, {}), shared, levels - 1)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _told(error: ValidationError) -> str:
    """What is wrong, in a line that a model can follow."""
    wrong = [f"{'.'.join(map(str, e['loc'])) or 'the object'}: {e['msg']}" for e in error.errors()]
    return "; ".join(wrong[:5])[:500]
