"""What is wrong with a pipeline is told with its place, before anything runs."""

import errno
import json
import os

import pytest

GOOD = "{uses: toy/write, tables: [a.csv]}"
MODEL = "{uses: toy/learn}"


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("steps: {}", "1:1", "write names and jobs"),
        ("steps: [fit]", "1:1", "write names and jobs"),
        ("steps: {a: 3}", "1:9", "write keys and values"),
        ("steps: {a: {tables: [a.csv]}}", "1:9", "`uses: plugin/command` is missing"),
        ("steps: {a: {uses: toy/wrote}}", "1:13", "did you mean 'toy/write'?"),
        (f"steps: {{'a.b': {GOOD}}}", "1:9", "'a.b' is no name of a step"),
        (f"steps: {{seed: {GOOD}}}", "1:9", "'seed' is no name of a step"),
        (f"steps: {{a: {GOOD}}}\nsede: 3", "2:1", "did you mean 'seed'?"),
        ("steps: {a: {uses: toy/write, tabels: []}}", "1:30", "did you mean 'tables'?"),
        ("steps: {a: {uses: toy/write, fail: yes}}", "1:30", "not 'yes'"),
        ("seed: x\nsteps: {a: {uses: toy/write}}", "1:1", "not 'x'"),
        (
            f"steps:\n  left: {GOOD}\n  a: {{uses: toy/write, tables: [{{step: letf}}]}}",
            "3:34",
            "no step 'letf'; did you mean 'left'?",
        ),
        (
            "steps:\n  a: {uses: toy/write, tables: [{step: a}]}",
            "2:34",
            "these steps wait for each other: a -> a",
        ),
        (
            "steps:\n  a: {uses: toy/write, tables: [{step: b}]}\n"
            "  b: {uses: toy/use, model: {step: c}}\n  c: {uses: toy/learn, table: {step: a}}",
            "2:34",
            "these steps wait for each other: a -> b -> c -> a",
        ),
        (
            f"steps:\n  a: {GOOD}\n  b: {{uses: toy/use, model: {{step: a}}}}",
            "3:30",
            "takes an artifact, and step 'a' makes a table (toy/write)",
        ),
        (
            f"steps:\n  a: {MODEL}\n  b: {{uses: toy/write, tables: [{{step: a}}]}}",
            "3:34",
            "takes a table, and step 'a' makes an artifact (toy/learn)",
        ),
        (
            f"steps:\n  a: {GOOD}\n  b: {{uses: toy/write, said: {{text: {{step: a}}}}}}",
            "3:38",
            "takes no file",
        ),
        (
            f"steps:\n  a: {GOOD}\n  b: {{uses: toy/write, out: a.csv}}",
            "3:24",
            "step 'b' cannot write a.csv: step 'a' has it",
        ),
        ("steps: {a: {uses: toy/write, out: ../a.csv}}", "1:30", "is no plain file name"),
        ("steps: {a: {uses: toy/write, out: steps.json}}", "1:30", "it is taken"),
        (f"steps: {{a: {GOOD}}}\nsweep: [1]", "2:1", "write keys and lists"),
        (f"steps: {{a: {GOOD}}}\nsweep: {{a.fail: true}}", "2:9", "write a list of values"),
        (f"steps: {{a: {GOOD}}}\nsweep: {{a.fail: []}}", "2:9", "write a list of values"),
        (f"steps: {{a: {GOOD}}}\nsweep: {{seed: [1, 1]}}", "2:9", "1 stands there twice"),
        (f"steps: {{abc: {GOOD}}}\nsweep: {{abd.x: [1]}}", "2:9", "did you mean 'abc'?"),
        (f"steps: {{a: {GOOD}}}\nsweep: {{a: [1]}}", "2:9", "which key of it? Write a.KEY"),
        (f"steps: {{a: {GOOD}}}\nsweep: {{a.txet: [1]}}", "2:18", "unknown key"),
        (
            f"steps: {{a: {GOOD}}}\nsweep: {{seed: {list(range(40))}, a.fail: {list(range(40))}}}",
            "2:1",
            "1,600 cells of 1 step; the most are 1,000 cells",
        ),
        ("uses: toy/write\nsweep: {txet: [1]}", "2:16", "unknown key"),
        ("uses: toy/use\nmodel: {step: x}\nsweep: {seed: [1]}", "2:9", "no step 'x'"),
        ("sweep: {seed: [1]}", "", "`uses: plugin/command` is missing"),
        ("stepz: {a: {}}", "", "a graph of jobs has `steps:`"),
    ],
)
def test_a_mistake_is_told_with_its_place(bench, text, place, told):
    bench.write(text)
    for command in (["run", "--out", bench.folder / "out"], ["recipe", "check"]):
        ran = bench.mirctl(*command, bench.folder / "recipe.yaml")
        assert ran.code == 2, ran.err
        assert told in ran.err
        assert f"recipe.yaml:{place}" in ran.err, ran.err
    assert bench.ran == []
    assert not (bench.folder / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["lfet.fail=true"], 2, "did you mean 'left'?"),
        (["left.fial=true"], 2, "command line: fial: unknown key; did you mean 'fail'?"),
        (["left.tables=[no.csv]"], 3, "say where it is with left.tables.0=PATH"),
        (["--from", "lfet"], 2, "did you mean 'left'?"),
        (["--require", "score>=1"], 2, "write STEP.METRIC>=NUMBER"),
        (["--require", "model.scroe>=1"], 2, "did you mean 'score'?"),
        (["--require", "modle.score>=1"], 2, "did you mean 'model'?"),
        (["sweep.seed=[1]", "seed=3"], 2, "write sweep.seed=[VALUE]"),
        (["sweep.seed=[1]", "--seed", "3"], 2, "write sweep.seed=[VALUE]"),
        (["sweep.left.fail=[true]", "left.fail=true"], 2, "write sweep.left.fail=[VALUE]"),
        (["--jobs", "0"], 2, "--jobs"),
    ],
)
def test_a_mistake_on_the_command_line_is_told(chain, arguments, code, told):
    ran = chain.run(*arguments)
    assert (ran.code, chain.ran) == (code, [])
    assert told in ran.err


