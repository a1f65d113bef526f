"""A plugin that hangs, dies or breaks its process fails the check under way, and nothing else."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from core.conftest import fresh
from core.test_conformance import BODY, GOOD, MORE, broken
from mirctl import conformance
from mirctl.conformance import CHECKS, examine
from mirctl.conformance.running import import_path, python

CALL = "`mirctl greet hello ./no-such-file.csv`"
SLEEP = "import time; time.sleep(99)"


def doing(statements):
    """The good plugin, whose command does this first."""
    return broken(a=(BODY, statements + MORE + BODY))


@pytest.fixture
def only(monkeypatch):
    """Leave out all checks but these."""

    def leave(*wanted):
        kept = {check: function for check, function in CHECKS.items() if check in wanted}
        monkeypatch.setattr(conformance, "CHECKS", kept)

    return leave


def found(timeout=60):
    fresh()
    return {one.check: "\n".join(one.problems) for one in examine("greet", timeout=timeout)}


DIES = {
    "os._exit": ("import os; os._exit(7)", f"{CALL} ended with exit code 7 without a result"),
    "a quiet end": ("import os; os._exit(0)", f"{CALL} ended with exit code 0 without a result"),
    "a signal": ("import os; os.kill(os.getpid(), 9)", f"{CALL} ended by signal 9"),
    "its group": ("import os; os.killpg(0, 9)", f"{CALL} ended by signal 9"),
    "no memory": ("import ctypes; ctypes.string_at(0)", f"{CALL} ended by signal 11"),
    "no files": ("import os; os.closerange(0, 99)", f"{CALL} ended with exit code 1 without a"),
    "a question": ("input()", f"{CALL} exits 130"),
    "no stdout": ("import os; os.close(1)", f"{CALL} exits 1: raise the type of"),
    "a fork": ("import os; os.fork()", "forks, and the copy comes back"),
}


@pytest.mark.parametrize("how", DIES)
def test_what_breaks_its_process_fails_its_check(install, only, mirctl_cache, how):
    statements, problem = DIES[how]
    only("loads", "usage", "files", "recipes")
    install("stranger", "greet", doing(statements))
    ours = found()
    assert problem in ours.pop("files")
    assert ours == {"loads": "", "usage": "", "recipes": ""}


@pytest.mark.parametrize("how", [SLEEP, f"import os; os.fork(); {SLEEP}"])
def test_what_hangs_fails_its_check(install, only, mirctl_cache, how):
    only("usage", "files", "recipes")
    install("stranger", "greet", doing(f"import signal; signal.signal(15, 1); {how}"))
    begin = time.monotonic()
    assert found(timeout=3) == {
        "usage": "",
        "files": f"{CALL} took longer than 3 s",
        "recipes": "",
    }
    assert time.monotonic() - begin < 60


def test_a_thread_that_does_not_end_is_told(install, only, mirctl_cache):
    only("usage", "files")
    thread = "import threading, time; threading.Thread(target=time.sleep, args=(99,)).start()"
    install("stranger", "greet", doing(thread))
    assert found(timeout=3)["files"] == (
        "the process took longer than 3 s after its last command: is a thread left running?"
    )


@pytest.mark.parametrize("how", ["print('hi', file=sys.__stdout__)", "os.write(1, b'hi')"])
def test_what_goes_past_stdout_spoils_the_document(install, only, mirctl_cache, how):
    only("files", "json")
    install("stranger", "greet", doing(f"import os, sys; {how}"))
    ours = found()
    assert ours["files"] == ""
    assert "prints no JSON on stdout (exit 0): 'hi" in ours["json"]


@pytest.mark.parametrize("how", ["import os; os._exit(7)", SLEEP])
def test_one_that_cannot_be_imported_is_not_tried_again(install, mirctl_cache, how):
    install("stranger", "greet", how)
    ours = found(timeout=2)
    assert list(ours) == ["loads"]
    assert ours["loads"].startswith("`import stranger_greet` ")
    assert ours["loads"].endswith(": all else is left out")


def test_a_stranger_that_hangs_is_told_from_the_plugin(install, only, mirctl_cache, monkeypatch):
    only("loads")
    install("stranger", "greet", GOOD)
    install("other", "stuck", SLEEP)
    assert "loading the other plugins (MIRCTL_PLUGINS=greet leaves" in found(timeout=2)["loads"]
    monkeypatch.setenv("MIRCTL_PLUGINS", "greet")
    assert found() == {"loads": ""}


def test_the_document_of_a_plugin_that_dies_is_one(install, mirctl_cache):
    install("stranger", "greet", doing("import os; os._exit(7)"))
    ran = python("-m", "mirctl", "plugins", "check", "greet", "--json")
    assert ran.code == 1
    document = json.loads(ran.out)
    assert document["error"]["message"] == "plugin 'greet' fails: files, json, dry-run, terminal"
    assert [one["check"] for one in document["checks"]] == [*CHECKS][:-1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_nothing_is_left_when_the_checks_are_stopped(install, tmp_path, mirctl_cache, number, code):
    note = tmp_path / "pid"
    install("stranger", "greet", f"import os; open({str(note)!r}, 'w').write(str(os.getpid()))")
    with open(tmp_path / "stranger_greet.py", "a") as file:
        file.write(f"\n{SLEEP}\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "mirctl", "plugins", "check", "greet"],
        env={**os.environ, "PYTHONPATH": import_path()},
        stderr=subprocess.DEVNULL,
    )
    _wait(lambda: note.exists() and note.read_text())
    process.send_signal(number)
    assert process.wait(20) == code
    _wait(lambda: not _lives(int(note.read_text())))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_what_left_for_a_session_of_its_own_is_ended_too(install, only, tmp_path, mirctl_cache):
    note = tmp_path / "pid"
    only("files")
    daemon = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(99)"
    start = f"subprocess.Popen([sys.executable, '-c', {daemon!r}], start_new_session=True)"
    wait = f"while not os.path.exists({str(note)!r}): time.sleep(0.01)"
    install("stranger", "greet", doing(f"import os, subprocess, sys, time; {start}{MORE}{wait}"))
    assert found() == {"files": ""}
    _wait(lambda: not _lives(int(note.read_text())))


def _wait(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _lives(pid):
    """Whether a process runs: one that nobody has waited for yet does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
