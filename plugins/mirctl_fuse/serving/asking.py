"""A request -> what it asks for. A file is what was sent, and never one that the server has."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import Request
from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from torch import Tensor

from mirctl import files, mistakes
from mirctl.data.images import FILMS, PICTURES, SOUNDS
from mirctl.errors import DataError
from mirctl.section import Section
from mirctl_fuse.searching import HISTORY, USER, Query, Search

FORM = "multipart/form-data"
DOCUMENT = "search"
"""The field of a form that holds the JSON document."""
WHERE = "the query"
MOST_FILES = 16
SUFFIXES = (*PICTURES, *SOUNDS, *FILMS)


class Asked(Section):
    """What `POST /search` takes: a query as `fuse search -` reads it, and how it is answered."""

    query: dict[str, Any] = Field({}, description="As a line of `mirctl fuse search -`")
    k: Annotated[int, Field(ge=1, le=1000)] = 10
    where: list[str] = Field([], description="COLUMN=VALUE: only items of this")
    apart: bool = Field(False, description="Rank by each modality alone, then fuse the ranks")
    approximate: bool = Field(False, description="The faster search, where the index has one")


@dataclass(frozen=True)
class Prepared:
    """A query that can be answered."""

    asked: Asked
    query: Query
    allowed: Tensor | None


@dataclass(frozen=True)
class Sent:
    """A request as it came: its document, and files by modality."""

    document: Any
    files: Mapping[str, Path] = field(default_factory=dict)
    called: Mapping[str, str] = field(default_factory=dict)
    """By the path of a file what its owner calls it."""

    def named(self, message: str) -> str:
        """A message in which files are called as their owner does."""
        for path, name in self.called.items():
            message = message.replace(path, name)
        return message


async def receive(request: Request, folder: Path) -> Sent:
    """Read a request; files that are sent go into the folder."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == FORM:
        limits = {"max_files": MOST_FILES, "max_fields": MOST_FILES}
        async with request.form(**limits) as form:
            return await run_in_threadpool(_of_form, form, folder)
    if kind != "application/json":
        told = f"content type {kind or 'none'!r}: send application/json, or {FORM} with files"
        raise HTTPException(415, told)
    return Sent(_json(await request.body()))


def _of_form(form: FormData, folder: Path) -> Sent:
    document, paths, called = {}, {}, {}
    for number, (name, value) in enumerate(form.multi_items()):
        if isinstance(value, UploadFile):
            if name in paths:
                raise DataError(f"{name!r} is sent twice", where=WHERE)
            suffix = os.path.splitext(value.filename or "")[1].lower()
            paths[name] = folder / f"{number}{suffix if suffix in SUFFIXES else ''}"
            called[str(paths[name])] = value.filename or name
            with paths[name].open("wb") as out:
                shutil.copyfileobj(value.file, out)
        elif name == DOCUMENT:
            document = _json(value.encode("utf-8", "surrogatepass"))
        else:
            told = f"field {name!r}: the JSON document is the field {DOCUMENT!r}, others are files"
            raise DataError(told, where=WHERE)
    return Sent(document, paths, called)


def _json(content: bytes) -> Any:
    try:
        return files.json_value(content.decode())
    except ValueError as error:
        raise DataError(f"is no JSON: {error}", where="the document") from error


def prepare(search: Search, sent: Sent) -> Prepared:
    """Check what is asked, as the command line does."""
    if not isinstance(sent.document, dict):
        raise DataError('is no JSON object: write {"query": {"text": "..."}}', where="the document")
    try:
        asked = Asked.model_validate(sent.document, strict=True)
    except ValidationError as error:
        ((_, told), *_) = mistakes.explain(Asked, sent.document, error.errors())
        raise DataError(told, where="the document") from error
    query = dict(asked.query)
    for word in query:
        if word not in (USER, HISTORY) and search.kinds[search.named(word, WHERE)] != "text":
            raise DataError(f"{word!r} is a file: send it as {FORM}", where=WHERE)
    for word, path in sent.files.items():
        if search.kinds[search.named(word, WHERE)] == "text" or word in query:
            raise DataError(f"{word!r} is a text, and said in the document", where=WHERE)
        query[word] = str(path)
    if not query:
        told = f"nothing is asked: give a query by {', '.join(search.words)}"
        raise DataError(told, where=WHERE)
    allowed = search.index.allowed(asked.where) if asked.where else None
    return Prepared(asked, search.query(query, WHERE), allowed)


def schema() -> dict[str, Any]:
    """The request as OpenAPI tells it."""
    document = Asked.model_json_schema()
    parts = {DOCUMENT: {"type": "string", "description": "The document, as JSON"}}
    file = {"type": "string", "format": "binary", "description": "A file, by its modality"}
    form = {"type": "object", "properties": parts, "additionalProperties": file}
    content = {"application/json": {"schema": document}, FORM: {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


def text_of(value: Any) -> bytes:
    """JSON; what it has no word for is told as text."""
    return json.dumps(_plain(value), default=str).encode()


def _plain(value: Any) -> Any:
    """JSON has no NaN, and no bytes."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value.decode(errors="replace") if isinstance(value, bytes) else value
