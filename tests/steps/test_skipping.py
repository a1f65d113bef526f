"""What runs again and what does not."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from mirctl import plugins
from steps.conftest import CHAIN

ALL = ["left", "model", "used", "last", "alone"]


def names(ran):
    return [name.removesuffix(".csv") for name in ran]


def test_steps_run_in_the_order_that_references_ask_for(chain):
    assert names(chain.ran) == ALL
    assert (chain.folder / "out/last.csv").read_text() == "score\n3.0\nx\n1\n\nend\n"
    assert (chain.folder / "out/model/manifest.json").is_file()


def test_nothing_runs_a_second_time(chain):
    document = chain.document()
    assert chain.ran == []
    assert {step["state"] for step in document["steps"].values()} == {"up to date"}
    assert document["steps"]["model"]["metrics"]["score"]["value"] == 3


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (["used.offset=1"], ["used", "last"]),
        (["steps.used.offset=1"], ["used", "last"]),
        (["alone.said.text=x"], ["alone"]),
        (["left.said.text=x"], ["left", "model", "used", "last"]),
        (["seed=2"], ALL),
        (["--seed", 2], ALL),
        (["--from", "used"], ["used", "last"]),
        (["--from", "alone"], ["alone"]),
        (["--force"], ALL),
        (["device=cpu"], ALL),
    ],
)
def test_a_change_reaches_what_comes_after_it(chain, change, again):
    assert chain.run(*change).code == 0
    assert names(chain.ran) == again


def test_a_changed_byte_of_an_input_reaches_what_comes_after_it(chain):
    (chain.folder / "a.csv").write_text("x\n3\n")
    chain.run()
    assert names(chain.ran) == ["left", "model", "used", "last"]


@pytest.mark.parametrize("back", [False, True])
def test_an_input_that_changes_under_a_step_is_read_again(chain, monkeypatch, back):
    import toy_jobs

    write, table = toy_jobs.write, chain.folder / "a.csv"

    def disturbed(config, run):
        result = write(config, run)
        if run.out.name == "left.csv":
            table.write_text("x\n7\n")
        if run.out.name == "last.csv" and back:
            table.write_text("x\n1\n")
        return result

    with monkeypatch.context() as patch:
        patch.setattr(toy_jobs, "write", disturbed)
        assert "step left: its input changed while it ran" in chain.run("--force").err
    ran = chain.run()
    assert ran.code == 0, ran.err
    assert "left" in names(chain.ran)


def test_what_a_step_is_made_from_is_looked_at_when_it_begins(bench, monkeypatch):
    import toy_jobs

    bench.write("steps:\n  a: {uses: toy/write}\n  b: {uses: toy/write, tables: [a.csv]}\n")
    write = toy_jobs.write

    def disturbed(config, run):
        (bench.folder / "a.csv").write_text("x\n7\n")
        return write(config, run)

    monkeypatch.setattr(toy_jobs, "write", disturbed)
    assert bench.run().code == 0
    (bench.folder / "a.csv").write_text("x\n1\n")
    bench.run()
    assert names(bench.ran) == ["b"]


def test_times_places_comments_and_the_order_of_keys_change_nothing(chain):
    os.utime(chain.folder / "a.csv", (1, 1))
    (chain.folder / "b.csv").rename(chain.folder / "elsewhere.csv")
    text = CHAIN.replace("b.csv", "elsewhere.csv").replace(
        "{uses: toy/use, model: {step: model}}", "{model: {step: model}, uses: toy/use} # same"
    )
    chain.write(text)
    (chain.folder / "out").rename(chain.folder / "moved")
    (chain.folder / "moved").rename(chain.folder / "out")
    assert chain.run().code == 0
    assert chain.ran == []


def test_a_moved_pipeline_is_still_up_to_date(chain, tmp_path):
    chain.folder.rename(tmp_path / "away")
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench/ran.txt").write_text("")
    away = tmp_path / "away"
    ran = chain.mirctl("run", away / "recipe.yaml", "--out", away / "out", "--json")
    assert {s["state"] for s in json.loads(ran.out)["steps"].values()} == {"up to date"}


@pytest.mark.parametrize(
    ("result", "again"),
    [
        ("out/alone.csv", ["alone"]),
        ("out/used.csv", ["used", "last"]),
        ("out/model/metrics.json", ["model", "used", "last"]),
    ],
)
@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_result_that_is_not_whole_is_made_again(chain, result, again, damage):
    path = chain.folder / result
    path.unlink() if damage == "gone" else path.write_text("other")
    assert chain.run().code == 0
    assert names(chain.ran) == again


def test_a_folder_that_is_read_counts_by_its_files(bench):
    (bench.folder / "pictures").mkdir()
    (bench.folder / "pictures/1.txt").write_text("1")
    bench.write("steps: {only: {uses: toy/write, folder: pictures}}").run()
    assert (bench.run().code, bench.ran) == (0, [])
    (bench.folder / "pictures/2.txt").write_text("2")
    bench.run()
    assert bench.ran == ["only.csv"]


def test_an_artifact_from_outside_counts_by_its_content(chain):
    outside = chain.folder / "outside"
    (chain.folder / "out/model").rename(outside)
    text = "steps: {only: {uses: toy/use, model: outside}}"
    chain.write(text, "two.yaml")
    two = chain.folder / "two"
    for expected in (["only.csv"], []):
        chain.log.write_text("")
        ran = chain.mirctl("run", chain.folder / "two.yaml", "--out", two)
        assert (ran.code, chain.ran) == (0, expected), ran.err
    assert chain.run("model.weight=5").code == 0
    (chain.folder / "out/model").rename(chain.folder / "newer")
    outside.rename(chain.folder / "older")
    (chain.folder / "newer").rename(outside)
    chain.log.write_text("")
    assert chain.mirctl("run", chain.folder / "two.yaml", "--out", two).code == 0
    assert chain.ran == ["only.csv"]


def test_a_new_version_of_a_plugin_runs_again(chain, monkeypatch):
    monkeypatch.setattr(plugins, "version_of_giver", lambda hook, job: "2.0")
    plan = chain.document("--dry-run")
    assert plan["steps"]["left"]["why"] == "version of toy changed"


def test_a_rerun_parent_reaches_a_child_that_could_not_follow(chain):
    assert chain.run("left.said.text=x", "model.fail=true").code == 3
    assert chain.run("left.said.text=x").code == 0
    assert names(chain.ran) == ["model", "used", "last"]


def test_a_result_with_another_name_is_made_anew_and_the_old_one_stays(chain):
    assert chain.run("alone.out=else.csv").code == 0
    assert chain.ran == ["else.csv"]
    assert (chain.folder / "out/alone.csv").exists()


def test_what_is_up_to_date_costs_no_torch(chain):
    code = """
        import sys
        from mirctl import cli
        code = cli.run_command(sys.argv[1:])
        heavy = {"torch", "huggingface_hub", "transformers", "pyarrow"} & sys.modules.keys()
        sys.exit(code or (f"loads {heavy}" if heavy else 0))
    """
    command = [sys.executable, "-c", textwrap.dedent(code), "run", chain.folder / "recipe.yaml"]
    done = subprocess.run(
        [*command, "--out", chain.folder / "out"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "0 of 5 steps to run" in done.stderr
