"""How this machine stands with the Hugging Face hub, and what of an artifact is there."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirctl import console, masking
from mirctl.errors import MissingError, UsageError
from mirctl.hub import artifacts, client


def describe(names: Sequence[str]) -> dict[str, Any]:
    """Where the hub is and who asks; with a folder, a repository or both, also how these stand."""
    folders = [name for name in names if os.path.lexists(name)]
    repos = [name for name in names if name not in folders]
    if len(folders) > 1 or len(repos) > 1:
        raise UsageError("one artifact's folder and one org/name can be compared, not more")
    facts: dict[str, Any] = {"hub": _hub()}
    if folders:
        facts["here"] = _here(Path(folders[0]))
    if repos:
        facts["there"] = _there(repos[0])
    if folders and repos and "digest" in facts["there"]:
        facts["same"] = facts["here"]["digest"] == facts["there"]["digest"]
    return facts


def show(facts: dict[str, Any], *, json: bool) -> None:
    """As one document, or a line each."""
    if json:
        console.document(facts)
        return
    for part, told in facts.items():
        if part == "same":
            console.emit(f"same         {'yes' if told else 'no: a push would change it'}")
            continue
        for key, value in told.items():
            shown = console.size_text(value) if key == "bytes" else value
            console.emit(f"{key:<12} {_word(shown)}") if value is not None else None


def _word(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _hub() -> dict[str, Any]:
    """Where the hub is, whether it may be asked, and as whom; a token is never shown."""
    client.prepare()
    from huggingface_hub import get_token

    told = [name for name in masking.VARIABLES if os.environ.get(name, "").strip()]
    stored = "stored by a login" if get_token() else None
    facts = {
        "endpoint": client.settings().ENDPOINT,
        "offline": client.offline(),
        "token": told[0] if told else stored,
        "user": None,
        "problem": None,
    }
    if facts["token"] and not facts["offline"]:
        try:
            with client.refusals("who the token belongs to"):
                facts["user"] = str(client.api().whoami()["name"])
        except MissingError as error:
            facts["problem"] = error.message
    return facts


def _there(name: str) -> dict[str, Any]:
    """What `org/name[@revision]` is on the hub now, and which commit of it is in the cache."""
    from mirctl.hub import push

    repo, revision = artifacts.parsed(name)
    facts: dict[str, Any] = {"repo": repo, "revision": revision}
    facts["cached"] = artifacts.cached(repo, revision)
    if client.offline():
        return facts
    with client.refusals(name):
        there = client.look(repo, revision)
        manifest = push.remote_manifest(there)
    size = sum(file.size for file in there.files.values())
    facts |= {"commit": there.commit, "private": there.private, "bytes": size}
    if manifest is not None:
        facts |= {"kind": manifest.kind, "created": manifest.created, "digest": manifest.digest}
    return facts


def _here(folder: Path) -> dict[str, Any]:
    """An artifact as it would stand on the hub."""
    from mirctl.hub import sharing

    shared = sharing.share(folder)
    return {
        "artifact": str(folder),
        "kind": shared.kind,
        "bytes": shared.size,
        "digest": shared.digest,
    }
