"""Plugins of strangers: each broken in its own way, and everything else goes on."""

import sys
from pathlib import Path

import pytest

from core.conftest import fresh
from mirctl import diagnosis, plugins

GOOD = '''
    """Say hello to the world."""
    import typer
    app = typer.Typer(add_completion=False)

    @app.command()
    def hello() -> None:
        typer.echo("hello")
'''


def test_a_strangers_command_is_listed_by_its_docstring_and_runs(install, root, capsys):
    module = install("stranger", "greet", GOOD)
    assert root("--help") == 0
    assert "Say hello to the world." in capsys.readouterr().out
    assert module not in sys.modules, "help runs no plugin code"
    assert root("greet", "hello") == 0
    assert capsys.readouterr().out == "hello\n"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_like_this", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("app = 7", "is a int, not a typer.Typer"),
        ("other = 7", "AttributeError"),
        (None, "ModuleNotFoundError"),
    ],
)
def test_a_broken_plugin_breaks_only_itself(install, root, capsys, source, reason):
    install("broken-dist", "broken", source)
    install("stranger", "greet", GOOD)
    assert root("--help") == 0
    assert "broken" in capsys.readouterr().out
    assert root("greet", "hello") == 0
    capsys.readouterr()
    assert root("broken", "x") == 5
    error = capsys.readouterr().err
    assert reason in error
    assert "broken-dist" in error
    assert "Traceback" not in error
    assert root("plugins", "doctor") == 5
    assert reason in capsys.readouterr().out


HANGS = "import time; time.sleep(99)"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(plugins, "PATIENCE", 0.5)


def test_a_command_that_hangs_on_import_is_named_by_doctor(
    install, root, capsys, monkeypatch, impatient
):
    monkeypatch.setattr(diagnosis, "answering", list)  # that imports torch, which takes longer
    install("stuck-dist", "stuck", HANGS)
    install("stranger", "greet", GOOD)
    assert root("plugins", "doctor") == 5
    (line, *traceback) = capsys.readouterr().out.splitlines()
    assert line.startswith("plugin 'stuck' (from stuck-dist): cannot be loaded: TimeoutError: took")
    assert "stuck_dist_stuck.py" in "".join(traceback)
    assert root("greet", "hello") == 0


def test_two_strangers_with_one_name_both_stand_back(install, root, capsys):
    install("one", "greet", GOOD)
    install("two", "greet", GOOD)
    assert root("greet", "hello") == 5
    error = capsys.readouterr().err
    assert "one and two" in error
    assert root("plugins", "info", "greet") == 5
    assert "one and two" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["nosuch", "adopt"])
def test_info_and_check_know_the_same_plugins(root, capsys, name):
    told = []
    for command in "info", "check":
        assert root("plugins", command, name) == 2
        told.append(capsys.readouterr().err)
    assert told[0] == told[1]


def test_info_tells_the_hooks_of_a_plugin_that_gives_nothing(root, capsys):
    assert root("plugins", "info", "tensorboard") == 0
    assert "mirctl_step" in capsys.readouterr().out
    assert root("plugins", "info", "cache") == 0
    assert "mirctl cache" in capsys.readouterr().out


def test_the_core_keeps_its_names(install, root, capsys):
    install("thief", "cache", GOOD)
    assert root("cache", "--help") == 0
    assert "Say hello" not in capsys.readouterr().out
    assert root("plugins", "doctor") == 5
    assert "mirctl's own is used" in capsys.readouterr().out
    assert root("plugins", "info", "cache") == 0


def test_a_stranger_is_not_taken_for_the_core(install, root, capsys, monkeypatch):
    install("thief", "again", None, value="mirctl.cli:app")
    monkeypatch.setenv("MIRCTL_PLUGINS", "adapt")
    assert root("again") == 2
    assert "no such command" in capsys.readouterr().err.lower()


ODD = ["--help", "-x", "a b", "\x1b[31mred", "../up", "g" * 3000]


@pytest.mark.parametrize(
    ("group", "name"), [*((plugins.COMMANDS, name) for name in ODD), (plugins.HOOKS, "a b")]
)
def test_what_is_no_name_is_left_out_and_told(install, root, capsys, group, name):
    install("stranger", "greet", GOOD)
    install("strange", "x", "", group=group)
    points = next(Path(path) for path in sys.path if (Path(path) / "strange_x.py").exists())
    points = points / "strange-1.0.dist-info" / "entry_points.txt"
    points.write_text(f"[{group}]\n{name} = strange_x:app\n")
    assert root("--help") == 0
    told = capsys.readouterr()
    assert "Say hello to the world." in told.out
    assert "\x1b" not in told.out
    assert root("plugins", "list") == 0
    assert "strange " not in capsys.readouterr().out
    assert [p for p in diagnosis.loading() if "is no name for a plugin" in p.reason]
    assert "\x1b" not in capsys.readouterr().err


