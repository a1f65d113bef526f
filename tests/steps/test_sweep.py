"""A sweep is a pipeline with a step for each setting; its table has a row for each cell."""

import csv
import json

import pytest
from scipy import stats

from mirctl.steps.cells import Row, shown

PLAIN = "uses: toy/learn\nsweep: {weight: [0, 10], seed: [1, 2, 3]}\n"
STEPS = """\
steps:
  table: {uses: toy/write, tables: [a.csv]}
  model: {uses: toy/learn, table: {step: table}}
  used: {uses: toy/use, model: {step: model}}
sweep:
  model.weight: [0, 10]
  used.offset: [0.5, 1]
"""


def cells(bench):
    with open(bench.folder / "out/sweep.csv") as file:
        return list(csv.DictReader(file))


def test_each_cell_of_one_job_is_a_run_and_a_row(bench):
    ran = bench.write(PLAIN).run()
    assert ran.code == 0, ran.err
    assert bench.ran == [f"weight={w},seed={s}" for w in (0, 10) for s in (1, 2, 3)]
    rows = cells(bench)
    assert [(r["weight"], r["seed"], r["score"], r["score.low"]) for r in rows[:2]] == [
        ("0", "1", "1.0", "0.0"),
        ("0", "2", "2.0", "1.0"),
    ]
    assert {row["state"] for row in rows} == {"done"}
    assert bench.run().code == 0
    assert bench.ran == []


def test_over_seeds_there_are_means_and_intervals_by_student(bench):
    document = bench.write(PLAIN).document()
    assert [row["values"] for row in document["over_seeds"]] == [{"weight": 0}, {"weight": 10}]
    found = document["over_seeds"][1]["metrics"]["score"]
    low, high = stats.t.interval(0.95, 2, 12, stats.sem([11, 12, 13]))
    assert (found["value"], found["n"], found["of"], found["unit"]) == (12, 3, "seeds", "x")
    assert (found["low"], found["high"]) == pytest.approx((low, high), rel=1e-3)
    assert len(document["cells"]) == 6
    shown = bench.run().out
    assert "12.0000 [" in shown


def test_a_table_names_in_short_what_it_tells_apart_and_fits_the_terminal():
    metrics = {f"{step}.{name}": {"value": 0.5} for step in "ab" for name in ("mae", "r2")}
    metrics |= {"a.p@0.5": {"value": 1.0}, "a.part/of": {"value": 1.0}}
    values = {"a.model.method": "iisan", "a.size": 1, "b.size": 2}
    row = Row(values, "done", 1.0, metrics, {})
    whole, _ = shown([row], None).splitlines()
    head = [
        "method",
        "a.size",
        "b.size",
        "state",
        "seconds",
        "a.mae",
        "a.r2",
        "b.mae",
        "b.r2",
        "p@0.5",
    ]
    assert whole.split() == head
    narrow = [part.splitlines() for part in shown([row], 55).split("\n\n")]
    assert max(len(line) for part in narrow for line in part) <= 55
    assert [word for part in narrow for word in part[0].split()[5:]] == head[5:]
    assert {tuple(part[1].split()[:5]) for part in narrow} == {("iisan", "1", "2", "done", "1.0")}
    assert len(shown([row], 5).split("\n\n")) == 5, "however narrow, all is told"


def test_cells_share_what_they_do_not_differ_in(bench):
    ran = bench.write(STEPS).run()
    assert ran.code == 0, ran.err
    assert sorted(bench.ran) == ["model"] * 2 + ["table.csv"] + ["used.csv"] * 4
    assert (bench.folder / "out/weight=10/model/manifest.json").is_file()
    assert (bench.folder / "out/weight=10,offset=0.5/used.csv").read_text() == "score\n10.5\n"
    rows = cells(bench)
    assert [row["used.used"] for row in rows] == ["0.5", "1.0", "10.5", "11.0"]
    assert [row["model.score"] for row in rows] == ["0.0", "0.0", "10.0", "10.0"]


def test_more_cells_cost_only_what_is_new(bench):
    bench.write(STEPS).run()
    assert bench.run("sweep.used.offset=[1, 2]").code == 0
    assert bench.ran == ["used.csv", "used.csv"]
    assert len(cells(bench)) == 4
    assert bench.run("sweep.seed=[0, 1]").code == 0
    assert [row["seed"] for row in cells(bench)] == ["0", "1"] * 4