def test_options_of_pipelines_are_refused_for_one_job(bench):
    bench.write("uses: toy/write")
    for options in (["--from", "x"], ["--keep-going"], ["--jobs", "2"]):
        ran = bench.run(*options)
        assert (ran.code, "are for a recipe with steps" in ran.err) == (2, True)


def test_out_is_missing(bench):
    bench.write(f"steps: {{a: {GOOD}}}")
    ran = bench.mirctl("run", bench.folder / "recipe.yaml")
    assert (ran.code, "--out is missing" in ran.err) == (2, True)


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_somebody_else_s_folder_is_not_touched(bench, force):
    bench.write(f"steps: {{a: {GOOD}}}")
    (bench.folder / "out").mkdir()
    (bench.folder / "out/mine.txt").write_text("x")
    ran = bench.run(*force)
    assert (ran.code, "something else made it" in ran.err) == (2, True)
    assert os.listdir(bench.folder / "out") == ["mine.txt"]


def test_somebody_else_s_file_in_the_folder_is_not_overwritten(chain):
    (chain.folder / "out/new.csv").write_text("mine")
    ran = chain.run("alone.out=new.csv")
    assert (ran.code, "exists already" in ran.err) == (2, True)
    assert (chain.folder / "out/new.csv").read_text() == "mine"


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"format": "mirctl-steps/9"}', '{"format": "mirctl-steps/1", "x": 1}'],
)
def test_a_damaged_record_is_exit_4_and_can_be_given_up(chain, content):
    (chain.folder / "out/steps.json").write_text(content)
    ran = chain.run()
    assert (ran.code, "--force runs every step again" in ran.err) == (4, True)
    assert chain.run("--force").code == 0
    assert len(chain.ran) == 5


@pytest.mark.parametrize("metric", [{}, {"value": "high"}, {"value": [1]}])
def test_a_metric_without_a_number_in_the_record_is_exit_4(chain, metric):
    file = chain.folder / "out/steps.json"
    book = json.loads(file.read_text())
    book["steps"]["model"]["metrics"] = {"score": metric}
    file.write_text(json.dumps(book))
    ran = chain.run()
    assert (ran.code, "--force runs every step again" in ran.err) == (4, True)


def test_a_pipe_is_no_input_of_a_step(bench):
    os.mkfifo(bench.folder / "pipe")
    ran = bench.write("steps: {a: {uses: toy/write, tables: [pipe]}}").run()
    assert ran.code == 3
    assert "tables.0: is a pipe or a device" in ran.err
    assert not (bench.folder / "out").exists()


def test_a_folder_that_only_lets_read_is_told(chain, monkeypatch):
    def refuse(path, *arguments, really=os.open):
        if str(path).endswith(".lock"):
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return really(path, *arguments)

    monkeypatch.setattr("mirctl.locks.os.open", refuse)
    ran = chain.run()
    assert (ran.code, "cannot be written: check its permissions" in ran.err) == (2, True)


def test_a_plugin_s_own_command_takes_no_pipeline(chain):
    ran = chain.mirctl("adapt", "run", chain.folder / "recipe.yaml", "--out", chain.folder / "x")
    assert (ran.code, "`mirctl run` takes it" in ran.err) == (2, True)
