"""Our own plugins keep the rules, and each way to break one is found by its check."""

import json
import textwrap
from importlib.metadata import entry_points

import pytest

import mirctl.conformance
from core.conftest import fresh
from mirctl import plugins
from mirctl.conformance import CHECKS, examine, look
from mirctl.conformance.plugin import find
from mirctl.testing import conformance

GROUPS = (plugins.COMMANDS, plugins.HOOKS)
ENTRIES = [entry for group in GROUPS for entry in entry_points(group=group)]


@pytest.mark.parametrize("name", sorted({e.name for e in ENTRIES if e.dist.name == plugins.CORE}))
def test_our_own_plugins_keep_the_rules(name, mirctl_cache):
    fresh()
    conformance(name)


def test_a_recipe_that_can_run_is_run_and_made_again(tiny_catalogue, tmp_path, mirctl_cache):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "uses: adapt/run\n"
        f"data: {{interactions: {tiny_catalogue}/interactions.csv}}\n"
        "model: {method: markov}\n"
    )
    found = examine("adapt", str(recipe))
    assert found[-1].check == "artifact"
    assert not any(one.problems for one in found)


GOOD = '''
    """Say hello."""
    from typing import Annotated
    import typer
    app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)

    @app.callback()
    def greet() -> None: ...

    @app.command()
    def hello(
        name: Annotated[str, typer.Argument(help="Whom.")],
        json: Annotated[bool, typer.Option("--json", help="One document.")] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    ) -> None:
        """Greet somebody."""
        from mirctl import console
        console.document({"hello": name}) if json else console.emit(f"hello {name}")
'''
MORE = "\n        "
LENIENT = "context_settings={'ignore_unknown_options': True, 'allow_extra_args': True}"


def broken(**changes):
    """The good plugin with one line replaced."""
    source = GOOD
    for old, new in changes.values():
        assert old in source
        source = source.replace(old, new)
    return source


BODY = "from mirctl import console"
BROKEN = {
    "no module of that name": ("import nothing_like_this", "loads"),
    "a syntax error": ("def broken(:", "loads"),
    "an exit at import": ("raise SystemExit(3)", "loads"),
    "a vanished distribution": (None, "loads"),
    "a wrong object": ("app = 7", "loads"),
    "torch at the top": (broken(a=("import typer\n", "import typer, torch\n")), "imports"),
    "slow at the top": (
        broken(a=("import typer\n", "import typer\n    sum(i * i for i in range(3_000_000))\n")),
        "imports",
    ),
    "words at the top": (broken(a=("import typer\n", "import typer\n    print(1)\n")), "imports"),
    "no docstring": (broken(a=('"""Say hello."""', "__doc__ = ''")), "help"),
    "no help of a command": (broken(a=('"""Greet somebody."""', "")), "help"),
    "no help of an option": (broken(a=(', help="One document."', "")), "help"),
    "a traceback": (broken(a=(BODY, f"open(name){MORE}{BODY}")), "files"),
    "a bug": (broken(a=(BODY, f"1 / 0{MORE}{BODY}")), "files"),
    "a silent failure": (broken(a=(BODY, f"raise typer.Exit(3){MORE}{BODY}")), "files"),
    "half a file": (
        broken(a=(BODY, f"__import__('os').mkdir('half'){MORE}raise typer.Exit(2)")),
        "files",
    ),
    "two documents": (
        broken(a=("console.document(", "console.document({}), console.document(")),
        "json",
    ),
    "no object": (broken(a=('console.document({"hello": name})', "print([name])")), "json"),
    "a document and a word": (broken(a=(BODY, f"print('hi'){MORE}{BODY}")), "json"),
    "a failure that is no document": (
        broken(a=(BODY, f"print('{{}}')\n        raise typer.Exit(3){MORE}{BODY}")),
        "json",
    ),
    "a dry run that writes": (
        broken(a=(BODY, f"__import__('os').mkdir('note'){MORE}{BODY}")),
        "dry-run",
    ),
    "usage that is not refused": (
        broken(a=("@app.command()", f"@app.command({LENIENT})")),
        "usage",
    ),
    "no help without arguments": (broken(a=(", no_args_is_help=True", "")), "help"),
    "a need of a terminal": (
        broken(a=(BODY, f"import sys{MORE}sys.stdout.isatty() or sys.exit(9){MORE}{BODY}")),
        "files",
    ),
    "colours for no terminal": (broken(a=(BODY, f"print('\\x1b[1m'){MORE}{BODY}")), "terminal"),
}


