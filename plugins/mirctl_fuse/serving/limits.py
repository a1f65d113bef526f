"""What every answer says to a browser, and how much a request may hold."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mirctl.console import size_text
from mirctl_fuse.serving.asking import FORM

MOST_DOCUMENT, MOST_UPLOAD = 10**6, 32 * 10**6
"""Bytes of a JSON document, and of a form with files."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Limits:
    """Refuses larger requests as soon as that is seen, and adds the headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_form = headers.get("content-type", "").lower().startswith(FORM)
        most = MOST_UPLOAD if is_form else MOST_DOCUMENT
        said, seen = headers.get("content-length", ""), 0

        async def counted() -> Message:
            nonlocal seen
            if said.isdecimal() and int(said) > most:
                raise too_large(most)
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise too_large(most)
            return message

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, counted, guarded)


def too_large(most: int) -> HTTPException:
    """413"""
    return HTTPException(413, f"is larger than {size_text(most)}, the most that is read")
