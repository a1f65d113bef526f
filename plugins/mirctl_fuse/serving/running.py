"""An address that answers until it is interrupted."""

import ipaddress
import logging
import socket
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from mirctl import console
from mirctl.errors import MissingError, UsageError
from mirctl_fuse.searching import Search
from mirctl_fuse.serving import pictures

PACKAGES = ("fastapi", "uvicorn", "python_multipart")
PATIENCE = 5
"""Seconds for what is being answered when it is interrupted."""


def serve(
    folder: Path, model: Path | None, images: Path | None, place: str | None, host: str, port: int
) -> None:
    """Answer at host:port, from an index and the model that made it; port 0 is any free one."""
    if not all(find_spec(name) for name in PACKAGES):
        raise MissingError("serving is done by fastapi and uvicorn: pip install 'mirctl[serve]'")
    with closing(_bound(host, port)) as listening:
        search = Search(folder, model, place)
        search.load()
        files = pictures.of_items(search.index, search.saved.config.data, images)
        _run(search, files, listening)


def _run(search: Search, files: dict[str, Path], listening: socket.socket) -> None:
    import uvicorn

    from mirctl_fuse.serving import app

    class Server(uvicorn.Server):
        """Tells its address once Ctrl-C is its own, and whoever reads it is answered."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            _tell(listening, len(search.index))

    settings = uvicorn.Config(
        app.create(search, files), log_level="critical", access_log=False, server_header=False,
        timeout_graceful_shutdown=PATIENCE,
    )  # fmt: skip
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # who sent it is told
    Server(settings).run(sockets=[listening])


def _tell(listening: socket.socket, items: int) -> None:
    host, port = listening.getsockname()[:2]
    if not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        console.warn("whoever reaches this machine can search: nobody is asked for a password")
    shown = f"[{host}]" if ":" in host else host
    many = console.counted(items, "item")
    console.say(f"{many} can be searched at http://{shown}:{port}; Ctrl-C ends it")


def _bound(host: str, port: int) -> socket.socket:
    """A socket that has the address, and does not listen yet."""
    where = f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise UsageError(f"--host {host}: no such address: {error}") from error
    family, kind, protocol, _, address = found[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except OSError as error:
        made.close()
        told = f"cannot be listened at: {error.strerror}; another --port, or 0 for any free one"
        raise UsageError(told, where=where) from error
    return made