@pytest.fixture
def only_quick(monkeypatch):
    """Leave out checks that start processes, unless it is one of them that should fail."""

    slow = {"imports", "terminal"}

    def leave_out(wanted):
        kept = {check: f for check, f in CHECKS.items() if check not in slow - {wanted}}
        monkeypatch.setattr(mirctl.conformance, "CHECKS", kept)

    return leave_out


@pytest.fixture
def failing(tmp_path_factory):
    """The checks that a plugin fails, done in this process, and why."""

    def failing(name, recipe=None):
        fresh()
        plugin, place = find(name, recipe), tmp_path_factory.mktemp("place")
        found = {check: [*look(plugin, check, place)] for check in mirctl.conformance.CHECKS}
        return {check: problems for check, problems in found.items() if problems}

    return failing


def test_a_good_plugin_passes(install, failing, mirctl_cache):
    install("stranger", "greet", GOOD)
    assert failing("greet") == {}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_broken_fails_its_check(
    install, failing, root, capsys, mirctl_cache, only_quick, how
):
    source, check = BROKEN[how]
    only_quick(check)
    install("stranger", "greet", source)
    found = failing("greet")
    assert check in found
    if check == "loads":
        assert list(found) == ["loads"]
    capsys.readouterr()
    assert root("recipe", "list") == 0, "everything else works"


def test_two_distributions_with_one_name_fail(install, failing, mirctl_cache, only_quick):
    only_quick("loads")
    install("one", "greet", GOOD)
    install("two", "greet", GOOD)
    assert "claimed by one and two" in failing("greet")["loads"][0]


JOB = """
    from pathlib import Path
    from mirctl.hookspecs import ArtifactKind, Job, hookimpl
    mirctl_api = 1

    @hookimpl
    def mirctl_jobs():
        here = "greet_work"
        return [Job("greet/run", f"{here}:Config", f"{here}:work", summary="nothing -> a tensor")]

    @hookimpl
    def mirctl_artifact_kinds():
        return [ArtifactKind("greet/thing", 1, "mirctl.artifact:open_artifact")]

    @hookimpl
    def mirctl_recipes():
        return Path(__file__).parent
"""
WORK = """
    from pathlib import Path
    import torch
    from mirctl.run import Result
    from mirctl.section import JobConfig

    class Config(JobConfig):
        size: int = 3

    def work(config, run):
        value = torch.full((config.size,), float(run.seed))
        with run.artifact("greet/thing", {}) as draft:
            draft.tensors("model", {"value": value})
        return Result(run.out)

    def check(config):
        Path('note').write_text('x')
"""
BROKEN_HOOKS = {
    "another hook version": ("mirctl_api = 1", "mirctl_api = 2", "loads"),
    "no decorator": ("@hookimpl\n    def mirctl_recipes", "def mirctl_recipes", "loads"),
    "a hook nobody knows": ("def mirctl_recipes", "def mirctl_recipe", "loads"),
    "an import string to nowhere": (":work", ":play", "hooks"),
    "a hook that raises": ('here = "greet_work"', "1 / 0", "hooks"),
    "another plugin's name": ('"greet/run"', '"adopt/run"', "hooks"),
    "no summary": (', summary="nothing -> a tensor"', "", "hooks"),
    "no config of a job": (":Config", ":Path", "hooks"),
    "a function of one argument": ("def work(config, run)", "def work(config)", "hooks"),
    "no folder of recipes": (".parent", ".parent / 'gone'", "recipes"),
    "a recipe that does not fit": ("size: int", "height: int", "recipes"),
    "a kind nobody gives": ('ArtifactKind("greet/thing"', 'ArtifactKind("greet/other"', "artifact"),
    "chance": ("float(run.seed)", "torch.rand(()).item()", "artifact"),
    "a loader that refuses": ("mirctl.artifact:open_artifact", "builtins:open", "artifact"),
    "a check that writes": (", summary", ', check="stranger_greet:check", summary', "dry-run"),
}


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text("uses: greet/run\nsize: 2\n")
    return str(path)


