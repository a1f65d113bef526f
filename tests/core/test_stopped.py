"""A signal while the command line is only being loaded: no traceback, whatever it hits."""

import signal
import subprocess
import sys

import pytest

CODE = """
import os, signal, sys
class Stop:
    def find_spec(self, name, *_):
        if name == {name!r}:
            os.kill(os.getpid(), signal.{signal})
sys.meta_path.insert(0, Stop())
{before}
from mirctl.__main__ import main
sys.argv = ["mirctl", "recipe", "list"]
main()
"""


def stopped(name, number, before=""):
    code = CODE.format(name=name, signal=number.name, before=before)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["mirctl.cli", "typer", "mirctl.console"])
def test_it_ends_at_once_and_in_silence(name, number):
    ran = stopped(name, number)
    assert (ran.returncode, ran.stdout, ran.stderr) == (-number, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_from_then_on_it_is_told(number):
    ran = stopped("mirctl.commands.recipe", number)
    assert (ran.returncode, ran.stdout) == (130, "")
    assert "interrupted" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_shells_background_stays_deaf_to_ctrl_c():
    ran = stopped("typer", signal.SIGINT, "signal.signal(signal.SIGINT, signal.SIG_IGN)")
    assert ran.returncode == 0
    assert "adapt/" in ran.stdout
