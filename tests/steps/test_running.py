"""How a pipeline runs: failures, interruptions, several at once, what is shown."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from mirctl import locks
from shell import pipe
from steps.conftest import CHAIN


def states(document):
    return {name: step["state"] for name, step in document["steps"].items()}


def test_a_failure_ends_the_run_with_its_own_code(bench):
    bench.write(CHAIN)
    ran = bench.run("left.fail=true", "--json")
    document = json.loads(ran.out)
    assert ran.code == document["error"]["code"] == 3
    assert bench.ran == ["left.csv"]
    assert states(document) == {
        "left": "failed", "model": "left out", "used": "left out", "last": "left out",
        "alone": "left out",
    }  # fmt: skip
    assert "step left: " in document["error"]["message"]
    assert "is no good" in document["steps"]["left"]["error"]["message"]
    assert "error: step left: " in ran.err


def test_independent_steps_go_on_after_a_failure_and_every_failure_is_told(bench):
    bench.write(CHAIN)
    ran = bench.run("model.fail=true", "alone.fail=true", "--keep-going", "--json")
    document = json.loads(ran.out)
    assert ran.code == document["error"]["code"] == 1
    assert bench.ran == ["left.csv", "model", "alone.csv"]
    assert states(document)["left"] == "done"
    assert "step model: " in document["error"]["message"]
    assert "step alone: " in document["error"]["message"]
    assert bench.run().code == 0
    assert bench.ran == ["model", "used.csv", "last.csv", "alone.csv"]


def test_results_are_a_table_for_people(chain):
    lines = chain.run().out.splitlines()
    assert lines[0].split() == ["step", "state", "result", "seconds", "metrics"]
    assert "score 3.0000" in next(line for line in lines if line.startswith("model"))


def test_a_rehearsal_tells_what_would_run_and_why_and_writes_nothing(chain):
    before = sorted((p, p.stat().st_mtime_ns) for p in chain.folder.rglob("*"))
    plan = chain.document("used.offset=1", "--dry-run")
    chain.log.unlink()
    assert plan["dry_run"] is True
    assert {name: step["why"] for name, step in plan["steps"].items() if step["runs"]} == {
        "used": "offset changed",
        "last": "after used",
    }
    ran = chain.mirctl("run", chain.folder / "recipe.yaml", "--dry-run")
    assert ran.code == 0
    reasons = [line.split()[2] for line in ran.out.splitlines()[1:]]
    assert reasons == ["new", "after", "after", "after", "new"]
    after = sorted((p, p.stat().st_mtime_ns) for p in chain.folder.rglob("*"))
    assert {p for p, _ in before} - {p for p, _ in after} == {chain.log}
    assert set(after) <= set(before) | {(chain.folder, chain.folder.stat().st_mtime_ns)}


def test_a_requirement_counts_for_its_step_also_when_it_is_up_to_date(chain):
    assert chain.run("--require", "model.score>=3", "--require", "used.used>2").code == 0
    ran = chain.run("--require", "model.score>=4", "--json")
    assert (ran.code, chain.ran) == (1, [])
    assert json.loads(ran.out)["error"]["message"] == "--require model.score>=4: score is 3.0000"


def test_one_pipeline_at_a_time(chain):
    with locks.alone(chain.folder / "out", "a test"):
        ran = chain.run("--force")
    assert (ran.code, "another pipeline is at work here" in ran.err) == (2, True)
    assert chain.ran == []


WIDE = """\
steps:
  one: {uses: toy/learn, weight: 1}
  two: {uses: toy/write, tables: [a.csv]}
  both: {uses: toy/use, model: {step: one}}
