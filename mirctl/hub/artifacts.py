"""Artifacts on the Hugging Face hub, kept in the cache: whole and verified, or not at all."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mirctl import cache, console, files
from mirctl.console import counted
from mirctl.errors import ArtifactError, UsageError
from mirctl.hub import client
from mirctl.hub.client import COMMIT

if TYPE_CHECKING:
    from mirctl.artifact import Manifest

SECTION = "artifacts"
PICKLES = (".bin", ".ckpt", ".h5", ".joblib", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth")
"""Ends of names of files that a reader may have to run, or to trust, to read them."""


class _Kept(set[Path]):
    """Entries of the cache that are in use as long as this process lives."""


_kept = _Kept()


@dataclass(frozen=True)
class Pulled:
    """An artifact of the hub on this disk."""

    repo: str
    commit: str
    folder: Path
    strangers: tuple[str, ...] = ()
    """Files of the repository that are no part of the artifact, and were left there."""


def artifact_folder(name: str) -> Path:
    """The folder that an argument means: what stands at that path, else `org/name[@revision]`.

    What was fetched once needs no network again, and a branch stays at the commit it had then.
    """
    if os.path.lexists(name) or client.parse(name) is None:
        return Path(name)
    found = pull(name, newest=False)
    console.say(f"{name}: no such folder, so the hub's, at commit {found.commit}")
    return found.folder


def marked_folder(name: str) -> Path:
    """As `artifact_folder`, where a plain `a/b` means something else: the hub's wants its `@`."""
    return artifact_folder(name) if "@" in name else Path(name)


def pull(name: str, *, newest: bool = True) -> Pulled:
    """The artifact `org/name[@revision]`, fetched where it is not in the cache.

    `newest` asks the hub where a branch stands now, unless the network is forbidden, and looks at
    every byte of what the cache has.
    """
    repo, revision = parsed(name)
    commit = revision if COMMIT.fullmatch(revision) else None
    if commit is None and (not newest or client.offline()):
        commit = _known(repo, revision)
    if commit and (folder := _whole(repo, commit, thorough=newest)):
        return Pulled(repo, commit, folder)
    asked = name if newest else f"{name} (no such folder here, so a name of the hub)"
    with client.refusals(asked):
        there = client.look(repo, commit or revision)
    if commit not in (None, there.commit):
        raise ArtifactError(f"the hub answers with another commit, {there.commit}", where=name)
    folder = _whole(repo, there.commit, thorough=newest)
    strangers = () if folder else _fetch(there, name)
    remember(repo, revision, there.commit)
    return Pulled(repo, there.commit, folder or _folder(repo, there.commit), strangers)


def parsed(name: str) -> tuple[str, str]:
    """Repository and revision, or a UsageError."""
    found = client.parse(name)
    if found is None:
        raise UsageError(f"{name!r} names no repository of the hub: write org/name[@revision]")
    return found


def _entry(repo: str, revision: str) -> cache.Entry:
    """The files of a commit, or, for a branch or a tag, the commit where it was found."""
    key = f"{repo.replace('/', '--')}@{revision.replace('/', '%')}"
    if not cache.NAME.fullmatch(key):
        raise UsageError(f"{revision[:40]!r}... is too long for a revision")
    return cache.entry(SECTION, key, what=f"{repo}@{revision}")


def _folder(repo: str, commit: str) -> Path:
    return _entry(repo, commit).folder / "artifact"


def _known(repo: str, revision: str) -> str | None:
    """The commit that a branch or a tag was found at."""
    entry = _entry(repo, revision)
    commit = entry.read().meta.get("commit")
    entry.touch()  # or it would be pruned before the files that it leads to
    return commit if isinstance(commit, str) and COMMIT.fullmatch(commit) else None


def cached(repo: str, revision: str) -> str | None:
    """The commit that the name means without network, if its files are here."""
    commit = revision if COMMIT.fullmatch(revision) else _known(repo, revision)
    return commit if commit and _here(repo, commit) else None


def remember(repo: str, revision: str, commit: str) -> None:
    """From now on the revision means this commit, where nobody asks the hub."""
    if revision != commit and _known(repo, revision) != commit:
        _entry(repo, revision).commit(meta={"commit": commit})


def _here(repo: str, commit: str) -> Path | None:
    """The folder of a commit if all its files are there; nobody prunes it while we live."""
    entry = _entry(repo, commit)
    record = entry.read()
    if not record.files:
        return None
    if entry.folder not in _kept:
        entry.keep_while(_kept)
        _kept.add(entry.folder)
    for name, facts in record.files.items():
        path = entry.folder / name
        if not path.is_file() or path.stat().st_size != facts["size"]:
            return None
    entry.touch()
    return _folder(repo, commit)


