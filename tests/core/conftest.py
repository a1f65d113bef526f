"""Made-up distributions on the path, as if pip had installed them; another Python's pathlib."""

import os
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from mirctl import plugins


@pytest.fixture(params=["as it is", "as in Python 3.14"])
def any_pathlib(request, monkeypatch):
    """From Python 3.14 on these are False whatever the system refuses; before, some raise."""
    if request.param != "as it is":
        monkeypatch.setattr(Path, "exists", lambda path, **_: os.path.exists(path))
        monkeypatch.setattr(Path, "is_dir", lambda path, **_: os.path.isdir(path))
        monkeypatch.setattr(Path, "is_file", lambda path, **_: os.path.isfile(path))


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a made-up distribution on the path: install("dist", name, source, group=...)."""

    def install(dist, name, source, *, group=plugins.COMMANDS, value=None):
        module = f"{dist.replace('-', '_')}_{name}"
        if source is not None:
            (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        info = tmp_path / f"{dist}-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
        points = info / "entry_points.txt"
        before = points.read_text() if points.exists() else ""
        points.write_text(f"{before}[{group}]\n{name} = {value or module + ':app'}\n")
        return module

    monkeypatch.syspath_prepend(str(tmp_path))
    fresh()
    yield install
    forget(tmp_path)
    fresh()


def forget(folder):
    """Modules that were imported from below a folder are imported anew."""
    for name, module in list(sys.modules.items()):
        if str(folder) in str(getattr(module, "__file__", None)):
            del sys.modules[name]


def fresh():
    plugins.discover.cache_clear()
    plugins.hooks.cache_clear()


@pytest.fixture
def root(monkeypatch):
    """The root app, built anew so that it sees what a test installed."""
    from mirctl import cli

    def run(*arguments):
        fresh()
        return cli.run_command(list(arguments))

    return run


def write_metadata(project):
    """What pip writes of a package on the path: its name and the entry points of its pyproject."""
    about = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    info = project / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n"
    (info / "METADATA").write_text(head)
    lines = []
    for group, points in about["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def install_project(tmp_path, monkeypatch):
    """Put the folder of a whole package on the path."""

    def install(project):
        write_metadata(project)
        monkeypatch.syspath_prepend(str(project))
        fresh()

    yield install
    forget(tmp_path)
    fresh()
