"""The Hugging Face hub: names of its repositories, what is in one, its refusals in words."""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mirctl import __version__, console, masking
from mirctl.errors import MirctlError, MissingError, UsageError
from mirctl.hub import http

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

_PART = r"[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?"
REPO = re.compile(rf"{_PART}/{_PART}", re.ASCII)
REVISION = re.compile(r"[\w.-]+(?:/[\w.-]+)*", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")
MAIN = "main"
MOST_FILES = 100_000
"""An artifact has tens of files: a longer listing would only fill the memory."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository; `sha256` where the hub knows it, else the `blob` of git."""

    size: int
    blob: str
    sha256: str | None


@dataclass(frozen=True)
class Repo:
    """A repository at one commit."""

    name: str
    commit: str
    private: bool
    files: dict[str, RemoteFile]


def parse(name: str) -> tuple[str, str] | None:
    """Repository and revision of `org/name[@revision]`; None where it is no such name."""
    repo, at, revision = name.partition("@")
    revision = revision if at else MAIN
    plain = REPO.fullmatch(repo) and REVISION.fullmatch(revision)
    return (repo, revision) if plain and "--" not in repo and ".." not in name else None


def settings() -> ModuleType:
    """What the hub's library takes from the environment; a UsageError where that makes no sense."""
    try:
        from huggingface_hub import constants

        place = urlsplit(constants.ENDPOINT)
    except ValueError as error:
        raise UsageError(f"a variable of the hub (HF_...) makes no sense: {error}") from error
    if place.scheme not in ("http", "https") or not place.hostname:
        raise UsageError("HF_ENDPOINT is no address: write https://HOST, or unset it")
    return constants


def offline() -> bool:
    """Did the user forbid the network with HF_HUB_OFFLINE?"""
    return settings().HF_HUB_OFFLINE


class _Told(logging.Handler):
    """What the hub's library has to say goes to people, and to the log, the way all else does."""

    def emit(self, record: logging.LogRecord) -> None:
        console.warn(record.getMessage().strip())


def prepare() -> None:
    """Make the hub's library speak as the rest does, never of its token, and trust no answer."""
    endpoint = settings().ENDPOINT
    from huggingface_hub import get_token, set_client_factory
    from huggingface_hub.utils import disable_progress_bars

    masking.hide(get_token())
    masking.hide(urlsplit(endpoint).password)
    if not sys.stderr.isatty() or console.is_quiet():
        disable_progress_bars()
    logger = logging.getLogger("huggingface_hub")
    if not any(isinstance(handler, _Told) for handler in logger.handlers):
        logger.handlers = [_Told()]
        set_client_factory(http.client)


def api() -> "HfApi":
    """The hub at HF_ENDPOINT, asked with the user's token where there is one."""
    from huggingface_hub import HfApi

    prepare()
    return HfApi(library_name="mirctl", library_version=__version__)


def find(repo: str, revision: str | None) -> tuple[str, bool]:
    """The commit of a revision at this moment, and whether the repository is private."""
    found = api().model_info(repo, revision=revision)
    commit = found.sha if isinstance(found.sha, str) else ""
    if not COMMIT.fullmatch(commit):
        raise MissingError(f"the hub names no commit of {repo}, but {str(found.sha)[:60]!r}")
    return commit, bool(found.private)


def look(repo: str, revision: str) -> Repo:
    """What a revision is at this moment; raises what the hub's library raises."""
    from huggingface_hub.hf_api import RepoFile

    commit, private = find(repo, revision)
    listing = api().list_repo_tree(repo, recursive=True, revision=commit)
    files = [_listed(i) for i in islice(listing, MOST_FILES) if isinstance(i, RepoFile)]
    return Repo(repo, commit, private, dict(files))


def _listed(item: "RepoFile") -> tuple[str, RemoteFile]:
    """Path and facts of a listed file: the hub's library takes values of any type."""
    sha256 = item.lfs.sha256 if item.lfs else None
    texts = all(isinstance(text, str) for text in (item.path, item.blob_id, sha256 or ""))
    if not texts or type(item.size) is not int:
        raise MissingError(f"the hub's list of files makes no sense at {str(item.path)[:60]!a}")
    return item.path, RemoteFile(item.size, item.blob_id, sha256)


@contextmanager
def refusals(what: str, todo: str = "") -> Iterator[None]:
    """Turn whatever the hub, or the way to it, refuses into an error about `what`."""
    try:
        yield
    except MirctlError:
        raise
    except Exception as error:  # the HTTP library below, and so its errors, differ between versions
        raise MissingError(f"{what}: {reason(error)}{todo}") from error


def reason(error: BaseException) -> str:
    """Why the hub did not give what was asked, and what to do."""
    from huggingface_hub import constants, errors

    chain = list(_chain(error))
    if any(isinstance(item, errors.GatedRepoError) for item in chain):
        return "is gated: accept its terms on the hub and set HF_TOKEN"
    if any(isinstance(item, errors.RevisionNotFoundError) for item in chain):
        return "has no such revision: check what follows the @"
    if any(isinstance(item, errors.RepositoryNotFoundError) for item in chain):
        return "is not on the hub, or private: check the name, set HF_TOKEN"
    if offline():
        return "is not on this disk and HF_HUB_OFFLINE is set: unset it"
    told = (getattr(getattr(item, "response", None), "status_code", None) for item in chain)
    if status := next((status for status in told if status), None):
        return _status(status, chain)
    if silent := next(filter(None, map(_silence, chain)), None):
        return silent
    text = str(error).strip().partition("\n")[0][:300] or type(error).__name__
    if "/xet-" in text:
        return f"the hub speaks no Xet ({text}): set HF_HUB_DISABLE_XET=1"
    host = urlsplit(constants.ENDPOINT).hostname
    return f"the hub at {host} cannot be reached ({text}): check the network and HF_ENDPOINT"


def _silence(error: BaseException) -> str | None:
    """Who was silent, and how long, where that is what an error of the HTTP library says."""
    name = type(error).__name__
    if name not in ("ConnectTimeout", "ReadTimeout", "WriteTimeout"):
        return None
    with suppress(RuntimeError, AttributeError, KeyError):  # one that names no request
        request = error.request  # type: ignore[attr-defined]
        limit = request.extensions["timeout"][name.removesuffix("Timeout").lower()]
        did = {"ConnectTimeout": "took no connection", "ReadTimeout": "said nothing"}
        todo = "check the network, or set HF_HUB_ETAG_TIMEOUT and HF_HUB_DOWNLOAD_TIMEOUT to more"
        told = f"{request.url.host} {did.get(name, 'took nothing')} for {limit:g} s"
        return f"the hub cannot be reached ({told}): {todo}"
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it was raised from, which no server can make endless."""
    for _ in range(20):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _status(status: int, chain: list[BaseException]) -> str:
    if status in (401, 403):
        return f"the hub refuses ({status}): set HF_TOKEN to a token that is allowed to"
    if status in (409, 412):
        return f"it was changed by somebody at the same time ({status}): look, and try again"
    if status == 429:
        return "the hub wants fewer requests (429): wait some minutes and try again"
    if status >= 500:
        return f"the hub is in trouble ({status}): try again later"
    said = next((text for item in chain if (text := getattr(item, "server_message", None))), "")
    return f"the hub refuses ({status}){': ' + said.splitlines()[0][:200] if said else ''}"
