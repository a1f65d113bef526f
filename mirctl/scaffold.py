"""A new plugin: the files of `mirctl/template`, with its names in them."""

import os
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import typer

from mirctl import cli, console, files, plugins
from mirctl.errors import UsageError

TEMPLATE = Path(__file__).parent / "template"
LONGEST = 40
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def package(name: str) -> str:
    """The Python package of a plugin."""
    return f"mirctl_{name.replace('-', '_')}"


def write(name: str, out: Path) -> list[str]:
    """Write a whole package into the new folder `out`; gives the names of its files."""
    check_name(name)
    out = files.target(out)
    if os.path.exists(out):
        raise UsageError("exists already: choose another --out", where=str(out))
    with files.atomic_folder(out) as folder:
        for source in sources():
            place = folder / _renamed(source.relative_to(TEMPLATE), name)
            place.parent.mkdir(parents=True, exist_ok=True)
            files.write_text(place, _named(source.read_text(encoding="utf-8"), name))
        return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def sources() -> list[Path]:
    """Files of the template; what Python compiled of them is none."""
    found = (path for path in TEMPLATE.rglob("*") if path.is_file())
    return sorted(path for path in found if path.suffix != ".pyc")


def check_name(name: str) -> None:
    """Raise a UsageError where a plugin cannot be called so."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        rule = f"lower-case letters, digits and -, {LONGEST} at most, as in my-plugin"
        raise UsageError(f"{name!r} is no name for a plugin: {rule}")
    taken = {*typer.main.get_group(cli.app).commands, "core"}
    taken |= set(plugins.discover(plugins.HOOKS)[0])
    if name in taken:
        raise UsageError(f"{name!r} is a command or plugin already: choose another name")
    if find_spec(package(name)) is not None:
        raise UsageError(f"{package(name)} is installed already: choose another name")


def _renamed(path: Path, name: str) -> Path:
    # A .gitignore in the template would hide files of the template itself.
    named = str(path).replace("PACKAGE", package(name))
    return Path(".gitignore" if named == "gitignore" else named)


def _named(text: str, name: str) -> str:
    return text.replace("PACKAGE", package(name)).replace("PLUGIN", name)


def show(name: str, out: Path, written: list[str], *, json: bool) -> None:
    """The folder on stdout, what to do next on stderr."""
    if json:
        console.document({"plugin": name, "folder": out, "files": written})
        return
    console.emit(str(out))
    console.say(f"{len(written)} files; start with {package(name)}/config.py and job.py, then:")
    console.say(f"  cd {shlex.quote(str(out))} && pip install -e '.[test]' && python -m pytest")