def _whole(repo: str, commit: str, *, thorough: bool) -> Path | None:
    """As `_here`; where `thorough` finds damage, the copy goes, so that it is fetched again."""
    folder = _here(repo, commit)
    if folder and thorough and (damaged := _entry(repo, commit).damaged()):
        console.warn(f"the cached copy of {repo} was damaged ({damaged[0]}): fetching it again")
        shutil.rmtree(folder)
        return None
    return folder


def _fetch(there: client.Repo, name: str) -> tuple[str, ...]:
    """Fetch what the manifest lists; the entry exists once every byte was compared with it.

    Files that came before an interruption stay, and are not fetched again.
    """
    entry, folder = _entry(there.name, there.commit), _folder(there.name, there.commit)
    with entry.lock():
        if _here(there.name, there.commit):  # another process was faster
            return ()
        _check_manifest(there, name)
        with client.refusals(name), files.refusals_are_errors(folder):
            download(there, files.MANIFEST, folder)
            manifest = _manifest(folder, name)
            _check_listing(there, manifest, name)
            _download_all(there, manifest, folder, name)
        names = [files.MANIFEST, *manifest.files]
        _drop_others(folder, names)
        _verify(folder, name)
        entry.commit(add=[f"{folder.name}/{file}" for file in names])
        _here(there.name, there.commit)
    return tuple(sorted(p for p in there.files if p not in (*names, ".gitattributes")))


def _check_manifest(there: client.Repo, name: str) -> None:
    from mirctl.artifact.manifest import LARGEST

    found = there.files.get(files.MANIFEST)
    if found is None:
        raise ArtifactError(f"is no mirctl artifact: it has no {files.MANIFEST}", where=name)
    if found.size > LARGEST:
        raise ArtifactError(f"has a {files.MANIFEST} larger than {LARGEST} bytes", where=name)


def _manifest(folder: Path, name: str) -> "Manifest":
    """What the hub says the artifact is; nothing in it leads out of the folder."""
    from mirctl.artifact.manifest import locate, read_manifest

    try:
        manifest = read_manifest(folder)
        for file in manifest.files:
            locate(folder, file)
            if not all(map(cache.NAME.fullmatch, file.split("/"))):
                raise ArtifactError(f"the cache holds no file named {file[:80]!a}")
            if Path(file).suffix.lower() in PICKLES:
                raise ArtifactError(f"{file} is no safetensors file, and could run code")
    except ArtifactError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ArtifactError(
            f"is no artifact that can be taken: {error.message}", where=name
        ) from error
    return manifest


def _check_listing(there: client.Repo, manifest: "Manifest", name: str) -> None:
    """Compare the manifest with what the hub says it has, before much is fetched."""
    problems = []
    for file, record in manifest.files.items():
        found = there.files.get(file)
        if found is None:
            problems.append(f"{file} is missing")
        elif found.size != record.size:
            problems.append(f"{file} has {found.size} bytes, not {record.size}")
        elif found.sha256 not in (None, record.sha256):
            problems.append(f"{file} is another file than the manifest lists (sha256 differs)")
    if problems:
        raise ArtifactError(f"is not whole on the hub: {_listed(problems)}", where=name)


def _download_all(there: client.Repo, manifest: "Manifest", folder: Path, name: str) -> None:
    total = sum(record.size for record in manifest.files.values())
    told = f"{counted(len(manifest.files), 'file')}, {console.size_text(total)}"
    console.say(f"fetching {name} from the hub, commit {there.commit[:12]}: {told}")
    with console.progress(f"fetching {name}", total // 10**6, "MB") as advance:
        for file, record in manifest.files.items():
            download(there, file, folder)
            advance(record.size // 10**6)


def download(there: client.Repo, file: str, folder: Path) -> None:
    """One file, in one step; its transfer goes on where a connection was cut."""
    from huggingface_hub import hf_hub_download

    hf_hub_download(
        there.name,
        file,
        revision=there.commit,
        local_dir=folder,
        cache_dir=folder / ".cache",  # or a damaged copy of the library's own would be taken
    )


def _drop_others(folder: Path, names: list[str]) -> None:
    """Remove the library's notes, and what is not part of the artifact."""
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    for path in [path for path in folder.rglob("*") if not path.is_dir()]:
        if path.relative_to(folder).as_posix() not in names:
            path.unlink()


def _verify(folder: Path, name: str) -> None:
    from mirctl.artifact import verify

    if problems := verify(folder):
        shutil.rmtree(folder, ignore_errors=True)  # the next try fetches all of it anew
        raise ArtifactError(f"came damaged from the hub: {_listed(problems)}", where=name)


def _listed(problems: list[str], most: int = 5) -> str:
    more = len(problems) - most
    return "; ".join(problems[:most]) + (f"; and {more} more" if more > 0 else "")