def test_mirctl_plugins_limits_what_is_loaded(install, root, capsys, monkeypatch):
    install("stranger", "greet", GOOD)
    monkeypatch.setenv("MIRCTL_PLUGINS", "adapt")
    assert root("greet", "hello") == 2
    assert root("adapt", "--help") == 0


HOOKS = """
    from mirctl.hookspecs import Job, hookimpl
    mirctl_api = {api}

    @hookimpl
    def mirctl_jobs():
        {body}

    {more}
"""


def hooked(api=1, body="return [Job('x/y', 'a:b', 'c:d')]", more=""):
    return HOOKS.format(api=api, body=body, more=more)


def install_hooks(install, source):
    install("stranger", "x", source, group=plugins.HOOKS, value="stranger_x")
    fresh()


@pytest.fixture
def ours():
    """Names of the jobs that come with mirctl."""
    return [job.name for job in plugins.results("mirctl_jobs")]


def test_a_strangers_hooks_answer_beside_ours(install):
    install_hooks(install, hooked())
    assert {job.name for job in plugins.results("mirctl_jobs")} >= {"x/y", "adapt/run"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (hooked(api=99), "speaks hook version 99"),
        ("x = 1", "no `mirctl_api`"),
        ("raise SystemExit", "SystemExit"),
        (hooked(more="@hookimpl\n    def mirctl_jibs(): ..."), "mirctl_jibs"),
    ],
)
def test_hooks_that_do_not_fit_are_told_in_one_line(install, capsys, source, reason):
    install_hooks(install, source)
    names = {job.name for job in plugins.results("mirctl_jobs")}
    assert "adapt/run" in names
    assert "x/y" not in names
    error = capsys.readouterr().err
    assert reason in error
    assert "stranger" in error
    assert error.count("\n") == 1


def test_a_hook_that_raises_is_told_once_and_switched_off(ours, install, capsys):
    install_hooks(install, hooked(body="raise RuntimeError('no')"))
    for _ in range(3):
        assert [job.name for job in plugins.results("mirctl_jobs")] == ours
    assert capsys.readouterr().err.count("RuntimeError: no") == 1


def test_a_stranger_cannot_take_our_job(install, capsys):
    install_hooks(install, hooked(body="return [Job('adapt/run', 'evil:C', 'evil:f')]"))
    (job,) = [job for job in plugins.results("mirctl_jobs") if job.name == "adapt/run"]
    assert job.function.startswith("mirctl_adapt.")
    assert "mirctl's own is used" in capsys.readouterr().err


@pytest.mark.parametrize("source", [HANGS, hooked(body=HANGS)])
def test_hooks_that_hang_stop_no_other(install, root, capsys, impatient, source):
    install_hooks(install, source)
    assert root("recipe", "show", "adapt/ml-100k") == 0
    told = capsys.readouterr()
    assert "uses: adapt/run" in told.out
    assert told.err.count("took longer than 0.5 s") == 1


def test_an_import_string_that_hangs_is_told(install, impatient):
    install("other", "slow", HANGS)
    install_hooks(install, hooked(body="return [Job('x/y', 'other_slow:a', 'math:pi')]"))
    (problem,) = diagnosis.answering("x")
    assert "mirctl_jobs, config: 'other_slow:a' cannot be imported: Timeout" in problem.reason


def test_an_answer_that_is_no_list_is_told_and_left_out(ours, install, capsys):
    install_hooks(install, hooked(body="return 7"))
    assert [job.name for job in plugins.results("mirctl_jobs")] == ours
    assert "gave a int, not a list" in capsys.readouterr().err


def test_doctor_names_a_hook_without_its_decorator(install, root, capsys):
    install_hooks(install, hooked(more="def mirctl_recipes(): ..."))
    assert root("plugins", "doctor") == 5
    assert "mirctl_recipes has no @hookimpl" in capsys.readouterr().out


@pytest.mark.parametrize(
    "body", ["return [{'name': 'x/y'}]", "return [7]", "return [Job('x/y', 'a:b', 'c:d'), None]"]
)
def test_a_job_that_is_none_breaks_no_recipe(install, root, capsys, body):
    install_hooks(install, hooked(body=body))
    assert root("recipe", "show", "adapt/ml-100k") == 0
    assert "mirctl_jobs gave a" in capsys.readouterr().err
    assert root("plugins", "doctor") == 5
    assert "where a Job is expected" in capsys.readouterr().out


def test_doctor_names_an_import_string_that_leads_nowhere(install, root, capsys):
    install_hooks(install, hooked())
    assert root("plugins", "doctor") == 5
    assert "mirctl_jobs, config: 'a:b' cannot be imported" in capsys.readouterr().out


