"""Send an artifact to the Hugging Face hub: one commit, private unless said, and then compared."""

import hashlib
import tempfile
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mirctl import __version__, console, files
from mirctl.artifact.manifest import LARGEST, Manifest, read_manifest
from mirctl.console import counted
from mirctl.errors import ArtifactError, MissingError, RunError, UsageError
from mirctl.hub import artifacts, client
from mirctl.hub.sharing import Shared

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

OWN = (".gitattributes", "README.md", "LICENSE")
"""Files that a repository may have before anything is pushed there."""


@dataclass(frozen=True)
class Pushed:
    """Where an artifact stands now; not `sent` where it stood there before."""

    commit: str
    private: bool
    sent: bool


def push(
    shared: Shared, name: str, *, public: bool = False, message: str = "", force: bool = False
) -> Pushed:
    """Send to `org/name[@branch]`, making the repository and the branch where they are missing."""
    repo, branch = parsed(name)
    with client.refusals(name):
        before = _before(repo, branch, public=public)
        old = remote_manifest(before)
        same = old is not None and old.digest == shared.digest
        if same and not _differing(before, shared):
            pushed = Pushed(before.commit, before.private, sent=False)
        else:
            _refuse_another(before, old, name, public=public, force=force)
            gone = sorted({*(old.files if old else ())} & {*before.files} - {*shared.contents})
            message = message or f"{shared.kind} {shared.digest[:12]}, by mirctl {__version__}"
            commit = _send(shared, before, branch, gone, message)
            pushed = Pushed(commit, before.private, sent=True)
    with suppress(UsageError):  # a cache that only lets read
        artifacts.remember(repo, branch, pushed.commit)
    return pushed


def parsed(name: str) -> tuple[str, str]:
    """Repository and branch, or a UsageError."""
    repo, branch = artifacts.parsed(name)
    if client.COMMIT.fullmatch(branch):
        raise UsageError(f"{name!r}: a commit cannot be changed, name a branch")
    return repo, branch


def _before(repo: str, branch: str, *, public: bool) -> client.Repo:
    """What is there; the repository and the branch are made where they are missing."""
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    hub = client.api()
    try:
        return client.look(repo, branch)
    except RepositoryNotFoundError:
        hub.create_repo(repo, private=not public, exist_ok=True)
        console.say(f"{repo} is new, and {'public' if public else 'private'}")
    except RevisionNotFoundError:
        pass
    if branch != client.MAIN:
        hub.create_branch(repo, branch=branch, exist_ok=True)
    return client.look(repo, branch)


def remote_manifest(there: client.Repo) -> Manifest | None:
    """The manifest of the artifact in a repository; None where there is none that can be read."""
    found = there.files.get(files.MANIFEST)
    if found is None or found.size > LARGEST:
        return None
    with tempfile.TemporaryDirectory(prefix="mirctl-") as folder:
        artifacts.download(there, files.MANIFEST, Path(folder))
        try:
            return read_manifest(Path(folder))
        except ArtifactError as error:
            console.warn(f"{there.name}: its manifest cannot be read: {error.message}")
            return None


def _refuse_another(
    before: client.Repo, old: Manifest | None, name: str, *, public: bool, force: bool
) -> None:
    """Raise where the push would show, or mix, what its user did not ask for."""
    if not before.private and not public:
        raise UsageError("everybody can read it: add --public to push there", where=name)
    if before.private and public:
        console.warn(f"{name} stays private: its page on the hub changes that")
    others = [file for file in before.files if file not in OWN]
    if old is None and others and not force:
        told = f"holds {others[0]} and no artifact: choose another name, or add --force"
        raise UsageError(told, where=name)


def _send(shared: Shared, before: client.Repo, branch: str, gone: list[str], message: str) -> str:
    """One commit on what was looked at: somebody else's in between makes it fail."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    hub = client.api()
    added = [CommitOperationAdd(name, content) for name, content in shared.contents.items()]
    told = f"{counted(len(added), 'file')}, {console.size_text(shared.size)}"
    console.say(f"sending {told} to {before.name}, branch {branch}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a model's repository also gets tables
        hub.preupload_lfs_files(before.name, added, revision=branch, free_memory=False)
        _compare_sent(added, shared)
        done = hub.create_commit(
            before.name,
            [*added, *map(CommitOperationDelete, gone)],
            commit_message=message,
            revision=branch,
            parent_commit=before.commit,
        )
    if not client.COMMIT.fullmatch(done.oid):
        raise MissingError(f"the hub answered with no commit, but {done.oid[:60]!r}")
    if wrong := _differing(client.look(before.name, done.oid), shared):
        told = f"did not arrive as sent: {', '.join(wrong)} (has it a .gitignore?)"
        raise RunError(told, where=f"{before.name}@{done.oid}")
    return done.oid


def _compare_sent(added: "list[CommitOperationAdd]", shared: Shared) -> None:
    """What was read for the sending must still be what the manifest lists."""
    for item in added:
        if item.upload_info.sha256.hex() != shared.records[item.path_in_repo].sha256:
            raise ArtifactError(f"{item.path_in_repo} changed while it was sent: nothing is there")


def _differing(there: client.Repo, shared: Shared) -> list[str]:
    """Names of files that are not there, or not as here: a repository may ignore some of them."""
    wrong = []
    for name, record in shared.records.items():
        found, content = there.files.get(name), shared.contents[name]
        if found is None or found.size != record.size:
            wrong.append(name)
        elif found.sha256 is not None:
            wrong += [name] if found.sha256 != record.sha256 else []
        elif isinstance(content, bytes) and found.blob != _blob(content):
            wrong.append(name)
    return wrong


def _blob(content: bytes) -> str:
    """The name that git gives a content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
