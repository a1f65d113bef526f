"""The routes: an API that speaks JSON, pictures, and a page."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from mirctl import console
from mirctl.errors import ArtifactError, MirctlError, MissingError, RunError
from mirctl_fuse.index.index import ID
from mirctl_fuse.searching import Search
from mirctl_fuse.serving import asking, pictures
from mirctl_fuse.serving.about import about
from mirctl_fuse.serving.limits import Limits
from mirctl_fuse.serving.together import Answer, Together

PAGE = Path(__file__).parent / "page"
PARTS = {"": ("index.html", "text/html"), "page.css": ("page.css", "text/css"),
         "page.js": ("page.js", "text/javascript")}  # fmt: skip
JSON = "application/json"


class Served:
    """An index, and what is shown of it."""

    def __init__(self, search: Search, files: Mapping[str, Path]) -> None:
        self.search, self.files = search, files
        self.together = Together(search)
        self.about = asking.text_of(about(search))

    def health(self) -> Response:
        """Is it there?"""
        return _json({"status": "ok", "items": len(self.search.index)})

    def told(self) -> Response:
        """What can be asked, and which columns items can be filtered by."""
        return Response(self.about, media_type=JSON)

    async def find(self, request: Request) -> Response:
        """Items that suit a text, a user, or files that are sent: best first."""
        with tempfile.TemporaryDirectory(prefix="mirctl-") as folder:
            sent = await asking.receive(request, Path(folder))
            try:
                prepared = await run_in_threadpool(asking.prepare, self.search, sent)
                answer = await asyncio.wrap_future(self.together.ask(prepared))
            except MirctlError as error:
                raise type(error)(sent.named(error.message), where=error.where) from error
        return _json({"results": self._rows(answer)})

    def _rows(self, answer: Answer) -> list[dict[str, Any]]:
        """As `fuse search` tells them, and where their pictures are."""
        index, titles = self.search.index, self.search.titles
        return [
            {"rank": rank, "item_id": index.ids[item],
             **({} if titles is None else {"title": titles[item]}),
             "score": round(score, 6), "picture": self._picture_of(index.ids[item])}
            for rank, (item, score) in enumerate(answer, start=1)
        ]  # fmt: skip

    def item(self, item_id: str) -> Response:
        """All that the index knows of an item."""
        index = self.search.index
        if item_id not in index.place:
            raise HTTPException(404, f"no item {item_id!r} is in the index")
        (row,) = index.items.slice(index.place[item_id], 1).to_pylist()
        del row[ID]
        return _json({ID: item_id, "columns": row, "picture": self._picture_of(item_id)})

    def _picture_of(self, item_id: str) -> str | None:
        return f"/pictures/{quote(item_id, safe='')}" if item_id in self.files else None

    def picture(self, item_id: str) -> Response:
        """An item's picture, small."""
        content = pictures.small(self.files, item_id)
        if content is None:
            raise HTTPException(404, f"item {item_id!r} has no picture")
        kept = {"Cache-Control": "max-age=3600"}
        return Response(content, media_type="image/jpeg", headers=kept)


def create(search: Search, files: Mapping[str, Path]) -> FastAPI:
    """The application; it answers while it is started."""
    served = Served(search, files)

    @asynccontextmanager
    async def answers(_: FastAPI) -> AsyncIterator[None]:
        with served.together:
            yield

    app = FastAPI(title="mirctl fuse serve", lifespan=answers, docs_url=None, redoc_url=None)
    app.add_middleware(Limits)
    app.post("/search", openapi_extra=asking.schema())(served.find)
    app.get("/items/{item_id:path}")(served.item)
    app.get("/pictures/{item_id:path}")(served.picture)
    app.get("/health")(served.health)
    app.get("/about")(served.told)
    for path, (name, kind) in PARTS.items():
        _add_part(app, path, (PAGE / name).read_text("utf-8"), kind)
    _tell_errors(app)
    return app


def _add_part(app: FastAPI, path: str, content: str, kind: str) -> None:
    app.get(f"/{path}", include_in_schema=False)(lambda: Response(content, media_type=kind))


def _tell_errors(app: FastAPI) -> None:
    """Every error is a JSON document; what a client sent is never the server's."""

    @app.exception_handler(HTTPException)
    async def by_http(_: Request, error: HTTPException) -> Response:
        return _error(error.status_code, str(error.detail), headers=error.headers)

    @app.exception_handler(MirctlError)
    async def by_mirctl(_: Request, error: MirctlError) -> Response:
        status = 501 if isinstance(error, MissingError) else 400
        if isinstance(error, ArtifactError | RunError):
            console.warn(str(error))
            status = 500
        return _error(status, error.message, error.where)

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, error: ClientDisconnect) -> Response:
        return _error(400, "the request ended too soon")

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, error: Exception) -> Response:
        console.warn(f"{type(error).__name__}: {error} (this is a bug in mirctl or a plugin)")
        return _error(500, "the server failed: its log tells why")


def _json(content: Any) -> Response:
    return Response(asking.text_of(content), media_type=JSON)


def _error(
    code: int, message: str, where: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    told = {"error": {"code": code, "message": message, "where": where}}
    return Response(asking.text_of(told), code, dict(headers or {}), JSON)
