"""Made-up distributions on the path, as if pip had installed them."""

import sys
import textwrap

import pytest

from mirctl import plugins


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
    before = set(sys.modules)
    fresh()
    yield install
    for module in set(sys.modules) - before:
        if getattr(sys.modules[module], "__file__", None) and str(tmp_path) in str(
            sys.modules[module].__file__
        ):
            del sys.modules[module]
    fresh()


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