def test_a_seed_that_does_not_reach_a_step_is_no_repetition_of_it(bench):
    bench.write(STEPS.replace("used.offset: [0.5, 1]", "used.seed: [1, 2, 3]"))
    means = bench.document()["over_seeds"]
    assert [row["metrics"]["model.score"]["n"] for row in means] == [1, 1]
    assert [row["metrics"]["used.used"]["n"] for row in means] == [3, 3]
    assert "low" not in means[0]["metrics"]["model.score"]


def test_a_failing_cell_does_not_lose_the_others(bench):
    bench.write("uses: toy/learn\nsweep: {fail: [true, false], seed: [1, 2]}\n")
    ran = bench.run("--json")
    document = json.loads(ran.out)
    assert ran.code == document["error"]["code"] == 1
    assert [row["state"] for row in cells(bench)] == ["failed", "failed", "done", "done"]
    assert document["over_seeds"][0]["state"] == "0 of 2"
    assert document["over_seeds"][1]["metrics"]["score"]["value"] == 1.5


def test_a_change_on_the_command_line_applies_to_every_cell(bench):
    bench.write(PLAIN).run()
    assert bench.run("table=a.csv").code == 3  # from the cwd, where there is none
    assert bench.run(f"table={bench.folder / 'a.csv'}").code == 0
    assert len(bench.ran) == 6


def test_a_sweep_may_come_from_the_command_line_alone(bench):
    bench.write("uses: toy/learn")
    assert bench.run("sweep.seed=[1,2]").code == 0
    assert bench.ran == ["seed=1", "seed=2"]


def test_a_requirement_holds_for_every_cell(bench):
    bench.write(PLAIN)
    assert bench.run("--require", "score>=1").code == 0
    ran = bench.run("--require", "score>=11")
    assert ran.code == 1
    assert ran.err.count("error: --require") == 3
    assert "score is 3.0000 (weight=0,seed=3)" in ran.err
    assert bench.run("--require", "scroe>=11").code == 2


def test_names_of_cells_are_good_names_of_files(bench):
    words = ["a/b", "a b", "../../x", "", "é", "y" * 300, [1, {"a": 2}], None, -1, 1]
    bench.write(
        "steps: {s: {uses: toy/write}}\n"
        f"sweep: {{s.said.text: {json.dumps(words[:6])}, seed: [1, 2]}}\n"
    )
    assert bench.run().code == 0
    made = sorted(
        p.relative_to(bench.folder / "out").as_posix()
        for p in (bench.folder / "out").rglob("s.csv")
    )
    assert len(made) == 12
    assert all(len(name) < 120 and ".." not in name and " " not in name for name in made)


def test_names_of_cells_fit_any_file_system(bench):
    word = "日本語" * 15
    for name in (word, "c"):
        (bench.folder / name).mkdir()
    bench.write(
        f"uses: toy/write\nsweep: {{said.text: [A, a, {word}], folder: [{word}, c], seed: [1]}}"
    )
    assert bench.run().code == 0
    made = {p.name.casefold() for p in (bench.folder / "out").glob("*=*.csv")}
    assert len(made) == 6, "A and a are one name where case does not count"
    assert all(len(name.encode()) < 200 for name in made)


def test_the_same_setting_keeps_its_name_when_values_come_and_go(bench):
    bench.write("uses: toy/learn\nsweep: {weight: [1, 2, 3]}").run()
    bench.write("uses: toy/learn\nsweep: {weight: [3, 1]}").run()
    assert bench.ran == []


def test_files_in_a_sweep_start_from_the_recipe_s_folder(bench):
    bench.write("steps: {s: {uses: toy/write}}\nsweep: {s.tables: [[a.csv], [b.csv]]}")
    assert bench.run().code == 0
    bench.write("steps: {s: {uses: toy/write}}\nsweep: {s.tables: [[a.csv], [no.csv]]}")
    ran = bench.run()
    assert (ran.code, "recipe.yaml:2:29" in ran.err) == (3, True), ran.err


def test_a_sweep_over_which_step_is_taken(bench):
    bench.write(
        "steps:\n  a: {uses: toy/learn, weight: 1}\n  b: {uses: toy/learn, weight: 2}\n"
        "  used: {uses: toy/use, model: {step: a}}\n"
        "sweep: {used.model: [{step: a}, {step: b}]}"
    )
    assert bench.run().code == 0
    assert sorted(row["used.used"] for row in cells(bench)) == ["1.0", "2.0"]
