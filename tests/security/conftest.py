"""What foreign code would leave behind if it ran, and whether any process was started."""

import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def canary(tmp_path_factory):
    """A file that every payload tries to make; at the end of the test it must not be there."""
    path = tmp_path_factory.mktemp("canary") / "ran"
    yield path
    assert not path.exists(), "foreign code ran"


@pytest.fixture
def no_process(monkeypatch):
    """Processes that were asked for, git's question for the commit aside; none of them starts."""
    asked = []

    def refuse(_self, command, *_, **__):
        if command[0] != "git":
            asked.append(command)
        raise OSError("no process in this test")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    yield
    assert asked == []


@pytest.fixture
def tree(tmp_path):
    """All paths below the test's folder, and when each was changed."""

    def tree(folder: Path = tmp_path) -> dict[str, int]:
        return {str(path): path.lstat().st_mtime_ns for path in sorted(folder.rglob("*"))}

    return tree
