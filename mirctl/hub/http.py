"""The hub's library asks through this: where the token goes, how long an answer may take, how
much it may say, and what it may not say.
"""

import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mirctl import console, files
from mirctl.errors import MissingError

if TYPE_CHECKING:
    from httpx2 import URL, Client, Request, Response

LARGEST = 32 << 20
"""Bytes of an answer that is no file, and of a file whose size nobody told."""
LISTING, LISTING_TIME = 128 << 20, 600.0
"""Bytes and seconds of all pages of one listing."""
PATIENCE = 60.0
"""Seconds for an answer to come whole, for a hub to take what is sent, and to be done with it."""
SLOWEST, LOOKS = 1024, 6
"""A file comes with so many bytes a second, looked at after so many read time-outs."""
LONGEST_WAIT = 300
"""Seconds that a busy hub may ask for."""
_HUBS = ("https://huggingface.co", "https://hf.co")
_ASKED = "mirctl"
"""The key under which a request says what it is for; redirects take it along."""


@dataclass
class _Asked:
    """What a request is for: a file, a listing, or another answer."""

    what: str
    method: str
    place: tuple[str, str]
    """Host and path that were asked first."""


def client() -> "Client":
    """The library's own client under our rules."""
    from huggingface_hub.utils._http import default_client_factory

    http, rules = default_client_factory(), _Rules()
    http.event_hooks = {
        "request": [*http.event_hooks["request"], _keep_token, rules.asked],
        "response": [_refuse_codings, _refuse_waits, rules.answered, _refuse_places],
    }
    return http


@dataclass
class _Rules:
    """What one client has to remember of the hub's answers."""

    sizes: dict[tuple[str, str], int] = field(default_factory=dict)
    """Host and path of a file -> its size, as its header says, or 0."""
    listed: int = 0
    since: float | None = None
    """Bytes of the listing at hand, and when it began."""

    def asked(self, request: "Request") -> None:
        """Say what a request is for, and how long it may wait."""
        purpose = request.extensions.get(_ASKED) or self._purpose(request)
        limits = dict.fromkeys(("connect", "read", "write", "pool"), _patience(purpose.method))
        told = request.extensions.get("timeout", {}) if purpose.method != "HEAD" else {}
        own = {name: limit for name, limit in told.items() if limit is not None}
        request.extensions = {
            **request.extensions, "timeout": limits | own, _ASKED: purpose,
        }  # fmt: skip
        if purpose.what != "listing":
            self.listed, self.since = 0, None
        elif self.since is None:
            self.since = time.monotonic()
        elif time.monotonic() - self.since > LISTING_TIME:
            raise _too_long(request.url, "a listing of files", LISTING_TIME)

    def answered(self, response: "Response") -> None:
        """Count what comes from now on."""
        purpose: _Asked = response.request.extensions[_ASKED]
        if purpose.method == "HEAD":
            for place in (response.url, response.url.join(response.headers.get("Location", ""))):
                self.sizes[place.host, place.path] = _size(response)
        elif purpose.what == "file" and response.is_success:
            most = max(_size(response), self.sizes.get(purpose.place, 0)) or LARGEST
            response.stream = _stream(response, _file(response.stream, response.url, most))
        else:
            answer = self._answer(response.stream, response.url, purpose.what)
            response.stream = _stream(response, answer)

    def _purpose(self, request: "Request") -> _Asked:
        """A file is asked for by the word `resolve`, which may be a name in the API's paths, or
        where the header of one led to.
        """
        from huggingface_hub import constants

        url, start = request.url, urlsplit(constants.ENDPOINT).path.rstrip("/")
        api = url.path.removeprefix(start).startswith("/api/")
        place, what = (url.host, url.path), "answer"
        if place in self.sizes or (not api and "/resolve/" in url.path):
            what = "file"
        elif api and "/tree/" in url.path:
            what = "listing"
        return _Asked(what, request.method, place)

    def _answer(self, body: Iterable[bytes], url: "URL", what: str) -> Iterator[bytes]:
        """What is no file comes whole, soon, and is not long."""
        size, begin = 0, time.monotonic()
        for chunk in body:
            size += len(chunk)
            if what == "listing":
                self.listed += len(chunk)
            if size > LARGEST or self.listed > LISTING:
                raise _too_much(url, max(size, self.listed))
            if time.monotonic() - begin > PATIENCE:
                raise _too_long(url, "one answer", PATIENCE)
            yield chunk


def _size(response: "Response") -> int:
    """The size of a file, as its header says; 0 where it does not."""
    told = response.headers.get("X-Linked-Size")
    if told is None and not response.is_redirect:
        told = response.headers.get("Content-Length")
    return int(told) if re.fullmatch(r"[0-9]{1,18}", told or "") else 0


