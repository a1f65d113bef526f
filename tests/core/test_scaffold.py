"""`mirctl plugins new`: a whole package that passes its own tests, and nothing half-written."""

import ast
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mirctl import files
from mirctl.testing import conformance

RECIPE = "uses: shout-loud/run\ntable: table.csv\ncolumn: value\n"


@pytest.fixture
def project(mirctl, tmp_path):
    """A new plugin's folder."""
    ran = mirctl("plugins", "new", "shout-loud", "--out", tmp_path / "new")
    assert (ran.code, ran.out) == (0, f"{tmp_path / 'new'}\n")
    return tmp_path / "new"


@pytest.fixture
def recipe(tmp_path):
    rows = "\n".join(map(str, range(50)))
    (tmp_path / "table.csv").write_text(f"value\n{rows}\n")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path / "recipe.yaml"


def test_a_new_plugin_keeps_the_rules(project, recipe, install_project):
    install_project(project)
    conformance("shout-loud", recipe)


def test_a_new_plugin_is_whole_and_bears_its_name(project):
    names = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    package = {"__init__.py", "commands.py", "config.py", "job.py", "plugin.py"}
    assert names == {f"mirctl_shout_loud/{name}" for name in package} | {
        ".github/workflows/test.yml",
        ".gitignore",
        "README.md",
        "mirctl_shout_loud/recipes/mean.yaml",
        "pyproject.toml",
        "tests/test_plugin.py",
    }
    for path in project.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert "PLUGIN" not in text
            assert "PACKAGE" not in text


def test_a_first_result_of_ones_own_takes_forty_lines(project):
    lines = 0
    for name in ("config.py", "job.py"):
        source = (project / "mirctl_shout_loud" / name).read_text()
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name != "load":
                lines += len([line for line in ast.unparse(node).splitlines() if line.strip()])
    assert 15 < lines <= 40


def test_a_new_plugin_is_clean(project):
    ruff = shutil.which("ruff") or Path(sys.executable).with_name("ruff")
    if not Path(ruff).exists():
        pytest.skip("ruff is not installed")
    wanted = ["--isolated", "--no-cache", "--line-length", "100"]
    rules = ["--select", "E,F,I,B,UP"]
    subprocess.run([ruff, "check", *wanted, *rules], cwd=project, check=True)
    subprocess.run([ruff, "format", "--check", *wanted], cwd=project, check=True)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Shout", "no name for a plugin"),
        ("a b", "no name for a plugin"),
        ("../evil", "no name for a plugin"),
        ("7up", "no name for a plugin"),
        ("-x-", "No such option"),
        ("ünder", "no name for a plugin"),
        ("a" * 41, "no name for a plugin"),
        ("", "no name for a plugin"),
        ("adapt", "a command or plugin already"),
        ("run", "a command or plugin already"),
        ("core", "a command or plugin already"),
    ],
)
def test_a_name_that_cannot_be_is_wrong_usage(mirctl, tmp_path, monkeypatch, name, why):
    monkeypatch.chdir(tmp_path)
    ran = mirctl("plugins", "new", name, "--json")
    assert ran.code == 2
    assert why in json.loads(ran.out)["error"]["message"]
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_installed_keeps_its_name(mirctl, tmp_path, monkeypatch):
    (tmp_path / "mirctl_old").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    ran = mirctl("plugins", "new", "old", "--out", tmp_path / "new")
    assert ran.code == 2
    assert "mirctl_old is installed already" in ran.err


def test_what_to_type_next_can_be_typed(mirctl, tmp_path):
    ran = mirctl("plugins", "new", "shout", "--out", tmp_path / "my plugin")
    assert f"cd '{tmp_path}/my plugin' && pip install" in ran.err


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_nothing_is_overwritten(mirctl, tmp_path, what):
    out = tmp_path / "out"
    if what == "folder":
        out.mkdir()
    elif what == "file":
        out.write_text("mine")
    else:
        (tmp_path / "there").mkdir()
        out.symlink_to(tmp_path / "there")
    ran = mirctl("plugins", "new", "shout", "--out", out)
    assert ran.code == 2
    assert "exists already: choose another --out" in ran.err
    assert not any(out.iterdir()) if out.is_dir() else out.read_text() == "mine"


def test_a_full_disk_leaves_nothing_behind(mirctl, tmp_path, monkeypatch):
    write = files.write_text

    def full(path, text):
        if path.name == "job.py":
            raise OSError(28, "No space left on device")
        write(path, text)

    monkeypatch.setattr(files, "write_text", full)
    ran = mirctl("plugins", "new", "shout", "--out", tmp_path / "new")
    assert ran.code == 1
    assert "the disk is full" in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_from_nothing_to_green_in_a_minute(mirctl_process, tmp_path):
    """`plugins new`, an environment of its own, installed by pip, its own tests."""
    start = time.monotonic()
    assert mirctl_process("plugins", "new", "shout", "--out", tmp_path / "new").code == 0
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    (site / "above.pth").write_text("\n".join(path for path in sys.path if path))
    python = tmp_path / "env" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "-e", tmp_path / "new"], check=True)
    ran = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path / "new", capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    assert "3 passed" in ran.stdout
    assert time.monotonic() - start < 60
