"""A job whose function ends in a way that it should not."""

import json

import pytest

from core.conftest import fresh
from mirctl import plugins

JOB = """
    from mirctl.hookspecs import Job, hookimpl
    mirctl_api = 1

    @hookimpl
    def mirctl_jobs():
        return [Job("x/run", config="mirctl.section:JobConfig", function="stranger_x:run")]

    def run(config, run):
        from mirctl.run import Result
        {body}
"""
ENDS = {
    "exit": ("raise SystemExit(0)", "x/run left by SystemExit"),
    "typer's exit": ("import typer; raise typer.Exit(0)", "x/run left by Exit"),
    "nothing": ("return None", "x/run gave a NoneType, not a mirctl.run.Result"),
    "no artifact": ("return Result(run.out)", "x/run ended well and made no artifact at"),
    "a table": ("return Result(table=__file__)", "x/run ended well and made no artifact at"),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_job_that_makes_nothing_is_a_failure(install, mirctl, tmp_path, monkeypatch, how):
    body, told = ENDS[how]
    install("stranger", "x", JOB.format(body=body), group=plugins.HOOKS, value="stranger_x")
    fresh()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text("uses: x/run\ndevice: cpu\n")
    ran = mirctl("run", "recipe.yaml", "--out", "out", "--json")
    assert ran.code == 1
    error = json.loads(ran.out)["error"]
    assert error["code"] == 1
    assert told in error["message"]
    assert "a bug of its plugin" in error["message"]
    assert not (tmp_path / "out.partial").exists()