def install_hooks(install, folder, old="", new=""):
    """The good plugin with a piece of it replaced."""
    assert old in JOB + WORK
    (folder / "greet_work.py").write_text(textwrap.dedent(WORK).replace(old, new))
    source = JOB.replace(old, new)
    install("stranger", "greet", source, group=plugins.HOOKS, value="stranger_greet")


def test_good_hooks_pass(install, failing, recipe, tmp_path, mirctl_cache):
    install_hooks(install, tmp_path)
    assert failing("greet", recipe) == {}


@pytest.mark.parametrize("how", BROKEN_HOOKS)
def test_hooks_that_are_broken_fail_their_check(
    install, failing, recipe, tmp_path, root, mirctl_cache, only_quick, how
):  # fmt: skip
    old, new, check = BROKEN_HOOKS[how]
    only_quick(check)
    install_hooks(install, tmp_path, old, new)
    assert check in failing("greet", recipe)
    assert root("recipe", "show", "adapt/ml-100k") == 0, "everything else works"


def test_the_command_tells_every_check_and_what_to_do(install, mirctl, only_quick):
    only_quick("files")
    install("stranger", "greet", BROKEN["a bug"][0])
    fresh()
    ran = mirctl("plugins", "check", "greet")
    assert ran.code == 1
    assert "  loads    ok  " in ran.out
    assert "`mirctl greet hello ./no-such-file.csv` exits 1: raise the type of" in ran.out
    document = json.loads(mirctl("plugins", "check", "greet", "--json").out)
    assert "files" in document["error"]["message"]
    assert [one["check"] for one in document["checks"]] == [
        check for check in CHECKS if check not in ("imports", "terminal", "artifact")
    ]


def test_an_assertion_names_all_that_fail_and_nothing_else(install, mirctl_cache, only_quick):
    only_quick("help")
    install("stranger", "greet", BROKEN["no help of an option"][0])
    fresh()
    with pytest.raises(AssertionError, match="--json has no help text") as caught:
        conformance("greet")
    assert "usage" not in str(caught.value)


def test_a_plugin_that_is_not_installed_is_wrong_usage(mirctl):
    ran = mirctl("plugins", "check", "adopt")
    assert ran.code == 2
    assert "did you mean 'adapt'?" in ran.err


def test_a_recipe_that_is_not_there_is_wrong_usage(mirctl):
    ran = mirctl("plugins", "check", "adapt", "nosuch.yaml")
    assert (ran.code, ran.out) == (2, "")
    assert "nosuch.yaml: no such file" in ran.err


def test_the_checks_leave_the_users_folder_alone(
    install, mirctl, tmp_path, monkeypatch, only_quick
):
    only_quick("files")
    install("stranger", "greet", BROKEN["half a file"][0])
    fresh()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "kept.txt").write_text("mine")
    monkeypatch.chdir(tmp_path / "own")
    assert mirctl("plugins", "check", "greet").code == 1
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["kept.txt"]


def test_what_a_plugin_said_is_told_in_short(install, mirctl, only_quick):
    only_quick("json")
    noisy = f"import sys{MORE}sys.stderr.write('y' * 10**6){MORE}return{MORE}{BODY}"
    install("stranger", "greet", broken(a=(BODY, noisy)))
    ran = mirctl("plugins", "check", "greet")
    assert ran.code == 1
    assert len(ran.out + ran.err) < 2000


def test_a_command_that_reads_stdin_does_not_wait(install, failing, mirctl_cache):
    install("stranger", "greet", broken(a=(BODY, f"import sys{MORE}sys.stdin.read(){MORE}{BODY}")))
    assert failing("greet") == {}