def test_doctor_shows_where_a_module_broke(install, root, capsys):
    install("broken-dist", "broken", "def deep():\n    raise RuntimeError('why')\ndeep()\n")
    assert root("plugins", "doctor") == 5
    assert 'broken_dist_broken.py", line 2, in deep' in capsys.readouterr().out


def test_two_names_of_one_module_break_nothing(install, root, capsys):
    install_hooks(install, hooked())
    install("stranger", "again", None, group=plugins.HOOKS, value="stranger_x")
    assert root("plugins", "doctor") == 5
    assert "registered already" in capsys.readouterr().out


def test_a_recipe_of_a_plugin_that_does_not_load_is_exit_5(install, root, capsys, tmp_path):
    install_hooks(install, "raise RuntimeError('no')")
    (tmp_path / "r.yaml").write_text("uses: x/run\n")
    assert root("run", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "o")) == 5
    assert "plugin 'x' (from stranger)" in capsys.readouterr().err


def test_one_bad_recipe_hides_no_other(install, root, capsys, tmp_path):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "bad.yaml").write_text("uses: [")
    more = (
        "@hookimpl\n    def mirctl_recipes():\n"
        f"        from pathlib import Path; return Path({str(tmp_path / 'recipes')!r})"
    )
    install_hooks(install, hooked(more=more))
    assert root("recipe", "list") == 0
    out = capsys.readouterr().out
    assert "adapt/ml-100k" in out
    assert "(cannot be read: " in out


ENCODER = """
    import torch
    from pathlib import Path
    from mirctl.hookspecs import EncoderSpec, hookimpl
    from mirctl.hub import Model
    mirctl_api = 1

    @hookimpl
    def mirctl_encoders():
        here = "stranger_x:"
        return [EncoderSpec("shout", "text", here + "load", here + "no", here + "resolve")]

    def no(model):
        raise AssertionError("it is named, so it is not asked")

    def resolve(name):
        return Model(name, Path("."), None, "0" * 64, "folder")

    def load(settings, model, device, dtype):
        return Shout()

    class Shout:
        modality, widths, layers, batch_size = "text", (1,), ("length",), 8

        def encode(self, items):
            return torch.tensor([[float(len(item))] for item in items])
"""


def test_a_strangers_encoder_runs_where_a_recipe_names_it(install):
    import numpy as np
    import torch

    from mirctl.encode import EncoderSettings, encode_items

    install_hooks(install, ENCODER)
    settings = EncoderSettings(model="loud", encoder="shout")
    found = encode_items(settings, ["abc", "a"], device=torch.device("cpu"), dtype=torch.float32)
    assert found.gather(np.arange(2)).tolist() == [[3.0], [1.0]]
    assert found.weights == "0" * 64


def test_an_encoder_that_is_not_installed_is_a_wrong_recipe(install):
    import torch

    from mirctl.encode import EncoderSettings, choose
    from mirctl.errors import UsageError

    install_hooks(install, ENCODER)
    with pytest.raises(UsageError, match="did you mean 'shout'"):
        choose(EncoderSettings(model="loud", encoder="shuot"), torch.float32)


def test_whose_answer_it_is_tells_the_version(install):
    source = """
        from mirctl.hookspecs import EncoderSpec, hookimpl

        mirctl_api = 1
        SPEC = EncoderSpec("loud", "text", load="x:load", accepts="x:accepts")

        @hookimpl
        def mirctl_encoders():
            return [SPEC]
    """
    module = install("loud", "loud", source, group=plugins.HOOKS, value="loud_loud")
    given = {spec.name: spec for spec in plugins.results("mirctl_encoders")}
    assert plugins.version_of_giver("mirctl_encoders", given["loud"]) == "1.0"
    assert plugins.version_of_giver("mirctl_encoders", given["transformers-text"]) is None
    assert module == "loud_loud"


def test_doctor_tells_a_hook_that_raises(install, root, capsys):
    install_hooks(install, hooked(body="raise RuntimeError('no')"))
    assert root("plugins", "doctor") == 5
    assert "mirctl_jobs raised RuntimeError: no" in capsys.readouterr().out


def test_a_hook_that_will_go_still_answers_and_is_told(install, root, capsys, monkeypatch):
    from mirctl import hookspecs

    told = DeprecationWarning("mirctl_jobs goes with 0.9, implement mirctl_tasks")
    mark = hookspecs.hookspec(warn_on_impl=told)
    monkeypatch.setattr(hookspecs, "mirctl_jobs", mark(lambda: None))
    monkeypatch.setenv("MIRCTL_PLUGINS", "x")
    install_hooks(install, hooked())
    assert [job.name for job in plugins.results("mirctl_jobs")] == ["x/y"]
    error = capsys.readouterr().err
    assert "(from stranger): uses a hook that will go: mirctl_jobs goes with 0.9" in error
    assert error.count("\n") == 1
