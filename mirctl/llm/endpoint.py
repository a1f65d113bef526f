"""The address of a server: one HTTP exchange, within bounds, and what its answer means."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mirctl import console, files, masking
from mirctl.errors import MissingError, UsageError
from mirctl.llm import wire
from mirctl.llm.answers import Problem, Reply
from mirctl.llm.config import LlmConfig
from mirctl.llm.pace import retry_after
from mirctl.llm.prompts import Request

if TYPE_CHECKING:
    from ssl import SSLContext

    from httpx2 import Client

LARGEST = 32 << 20
"""Bytes of an answer."""
LONGEST_WAIT = 300.0
"""Seconds that a busy server may ask for."""
PASSING = (408, 425, 429)
"""Refusals that pass, beside all of 500 and above."""
_KEY = "check the key: key_variable names the environment variable that holds it"
REFUSED = {
    401: _KEY,
    403: _KEY,
    404: "check the address and the model in http(s)://HOST/v1#MODEL",
    405: "check the address in http(s)://HOST/v1#MODEL",
}
"""Refusals of every request, and what to do."""


@dataclass(frozen=True)
class Trouble:
    """What may pass."""

    told: str
    wait: float = 0.0
    """Seconds that the server asks for."""
    unreachable: bool = False


class Endpoint:
    """A server that speaks OpenAI's protocol."""

    def __init__(self, config: LlmConfig) -> None:
        if find_spec("httpx2") is None:
            raise MissingError("servers are asked with httpx2: pip install 'mirctl[llm]'")
        address, _, model = config.model.partition("#")
        self.address, self.name = address.rstrip("/"), urlsplit(address).netloc
        self.timeout, self.at_once = config.timeout, config.at_once
        self.headers = {"accept-encoding": "identity", "user-agent": "mirctl"} | _key(config)
        self.heard = False
        """Has it ever answered?"""
        _certificates()  # not while prompts wait
        self.model = model or self._only_model()
        self.name = f"{self.model} at {self.name}"
        self.identity = f"{self.address}#{self.model}"

    @contextmanager
    def opened(self) -> Iterator[Client]:
        """Connections to the server; the environment may name a proxy."""
        import httpx2

        limits = httpx2.Limits(max_connections=self.at_once, max_keepalive_connections=self.at_once)
        patience = httpx2.Timeout(self.timeout, connect=min(self.timeout, 10.0), pool=None)
        known = {"headers": self.headers, "limits": limits, "timeout": patience}
        with httpx2.Client(verify=_certificates(), **known) as client:
            yield client

    def complete(self, client: Client, told: wire.Body, request: Request) -> Reply | Trouble:
        """One answer to one request."""
        from httpx2 import ConnectError, ConnectTimeout, HTTPError, InvalidURL, TimeoutException

        try:
            status, headers, content = self._exchange(client, "POST", "/chat/completions", told)
            self.heard = True
            if status < 300:
                return wire.reply(content, request)
        except (ConnectError, ConnectTimeout, InvalidURL) as error:
            return Trouble(f"cannot be reached ({_reason(error)})", unreachable=True)
        except (TimeoutException, TimeoutError):
            return Trouble(f"gave no answer in {self.timeout:g} s")
        except (HTTPError, wire.Nonsense) as error:
            return Trouble(f"broke off ({_reason(error)})")
        said = wire.refusal(content)
        if status in PASSING or status >= 500:
            wait = retry_after(headers.get("retry-after", "")) or 0.0
            trouble = Trouble(f"is in trouble ({status}: {said})", wait)
            return self._too_long(trouble) if wait > LONGEST_WAIT else trouble
        return self._refused(status, said, headers.get("location", ""))

    def _too_long(self, trouble: Trouble) -> Reply:
        told = f"{self.name} is busy for {console.duration(trouble.wait)}: try again then"
        return Reply("", problem=Problem("server", told, hopeless=True))

    def _refused(self, status: int, said: str, elsewhere: str) -> Reply:
        """What asking again does not change; of one prompt, or of all."""
        if status < 400:
            todo = f"it sends elsewhere, to {masking.masked(elsewhere[:200])!r}: write that address"
        else:
            todo = REFUSED.get(status, "")
        told = f"{self.name} refuses ({status}: {said})" + (f"; {todo}" if todo else "")
        kind = "server" if todo else "prompt"
        return Reply(said, "refused", problem=Problem(kind, told, hopeless=bool(todo)))

    def _exchange(
        self, client: Client, method: str, path: str, told: wire.Body | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content, within the time and the size that are allowed."""
        start, chunks, size = time.monotonic(), [], 0
        with client.stream(method, self.address + path, json=told) as response:
            for chunk in response.iter_raw():
                size += len(chunk)
                chunks.append(chunk)
                if time.monotonic() - start > self.timeout:
                    raise TimeoutError
                if size > LARGEST:
                    raise wire.Nonsense(f"its answer is longer than {LARGEST >> 20} MB")
            headers = {name.lower(): value for name, value in response.headers.items()}
            return response.status_code, headers, b"".join(chunks)

    def _only_model(self) -> str:
        """The one model of a server, where the address names none."""
        from httpx2 import HTTPError, InvalidURL

        where, todo = self.address, "write http(s)://HOST/v1#MODEL"
        try:
            with self.opened() as client:
                status, _, content = self._exchange(client, "GET", "/models")
            if status in (401, 403):
                raise MissingError(str(self._refused(status, wire.refusal(content), "").problem))
            found = files.json_value(content)["data"] if status < 300 else []
            names = [str(model["id"]) for model in found]
        except (HTTPError, InvalidURL, TimeoutError, wire.Nonsense) as error:
            raise MissingError(f"cannot be reached ({_reason(error)})", where=where) from error
        except (ValueError, TypeError, LookupError):
            names = []
        if len(names) != 1:
            has = f"; it has {', '.join(names[:20])}" if names else ""
            raise UsageError(f"which model of this server is meant? {todo}{has}", where=where)
        return names[0]


@cache
def _certificates() -> SSLContext:
    """Whom to trust; read once, which takes a tenth of a second."""
    import httpx2

    return httpx2.create_ssl_context()


def _key(config: LlmConfig) -> dict[str, str]:
    """The header with the key, which nothing prints from now on."""
    if not config.key_variable:
        return {}
    key = os.environ.get(config.key_variable, "").strip()
    if not key or not (key.isascii() and key.isprintable()):
        lacks = "holds no key" if key else "is not set, and should hold the key"
        told = f"environment variable {config.key_variable} {lacks}"
        raise MissingError(told, where="key_variable")
    masking.hide(key)
    return {"authorization": f"Bearer {key}"}


def _reason(error: Exception) -> str:
    return masking.masked(str(error).strip().partition("\n")[0][:200] or type(error).__name__)
