"""The root command: exit codes, streams, help, completion, and what it must not import."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from mirctl import cli, console, jobs, plugins
from mirctl.conformance.plugin import find
from mirctl.errors import ArtifactError, DataError, MissingError, RunError, UsageError

HEAVY = ("torch", "transformers", "pydantic", "numpy", "pyarrow", "peft", "PIL")


def imported_by(*arguments):
    """Heavy modules that a command line leaves loaded."""
    code = (
        "import sys\nfrom mirctl import cli\n"
        f"code = cli.run_command({list(arguments)!r})\n"
        f"print(code, *[m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return ran.stderr.split()


def test_help_imports_nothing_heavy():
    assert imported_by("--help") == ["0"]


@pytest.mark.parametrize("name", sorted(e.name for e in entry_points(group=plugins.COMMANDS)))
def test_the_help_of_a_command_loads_no_torch(name):
    code, *loaded = imported_by(name, "--help")
    assert code == "0"
    assert {"torch", "transformers", "numpy", "pyarrow", "peft"}.isdisjoint(loaded)


@pytest.mark.parametrize("name", sorted(e.name for e in entry_points(group=plugins.COMMANDS)))
def test_help_fits_into_80_columns(mirctl, name, monkeypatch):
    """Nothing is cut off, and arguments stand in capitals, without brackets of their own."""
    monkeypatch.setenv("COLUMNS", "80")
    for command in find(name).commands():
        shown = mirctl(*command.words, "--help").out
        assert "…" not in shown, str(command)
        assert not re.search(r"<=\d{8}", shown), "the digits of a limit fill the help"
        usage = shown.partition("╭")[0].partition("Usage:")[2].partition("\n \n")[0]
        assert re.search(r"\{[a-z]|\[\[|\.\.\.\}", usage) is None, usage


def test_no_arguments_show_help_and_succeed(mirctl):
    for arguments in ([], ["adapt"], ["recipe"]):
        ran = mirctl(*arguments)
        assert ran.code == 0
        assert "Usage" in ran.out


def test_the_version_is_printed(mirctl):
    ran = mirctl("--version")
    assert (ran.code, ran.out) == (0, "mirctl 0.1.0\n")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["adpt"], "Did you mean 'adapt'?"),
        (["adapt", "rnu"], "Did you mean 'run'?"),
        (["adapt", "run"], "Missing argument"),
        (["adapt", "run", "impute/table", "--sede", "3"], "--sed"),
        (["run", "no/such", "--out", "x"], "no such file"),
    ],
)
def test_wrong_usage_is_exit_2_with_a_hint(mirctl, arguments, hint):
    ran = mirctl(*arguments)
    assert ran.code == 2
    assert hint in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [(RunError, 1), (UsageError, 2), (DataError, 3), (ArtifactError, 4), (MissingError, 5)],
)
def test_every_error_has_its_exit_code_and_json(mirctl, monkeypatch, error, code):
    def fail(*arguments, **options):
        raise error("it broke", where="file.csv, row 3")

    monkeypatch.setattr(jobs, "execute", fail)
    ran = mirctl("run", "impute/table", "--json")
    assert ran.code == code
    assert ran.err == "error: file.csv, row 3: it broke\n"
    expected = {"code": code, "message": "it broke", "where": "file.csv, row 3"}
    assert json.loads(ran.out) == {"error": expected}


@pytest.mark.parametrize(
    ("raised", "code"), [(KeyboardInterrupt, 130), (BrokenPipeError, 141), (ValueError("odd"), 1)]
)
def test_other_ends_have_their_codes_and_no_traceback(monkeypatch, capsys, raised, code):
    def fail(*arguments, **options):
        raise raised

    monkeypatch.setattr(jobs, "execute", fail)
    stdout = sys.stdout
    assert cli.run_command(["run", "impute/table"]) == code
    sys.stdout = stdout
    assert "Traceback" not in capsys.readouterr().err


def test_wrong_usage_is_json_too(mirctl):
    ran = mirctl("adapt", "run", "--json")
    assert ran.code == 2
    assert json.loads(ran.out)["error"]["code"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["env"],
        ["plugins", "list"],
        ["plugins", "info", "adapt"],
        ["plugins", "info", "core"],
        ["plugins", "doctor"],
        ["recipe", "list"],
        ["recipe", "show", "adapt/ml-100k"],
        ["cache", "ls"],
        ["cache", "verify"],
        ["data", "list"],
    ],
)
def test_json_is_one_document_and_people_get_lines(mirctl, arguments):
    ran = mirctl(*arguments, "--json")
    assert ran.code == 0, ran.err
    assert isinstance(json.loads(ran.out), dict)
    assert mirctl(*arguments).code == 0


def test_a_schema_is_json(mirctl):
    schema = json.loads(mirctl("recipe", "schema", "adapt/run").out)
    assert "model" in schema["properties"]


def test_every_shipped_recipe_resolves(mirctl):
    names = [row["name"] for row in json.loads(mirctl("recipe", "list", "--json").out)["recipes"]]
    assert "adapt/ml-100k" in names
    for name in names:
        assert mirctl("recipe", "show", name).code == 0


def completed(words, cwd=None):
    """What bash would offer for the last of some words."""
    place = str(len(words.split(" ")) - 1)
    env = {"_MIRCTL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": place}
    ran = subprocess.run(
        [sys.executable, "-m", "mirctl"], capture_output=True, text=True, env=env, cwd=cwd
    )
    return ran.stdout.split()


def test_completion_knows_commands_without_importing_them():
    assert completed("mirctl a") == ["adapt", "align", "artifact"]


def test_completion_offers_recipes_and_files(tmp_path):
    (tmp_path / "adapted.yaml").write_text("")
    offered = completed("mirctl adapt run adapt", cwd=tmp_path)
    assert {"adapt/ml-100k", "adapted.yaml"} <= set(offered)


def test_quiet_keeps_warnings(capsys):
    console.configure(quiet=True)
    console.say("a detail")
    console.warn("a loss")
    console.configure(quiet=False)
    assert capsys.readouterr().err == "warning: a loss\n"


def test_what_a_part_of_a_larger_work_says_goes_to_the_log_alone(capsys, tmp_path):
    log = tmp_path / "log.txt"
    console.log_to(log)
    with console.aside():
        console.say("an epoch")
        console.warn("a problem")
    console.say("a result")
    console.log_to(None)
    told = capsys.readouterr().err
    assert "an epoch" not in told
    assert "a problem" in told
    assert "a result" in told
    assert "an epoch" in log.read_text()


def test_progress_in_a_log_is_plain_lines(capsys, monkeypatch):
    clock = iter([0.0, 1.0, 12.0, 13.0, 25.0, 26.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    with console.progress("work", 40, "rows") as advance:
        for _ in range(4):
            advance(10)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "work: 20/40 rows, 1.67/s, 12 s left",
        "work: 40/40 rows, 1.6/s, 0 s left",
        "work: 40/40 rows, 1.54/s, 0 s left",
    ]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="wants a device that is always full")
@pytest.mark.parametrize("arguments", ["recipe list --json", "recipe list", "--help"])
def test_a_full_disk_behind_stdout_is_no_bug(arguments):
    command = f"{sys.executable} -m mirctl {arguments} > /dev/full"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "stdout: cannot be written: No space left" in done.stderr


def test_nobody_reading_stderr_stops_no_work():
    command = f"{sys.executable} -m mirctl recipe check adapt/nothing 2>&1 >/dev/null | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    command = f"{sys.executable} -m mirctl recipe list 2>&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, "adapt/ml-100k" in done.stdout) == (0, True)


def test_a_full_memory_is_no_bug(capsys):
    assert cli._fail_unforeseen(MemoryError(), as_json=False) == 1
    assert "smaller batch_size" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("recipe list --json >&-", 0),
        ("--help >&-", 0),
        ("recipe show adapt/nothing --json >&-", 2),
        ("recipe list >&- 2>&- <&-", 0),
        ("data check --interactions - <&-", 3),
    ],
)
def test_closed_streams_are_no_bug(command, code):
    command = f"{sys.executable} -m mirctl {command}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_at_the_very_end_leaves_no_traceback(name):
    code = (
        "import atexit, os, signal, sys\nfrom mirctl import cli\n"
        f"atexit.register(os.kill, os.getpid(), signal.{name})\n"
        "sys.argv = ['mirctl', '--version']\ncli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("mirctl 0.1.0\n", "")


@pytest.mark.parametrize("name", ["\u00e9\U0001f3ac", "\udcff"])
def test_what_stdout_cannot_encode_is_escaped_and_stays_json(mirctl_process, name):
    ran = mirctl_process("recipe", "show", name, "--json", PYTHONIOENCODING="ascii")
    assert ran.code == 2
    assert json.loads(ran.out)["error"]["where"] == name
