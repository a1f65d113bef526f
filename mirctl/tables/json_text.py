"""JSON objects as text: numbers as they are written, and values changed in place."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from json.decoder import scanstring
from typing import Any

from mirctl.errors import DataError
from mirctl.tables.jsonl import json_object

BLANK = re.compile(r"[ \t\n\r]*")
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


class Number(str):
    """A number with all the digits it was written with."""


_parse = json.JSONDecoder(parse_int=Number, parse_float=Number).decode
_skip = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode


def parsed(line: str, where: str) -> dict[str, Any]:
    """The object in a line, its numbers as they are written."""
    return json_object(line, where, _parse)


def members(line: str) -> dict[str, tuple[int, int]]:
    """Where the value of each key of an object stands in its line."""
    places: dict[str, tuple[int, int]] = {}
    at = BLANK.match(line, line.index("{") + 1).end()
    while line[at] != "}":
        if line[at] == ",":
            at = BLANK.match(line, at + 1).end()
        key, at = scanstring(line, at + 1)
        colon = BLANK.match(line, at).end()
        start = BLANK.match(line, colon + 1).end()
        _, stop = _skip(line, start)
        places[key] = (start, stop)
        at = BLANK.match(line, stop).end()
    return places


def with_members(
    line: str, *, inside: Mapping[str, str] = {}, before: Mapping[str, str] = {},
    after: Mapping[str, str] = {},
) -> str:  # fmt: skip
    """An object's line with values in JSON set, `inside` where a key stands (else at the end)."""
    missing = {}
    if inside:
        places = members(line)
        missing = {key: value for key, value in inside.items() if key not in places}
        for key in sorted(inside.keys() - missing, key=lambda key: places[key], reverse=True):
            start, stop = places[key]
            line = line[:start] + inside[key] + line[stop:]
    start, stop = line.index("{") + 1, line.rindex("}")
    middle = line[start:stop]
    front, end = _pairs(before), _pairs({**missing, **after})
    if middle.strip():
        front += ", " if front else ""
        end = ", " + end if end else ""
    elif front and end:
        end = ", " + end
    # Blanks before the closing brace stay behind the last value.
    kept = middle.rstrip(" \t\r\n") if end else middle
    return line[:start] + front + kept + end + middle[len(kept) :] + line[stop:]


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{text_in_json(key)}: {value}" for key, value in values.items())


def text_in_json(text: str) -> str:
    """As it is, but for half characters, which only an escape can write."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(text)
    return json.dumps(text, ensure_ascii=False)


def written(text: str | None, kind: str, column: str, where: str) -> str:
    """The JSON of a cell in a column that holds "number", "numbers", "bool" or text."""
    if text is None:
        return "null"
    if kind == "numbers":
        return text
    if kind == "number":
        return _number(text, column, where)
    if kind == "bool":
        if text.strip().lower() in ("true", "false"):
            return text.strip().lower()
        raise DataError(f"{text!r} is neither true nor false, as {column!r} holds", where=where)
    if kind == "opaque":
        raise DataError(f"column {column!r} is nested, so it cannot be filled", where=where)
    return text_in_json(text)


def _number(text: str, column: str, where: str) -> str:
    text = text.strip()
    if NUMBER.fullmatch(text):
        return text
    try:
        number = float(text)
    except ValueError:
        raise DataError(f"{text!r} is no number, as {column!r} holds", where=where) from None
    return repr(number) if math.isfinite(number) else "null"
