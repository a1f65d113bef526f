"""A pytest plugin for authors of plugins: it is there wherever `mirctl` is installed.

Fixtures: `mirctl` runs a command line in this process, `mirctl_process` in one of its own,
`mirctl_cache` is an empty cache, `tiny_bert`, `tiny_llama` and `tiny_vit` are encoders on disk,
`tiny_catalogue` is a folder of interactions and items. `conformance(name)` checks a whole plugin.

A session that uses none of them imports nothing but this file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirctl.conformance.running import Ran


def conformance(name: str, recipe: str | Path | None = None, timeout: float = 60) -> None:
    """Check an installed plugin; one AssertionError names every check that fails, and why.

    `recipe` is one that can really run: it is run dry, then twice. The other checks call each
    command with files that do not exist. All of it happens in another process; one call that
    takes longer than `timeout` seconds fails its check.
    """
    from mirctl.conformance import examine, report

    found = examine(name, None if recipe is None else str(recipe), timeout)
    if any(one.problems for one in found):
        raise AssertionError(report(name, [one for one in found if one.problems]))


@pytest.fixture
def mirctl_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, and no network."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MIRCTL_CACHE", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


@pytest.fixture
def mirctl(mirctl_cache: Path) -> Callable[..., Ran]:
    """Run a command line in this process: mirctl("recipe", "list") -> code, out, err."""
    from mirctl.conformance.running import run

    return run


@pytest.fixture
def mirctl_process(mirctl_cache: Path) -> Callable[..., Ran]:
    """Run a command line in a process of its own, with a text as `stdin`; other names are
    environment variables.
    """
    from mirctl.conformance.running import python

    def run(*arguments: object, stdin: str = "", **environment: str) -> Ran:
        return python("-m", "mirctl", *arguments, stdin=stdin, **environment)

    return run


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random text encoder: two layers of width 16, ten known words."""
    from mirctl.testing.models import save_bert

    return save_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random language model: three layers of width 8, no padding token."""
    from mirctl.testing.models import save_llama

    return save_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="session")
def tiny_vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random vision model: two layers of width 12, 32 pixels in patches of 8."""
    from mirctl.testing.models import save_vit

    return save_vit(tmp_path_factory.mktemp("vit"))


@pytest.fixture
def tiny_catalogue(tmp_path: Path) -> Path:
    """A folder with interactions.csv and items.csv in which item i + 1 follows item i."""
    from mirctl.testing.catalogue import write_catalogue

    folder = tmp_path / "data"
    folder.mkdir()
    return write_catalogue(folder)