def _patience(method: str) -> float:
    """Seconds of silence that are borne where the library would wait without end."""
    from huggingface_hub import constants

    reading = float(constants.HF_HUB_ETAG_TIMEOUT)
    return reading if method in ("GET", "HEAD") else max(reading, PATIENCE)


def _file(body: Iterable[bytes], url: "URL", most: int) -> Iterator[bytes]:
    """A file's bytes: not more than were told, and not a trickle."""
    from huggingface_hub import constants

    size = came = 0
    window, mark = LOOKS * constants.HF_HUB_DOWNLOAD_TIMEOUT, time.monotonic()
    for chunk in body:
        size, came = size + len(chunk), came + len(chunk)
        if size > most:
            raise _too_much(url, size)
        if (took := time.monotonic() - mark) > window:
            if came < SLOWEST * took:
                told = f"sent {came} bytes in {took:.0f} s, which never ends"
                todo = "try later, or set HF_HUB_DOWNLOAD_TIMEOUT to more seconds"
                raise MissingError(f"{url.host} {told}: {todo}")
            came, mark = 0, time.monotonic()
        yield chunk


def _stream(response: "Response", content: Iterator[bytes]) -> Any:
    """The content as a body of the HTTP library in use, which was another before hub 2."""
    library = sys.modules[type(response).__module__.partition(".")[0]]
    inner = response.stream

    class Body(library.SyncByteStream):  # type: ignore[name-defined,misc]
        def __iter__(self) -> Iterator[bytes]:
            return content

        def close(self) -> None:
            inner.close()

    return Body()


def _too_much(url: "URL", size: int) -> MissingError:
    return MissingError(f"{url.host} answers without end ({console.size_text(size)} so far)")


def _too_long(url: "URL", what: str, seconds: float) -> MissingError:
    return MissingError(f"{url.host} took over {seconds:g} s for {what}: try later")


def is_hub(url: "URL") -> bool:
    """May the token go there?"""
    from huggingface_hub import constants

    hubs = (type(url)(place) for place in (constants.ENDPOINT, *_HUBS))
    return (url.scheme, url.host, url.port) in [(hub.scheme, hub.host, hub.port) for hub in hubs]


def _keep_token(request: "Request") -> None:
    """The token goes to the hub alone: an answer may name any place to go on at."""
    if not is_hub(request.url):
        request.headers.pop("authorization", None)
    request.headers["accept-encoding"] = "identity"


def _refuse_codings(response: "Response") -> None:
    """A packed answer would grow without limit, and none was asked for."""
    coding = response.headers.get("Content-Encoding", "identity")
    if coding.lower() != "identity":
        raise MissingError(f"{response.url.host} packs its answer ({coding[:20]!a}) unasked")


def _refuse_waits(response: "Response") -> None:
    """The library waits as long as a busy hub says, were it a year."""
    told = [response.headers.get("Retry-After", "").strip()]
    told += re.findall(r"\bt=(\d+)", response.headers.get("RateLimit", ""))
    waits = [text for text in told if text.isdigit()]
    longest = max((int(text[:12]) for text in waits), default=0)
    if longest > LONGEST_WAIT and (response.status_code == 429 or response.status_code >= 500):
        raise MissingError(f"{response.url.host} is busy for {longest} s: try again then")


def _refuse_places(response: "Response") -> None:
    """The library names files of its cache by what an answer says of a file, whatever that is."""
    told: list[Any] = []
    if response.request.method == "HEAD":
        told = [response.headers.get(name, "") for name in ("ETag", "X-Linked-ETag")]
        _refuse_routes(response)
    elif "/tree/" in response.url.path and response.is_success:
        told = _hashes(response.read())
    for name in told:
        if not isinstance(name, str) or re.search(r"[/\\]|\.\.|.{200}", name.removeprefix("W/")):
            raise MissingError(f"{response.url.host} says {str(name)[:60]!r} is a file's hash")


def _refuse_routes(response: "Response") -> None:
    """Xet's library takes the token to where an answer says, on a way of its own."""
    linked = response.links.get("xet-auth", {}).get("url")
    for route in filter(None, (linked, response.headers.get("X-Xet-Refresh-Route"))):
        if not is_hub(type(response.url)(route)):
            raise MissingError(f"{response.url.host} wants the token at {route[:60]!r}: do not go")


def _hashes(listing: bytes) -> list[Any]:
    """The hashes in a listing of files; none where it is no listing, which the library tells."""
    try:
        items = files.json_value(listing)
        return [part.get("oid", "") for item in items for part in (item, item.get("lfs") or {})]
    except (ValueError, TypeError, AttributeError):
        return []
