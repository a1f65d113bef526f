"""docs/tutorial.md is executed as it stands: its files are written, its commands run."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.conftest import write_metadata

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def shell(tmp_path):
    """Runs lines of bash in one place after another, with a `mirctl` and `python` of its own."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, command in {"mirctl": "-m mirctl", "python": ""}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {command} "$@"\n')
        (programs / name).chmod(0o755)
    path = os.pathsep.join(part for part in sys.path if part)
    place = {"cwd": tmp_path}

    def run(lines):
        env = os.environ | {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{place['cwd']}{os.pathsep}{path}",
        }
        ran = subprocess.run(
            ["bash", "-euc", lines], cwd=place["cwd"], capture_output=True, text=True, env=env
        )
        assert ran.returncode == 0, f"{lines}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    run.place = place
    return run


def own_lines(source):
    """How many lines are neither blank nor part of an import or a docstring."""
    others = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            others |= {*range(node.lineno, node.end_lineno + 1)}
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            others |= {*range(node.body[0].lineno, node.body[0].end_lineno + 1)}
    return sum(
        bool(line.strip()) and n not in others for n, line in enumerate(source.split("\n"), 1)
    )


def test_the_tutorial_works_as_it_stands(shell, tmp_path):
    out, lines = "", 0
    for language, name, content in BLOCK.findall(TUTORIAL.read_text()):
        if language == "python":
            (shell.place["cwd"] / name).write_text(content)
            lines += 0 if name.startswith("tests/") else own_lines(content)
        elif language == "text":
            assert out.splitlines() == content.splitlines()
        elif "plugins new" in content:
            new, enter, install = content.splitlines()
            shell(new)
            assert install == "pip install -e ."
            shell.place["cwd"] = tmp_path / enter.removeprefix("cd ")
            write_metadata(shell.place["cwd"])
        else:
            out = shell(content)
    assert "3 passed" in out
    assert lines <= 80
