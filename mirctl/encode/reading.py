"""Sounds and films are read in one way: what cannot be gives a reason, never an exception."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from mirctl import files
from mirctl.errors import MissingError

T = TypeVar("T")
# Playlists and the like would make the decoder open other files, and addresses.
ALLOWED = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,aac,mp3",
    "protocol_whitelist": "file",
}
"""What PyAV is told."""


def require(package: str, modality: str) -> None:
    """Raise a MissingError where a package that reads files of a modality is not installed."""
    if find_spec(package) is None:
        what = "films" if modality == "video" else "sounds"
        raise MissingError(f"{what} are read with {package}: pip install 'mirctl[{modality}]'")


def attempt(
    read: Callable[[Path], T | str], path: Path, sha256: bytes | None, what: str
) -> T | str:
    """What `read` makes of a file, or the reason why it makes nothing.

    `sha256` is what the file was when it was listed: what it has become since is another one.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            return f"not {_article(what)} {what}"
        path.open("rb").close()  # some readers say "damaged" of what may not be read
        found = read(path)
        if sha256 and bytes.fromhex(files.sha256(path)) != sha256:
            return "changed during the run"
        return found
    except FileNotFoundError:
        return "missing file"
    except PermissionError:
        return "unreadable file"
    except Exception:  # decoders raise nearly anything on damaged files
        return f"damaged {what}"


def _article(what: str) -> str:
    return "an" if what[0] in "aeiou" else "a"