"""


def test_several_steps_at_once_make_the_same(bench):
    assert bench.write(WIDE).run().code == 0
    out = bench.folder / "out"
    once = {p.name: p.read_bytes() for p in out.glob("*.csv")}
    document = json.loads(bench.run("--force", "--jobs", 2, "--json").out)
    assert set(states(document).values()) == {"done"}
    assert sorted(bench.ran) == ["both.csv", "one", "two.csv"]
    assert {p.name: p.read_bytes() for p in out.glob("*.csv")} == once
    assert document["steps"]["one"]["metrics"]["score"]["value"] == 1
    assert "toy/learn on cpu" in (out / "logs/one.log").read_text()


def test_a_failure_in_another_process_is_told_as_its_own(bench):
    bench.write(CHAIN)
    ran = bench.run("alone.fail=true", "left.fail=true", "--jobs", 2, "--keep-going", "--json")
    document = json.loads(ran.out)
    assert ran.code == 1
    assert document["steps"]["left"]["error"]["code"] == 3
    assert "is no good" in document["steps"]["alone"]["error"]["message"]


SLOW = """\
steps:
  one: {uses: toy/learn, seconds: 300}
  two: {uses: toy/learn, seconds: 300, weight: 1}
  after: {uses: toy/use, model: {step: one}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_pipeline_goes_on_where_it_was(bench, jobs, stop):
    bench.write(SLOW)
    command = [sys.executable, "-m", "mirctl", "run", "recipe.yaml", "--out", "out"]
    command += ["--jobs", str(jobs)]
    with subprocess.Popen(command, cwd=bench.folder, stderr=subprocess.PIPE, text=True) as process:
        places = [bench.folder / f"out/{name}.partial/checkpoint.pt" for name in ("one", "two")]
        deadline = time.monotonic() + 240
        while not all(place.exists() for place in places[:jobs]) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        process.send_signal(stop)
        _, told = process.communicate(timeout=240)
    assert process.returncode == 130, told
    assert "--resume" in told
    refused = bench.run()
    assert (refused.code, "--from one starts it over" in refused.err) == (2, True)
    unbegun = ["two.seconds=0"] if jobs == 1 else []
    document = bench.document("--resume", *unbegun)
    assert set(states(document).values()) == {"done"}
    assert json.loads((bench.folder / "out/one/extra/parts.json").read_text()) == 2


@pytest.fixture
def stopped(bench, monkeypatch):
    """A pipeline whose first step was interrupted and left a checkpoint."""
    import toy_jobs

    def interrupted(seconds):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(toy_jobs.time, "sleep", interrupted)
        ran = bench.write(SLOW).run()
    assert (ran.code, "step one: stopped" in ran.err) == (130, True)
    monkeypatch.setattr(toy_jobs.time, "sleep", lambda seconds: None)
    return bench


def parts(bench):
    return json.loads((bench.folder / "out/one/extra/parts.json").read_text())


def test_an_unfinished_step_goes_on_or_starts_over_as_one_says(stopped):
    for options in ([], ["--dry-run"]):
        refused = stopped.run(*options)
        assert (refused.code, stopped.ran) == (2, [])
        assert "is unfinished: --resume goes on with it, --from one starts it over" in refused.err
    assert stopped.run("--resume").code == 0
    assert parts(stopped) == 2


def test_an_unfinished_step_may_start_over(stopped):
    assert stopped.run("--from", "one").code == 0
    assert parts(stopped) == 1


def test_an_unfinished_step_that_changed_cannot_go_on(stopped):
    refused = stopped.run("one.weight=3", "--resume")
    assert (refused.code, stopped.ran) == (2, [])
    assert "is unfinished, and weight changed since: --from one starts it over" in refused.err
    assert stopped.run("one.weight=3", "--from", "one").code == 0
    assert parts(stopped) == 1


def test_an_unfinished_step_takes_the_place_of_its_older_result(bench, monkeypatch):
    import toy_jobs

    monkeypatch.setattr(toy_jobs.time, "sleep", lambda seconds: None)
    assert bench.write(SLOW).run().code == 0

    def interrupted(seconds):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(toy_jobs.time, "sleep", interrupted)
        assert bench.run("one.weight=3").code == 130
    assert (bench.folder / "out/one/manifest.json").exists()
    assert bench.run("one.weight=3", "--resume").code == 0
    assert parts(bench) == 2
    assert (bench.folder / "out/after.csv").read_text() == "score\n3.0\n"


@pytest.mark.slow
def test_workers_do_not_outlive_a_killed_pipeline(bench):
    bench.write(SLOW)
    command = [sys.executable, "-m", "mirctl", "run", "recipe.yaml", "--out", "out", "-j", "2"]
    process = subprocess.Popen(command, cwd=bench.folder, stderr=subprocess.DEVNULL)
    places = [bench.folder / f"out/{name}.partial/checkpoint.pt" for name in ("one", "two")]
    deadline = time.monotonic() + 240
    while not all(place.exists() for place in places) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(2)
    with locks.held_if_free(places[0].parent) as free:
        assert free
    assert bench.document("--resume")["steps"]["after"]["state"] == "done"


def test_a_step_killed_in_the_middle_runs_again_and_replaces_its_own(chain, monkeypatch):
    import toy_jobs

    class Killed(BaseException): ...

    def die(config, run):
        run.out.write_text("half")
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(toy_jobs, "use", die)
        with pytest.raises(Killed):
            chain.run("used.offset=1")
    assert chain.run("used.offset=1").code == 0
    assert chain.ran == ["used.csv", "last.csv"]
    assert (chain.folder / "out/used.csv").read_text() == "score\n4.0\n"


def test_a_bug_in_one_step_loses_no_other_and_is_written_down(bench, monkeypatch):
    import toy_jobs

    monkeypatch.setattr(toy_jobs, "use", lambda config, run: 1 / 0)
    ran = bench.write(CHAIN).run("--keep-going")
    assert (ran.code, "step used: ZeroDivisionError" in ran.err) == (1, True)
    assert bench.ran == ["left.csv", "model", "alone.csv"]
    assert "1 / 0" in (bench.folder / "out/logs/used.log").read_text()


def test_a_rehearsal_looks_for_the_device(chain):
    ran = chain.run("device=cuda:77", "--dry-run")
    assert ran.code == 5
    assert chain.run("device=cuda:77").code == 5


def test_a_reader_that_has_gone_ends_a_pipeline_quietly(chain):
    done = pipe("mirctl run recipe.yaml --out out -q | true", chain.folder)
    assert (done.codes, done.err) == ([141, 0], "")


def test_show_and_check_know_pipelines(chain):
    shown = chain.mirctl("recipe", "show", chain.folder / "recipe.yaml")
    assert shown.code == 0
    (chain.folder / "shown.yaml").write_text(shown.out)
    assert "step: left" in shown.out
    assert "weight: 2.0" in shown.out
    assert chain.run(name="shown.yaml").code == 0
    assert chain.ran == []
    checked = chain.mirctl("recipe", "check", chain.folder / "recipe.yaml", "--json")
    assert json.loads(checked.out)["steps"] == ["left", "model", "used", "last", "alone"]
    missing = chain.mirctl("recipe", "check", chain.folder / "recipe.yaml", "left.tables=[x.csv]")
    assert missing.code == 3
