"""A plugin of quick jobs, and a folder to run pipelines in."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from mirctl import plugins

TOYS = Path(__file__).parent / "toys"


@dataclass(frozen=True)
class Bench:
    """A folder with a recipe in it; what ran is remembered."""

    folder: Path
    mirctl: object

    def write(self, text, name="recipe.yaml"):
        (self.folder / name).write_text(text)
        return self

    def run(self, *arguments, name="recipe.yaml"):
        """Run it into `out`, and forget which jobs ran before."""
        self.log.write_text("")
        return self.mirctl("run", self.folder / name, "--out", self.folder / "out", *arguments)

    def document(self, *arguments):
        return json.loads(self.run(*arguments, "--json").out)

    @property
    def log(self):
        return self.folder / "ran.txt"

    @property
    def ran(self):
        """Names of the results that jobs made since the last call of `run`, in order."""
        return self.log.read_text().split()


@pytest.fixture(scope="session")
def toy_distribution(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    info = folder / "toys-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mirctl.plugins]\ntoy = toy_jobs\n")
    return folder


@pytest.fixture
def bench(tmp_path, monkeypatch, mirctl, toy_distribution):
    for path in (TOYS, toy_distribution):
        monkeypatch.syspath_prepend(str(path))
    places = [str(TOYS), str(toy_distribution), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, places)))
    plugins.discover.cache_clear()
    plugins.hooks.cache_clear()
    folder = tmp_path / "bench"
    folder.mkdir()
    monkeypatch.setenv("TOY_LOG", str(folder / "ran.txt"))
    (folder / "ran.txt").write_text("")
    (folder / "a.csv").write_text("x\n1\n")
    (folder / "b.csv").write_text("x\n2\n")
    yield Bench(folder, mirctl)
    plugins.discover.cache_clear()
    plugins.hooks.cache_clear()


CHAIN = """\
seed: 1
steps:
  last: {uses: toy/write, tables: [{step: used}, {step: left}], said: {text: end}}
  used: {uses: toy/use, model: {step: model}}
  model: {uses: toy/learn, table: {step: left}, weight: 2}
  left: {uses: toy/write, tables: [a.csv]}
  alone: {uses: toy/write, tables: [b.csv]}
"""
"""left -> model -> used -> last, left -> last; and one by itself."""


@pytest.fixture
def chain(bench):
    """CHAIN, run once."""
    ran = bench.write(CHAIN).run()
    assert ran.code == 0, ran.err
    return bench
