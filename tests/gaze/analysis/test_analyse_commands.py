"""`gaze analyse` through the command line: what is paired, what comes out, what is refused."""

import json

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from scipy import stats

from gaze.analysis.made import analyse, both, planted, rows, table, write_both


def means(lines, measure):
    """Trial -> mean of a measure over its words."""
    found = {}
    for row in rows("\n".join(lines)):
        if row[measure]:
            found.setdefault(row["trial"], []).append(float(row[measure]))
    return {trial: np.mean(values) for trial, values in found.items()}


def test_a_planted_effect_is_found_and_nothing_else(mirctl, write):
    chosen, rejected = planted(12.0)
    write_both(write, chosen, rejected)
    ran = both(mirctl)
    assert ran.code == 0, ran.err
    found = {row["measure"]: row for row in rows(ran.out)}
    trt = found["TRT"]
    assert float(trt["low"]) < 12 < float(trt["high"])
    assert float(trt["p_wilcoxon"]) < 0.001
    assert float(trt["p_t"]) < 0.001
    assert float(trt["d_z"]) > 0.5
    assert float(trt["rank_biserial"]) > 0.5
    for name in ("nFix", "FFD"):
        assert float(found[name]["p_wilcoxon"]) > 0.05
    a, b = means(chosen, "TRT"), means(rejected, "TRT")
    vectors = [[side[t] for t in a] for side in (a, b)]
    assert float(trt["t"]) == pytest.approx(stats.ttest_rel(*vectors).statistic)
    assert float(trt["p_wilcoxon_raw"]) == pytest.approx(stats.wilcoxon(*vectors).pvalue)
    assert float(trt["difference"]) == pytest.approx(np.subtract(*vectors).mean())
    assert (trt["pairs"], trt["readers"], trt["source"]) == ("40", "", "real")


def test_several_rejected_texts_count_by_their_mean(mirctl, write):
    write("chosen.csv", *table({(None, "7.1"): [300, 100], (None, "8.1"): [100, 120]}))
    write(
        "rejected.csv",
        *table({(None, "7.2"): [100], (None, "7.3"): [150, 250], (None, "8.4"): [90]}),
    )
    row = rows(both(mirctl).out)[0]
    assert (float(row["chosen"]), float(row["rejected"])) == (155, 120)
    assert row["pairs"] == "2"


def test_equal_names_come_before_what_stands_before_the_dot(mirctl, write):
    write("chosen.csv", *table({(None, f"text.{i}"): [100 + i * i] for i in range(4)}))
    write("rejected.csv", *table({(None, f"text.{i}"): [90] for i in (2, 3, 4)}))
    ran = both(mirctl, "--json")
    told = json.loads(ran.out)
    assert told["real"]["pairs"] == 2
    assert told["real"]["unpaired"] == {"chosen": ["text.0", "text.1"], "rejected": ["text.4"]}
    told = "chosen.csv: 2 chosen trials without the other kind, left out: text.0, text.1"
    assert told in ran.err
    assert "rejected.csv: 1 rejected trial without the other kind, left out: text.4" in ran.err
    assert "intervals over 2 pairs are too narrow" in ran.err


def test_one_table_of_both_kinds(mirctl, write):
    cells = {(None, f"{i}.{k}"): [100 + 10 * k + i * k] for i in range(5) for k in (1, 2, 3)}
    write("all.csv", *table(cells))
    write("chosen.csv", *table({key: v for key, v in cells.items() if key[1][-1] == "1"}))
    write("rejected.csv", *table({key: v for key, v in cells.items() if key[1][-1] != "1"}))
    ran = analyse(mirctl, "all.csv")
    assert ran.code == 0, ran.err
    assert ran.out == both(mirctl).out


def test_the_unit_of_the_tests_is_a_pair_and_not_a_reading(mirctl, write):
    write_both(write, *planted(3.0, readers=6, pairs=10, words=3))
    row = rows(both(mirctl, "--measures", "TRT").out)[0]
    assert (row["pairs"], row["readers"]) == ("10", "6")
    write_both(write, *planted(3.0, readers=1, pairs=10, words=3))
    assert rows(both(mirctl, "--measures", "TRT").out)[0]["readers"] == "1"


def test_only_readers_of_both_kinds_count(mirctl, write):
    cells = {("ann", "1"): [100], ("ann", "2"): [130], ("bob", "1"): [900], ("bob", "2"): [100]}
    write("chosen.csv", *table(cells))
    write("rejected.csv", *table({("ann", "1"): [90], ("ann", "2"): [80], ("bob", "2"): [60]}))
    ran = both(mirctl, "--json")
    told = json.loads(ran.out)
    assert told["real"]["half_read"] == 1
    found = told["metrics"]["TRT.difference"]
    assert [found[name] for name in ("chosen", "rejected", "value")] == [107.5, 80, 27.5]
    assert "1 reading of one kind by a reader who has not read the other, left out" in ran.err


def test_missing_cells_count_in_no_mean(mirctl, write):
    write(
        "chosen.csv", *table({(None, "a"): [100, "", "NA"], (None, "b"): [80], (None, "c"): [""]})
    )
    write("rejected.csv", *table({(None, "a"): [90], (None, "b"): [60, 50], (None, "c"): [5]}))
    row = rows(both(mirctl).out)[0]
    assert (row["pairs"], float(row["chosen"]), float(row["rejected"])) == ("2", 90, 72.5)


def test_a_measure_that_nobody_has_is_empty_and_says_so(mirctl, write):
    cells = {(None, t): [(100 + i, "")] for i, t in enumerate("abc")}
    write_both(write, *[table(cells, ("TRT", "FFD"))] * 2)
    ran = both(mirctl)
    found = {row["measure"]: row for row in rows(ran.out)}
    assert "warning: FFD: no pair has it" in ran.err
    assert found["FFD"]["reasons"] == "no pair has it"
    assert found["TRT"]["reasons"] == "all differences are 0"
    assert found["FFD"]["difference"] == ""
    assert [found["TRT"][name] for name in ("difference", "low", "high")] == ["0.0"] * 3


def test_predictions_stand_beside_what_was_read(mirctl, write):
    rng = np.random.default_rng(2)
    hard = rng.standard_normal((2, 30))
    real = {(None, f"{i}.{k + 1}"): [200 + 30 * hard[k, i]] for k in (0, 1) for i in range(30)}
    predicted = {key: [5 + v[0] / 10 + rng.standard_normal()] for key, v in real.items()}
    del predicted[None, "4.2"]
    write("real.csv", *table(real))
    write("predicted.csv", *table(predicted))
    ran = analyse(mirctl, "real.csv", "--synthetic", "predicted.csv", "-o", "out.csv", "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert (told["real"]["pairs"], told["synthetic"]["pairs"]) == (30, 29)
    assert "predicted.csv: 1 pair of 30 without predictions: 4" in ran.err
    rho = told["metrics"]["synthetic.TRT.rho"]
    assert rho["n"] == 29
    kept = [i for i in range(30) if i != 4]
    differences = [
        [side[None, f"{i}.1"][0] - side[None, f"{i}.2"][0] for i in kept]
        for side in (real, predicted)
    ]
    assert rho["value"] == pytest.approx(stats.spearmanr(*differences).statistic)
    assert rho["value"] > 0.8
    with open("out.csv") as file:
        found = rows(file.read())
    assert [(row["measure"], row["source"]) for row in found] == [
        ("TRT", "real"), ("TRT", "synthetic"),
    ]  # fmt: skip


def test_predictions_of_trials_with_equal_names_come_in_two_tables(mirctl, write):
    write_both(write, *planted(5.0, pairs=6))
    ran = both(mirctl, "--synthetic", "chosen.csv")
    assert ran.code == 2
    assert "'chosen.csv' is named twice" in ran.err
    chosen, rejected = planted(5.0, pairs=6, seed=1)
    write("c.csv", *chosen)
    write("r.csv", *rejected)
    ran = both(mirctl, "--synthetic", "c.csv")
    assert ran.code == 2
    assert "which one table cannot tell apart: give --synthetic twice, chosen first" in ran.err
    ran = both(mirctl, "--synthetic", "c.csv", "--synthetic", "r.csv")
    assert ran.code == 0, ran.err
    alone = rows(analyse(mirctl, "--chosen", "c.csv", "--rejected", "r.csv").out)
    found = [row for row in rows(ran.out) if row["source"] == "synthetic"]
    same = ("measure", "difference", "low", "high", "p_wilcoxon", "d_z")
    assert [[row[n] for n in same] for row in found] == [[row[n] for n in same] for row in alone]


def test_corrections_are_those_of_the_measures_that_are_asked_for(mirctl, write):
    write_both(write, *planted(4.0))

    def p(*more):
        row = next(r for r in rows(both(mirctl, *more).out) if r["measure"] == "TRT")
        return float(row["p_wilcoxon_raw"]), float(row["p_wilcoxon"])

    raw, of_three = p()
    assert of_three == pytest.approx(3 * raw)
    assert p("--measures", "TRT") == (raw, raw)
    assert p("--correction", "none") == (raw, raw)
    assert p("--correction", "bh")[1] <= of_three


def test_any_column_can_be_a_measure(mirctl, write, tmp_path):
    write("chosen.csv", *table({(None, t): [i] for i, t in enumerate("abc", 3)}, ("pupil",)))
    write("rejected.csv", *table({(None, t): [1] for t in "abc"}, ("pupil",)))
    ran = both(mirctl)
    assert ran.code == 3
    assert "fixProp (its columns: trial, word, pupil): --measures names others" in ran.err
    ran = both(mirctl, "--measures", "pupil")
    assert [float(row["difference"]) for row in rows(ran.out)] == [3]
    for name in ("chosen", "rejected"):
        (tmp_path / f"made_{name}.csv").write_bytes((tmp_path / f"{name}.csv").read_bytes())
    made = ("--synthetic", "made_chosen.csv", "--synthetic", "made_rejected.csv")
    ran = both(mirctl, *made, "--measures", "pupil")
    assert [float(row["difference"]) for row in rows(ran.out)] == [3, 3]


def test_a_gate_on_a_statistic(mirctl, write):
    write_both(write, *planted(12.0))
    assert both(mirctl, "--require", "TRT.p_wilcoxon<0.05").code == 0
    ran = both(mirctl, "--require", "FFD.p_wilcoxon<0.05")
    assert ran.code == 1
    assert "FFD.p_wilcoxon is" in ran.err
    ran = both(mirctl, "--require", "TTR.p_wilcoxon<0.05", "-o", "out.csv")
    assert ran.code == 2
    assert "did you mean 'TRT.p_wilcoxon'?" in ran.err


def test_a_gate_on_what_is_no_statistic_is_told_before_anything_is_read(mirctl, write):
    for name in ("chosen.csv", "rejected.csv"):
        write(name, "nothing to read")
    write("r.yaml", "{uses: gaze/analyse, chosen: chosen.csv, rejected: rejected.csv}")
    for ran in (
        both(mirctl, "--require", "TRT.p_wilcoxn<0.05"),
        mirctl("run", "r.yaml", "--out", "made.csv", "--require", "TRT.p_wilcoxn<0.05"),
    ):
        assert ran.code == 2
        assert "did you mean '*.p_wilcoxon'?" in ran.err


def test_other_formats_and_stdin_give_the_same(mirctl, write, tmp_path):
    write_both(write, *planted(5.0, pairs=8))
    wanted = both(mirctl).out
    for name in ("chosen", "rejected"):
        held = pyarrow.csv.read_csv(tmp_path / f"{name}.csv")
        pyarrow.parquet.write_table(held, tmp_path / f"{name}.parquet")
    line = ("--chosen", "chosen.parquet", "--rejected", "rejected.parquet", "-o", "out.csv")
    assert analyse(mirctl, *line).code == 0
    assert (tmp_path / "out.csv").read_text() == wanted


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_picture_of_the_differences_is_the_same_each_time(mirctl, write, tmp_path, suffix):
    chosen, rejected = planted(12.0, pairs=8)
    write_both(write, chosen, [line.replace("FFD", "GD") for line in rejected])
    for name, lines in zip(("c.csv", "r.csv"), planted(5.0, pairs=8, seed=1)):
        write(name, *lines)
    line = ("--synthetic", "c.csv", "--synthetic", "r.csv", "--plot", f"p.{suffix}")
    assert both(mirctl, *line).code == 0
    first = (tmp_path / f"p.{suffix}").read_bytes()
    ran = both(mirctl, *line, "-o", "out.csv")
    assert ran.code == 2
    assert f"p.{suffix}: exists already" in ran.err
    assert not (tmp_path / "out.csv").exists()
    assert both(mirctl, *line, "--force").code == 0
    assert (tmp_path / f"p.{suffix}").read_bytes() == first
    if suffix == "svg":
        for text in ("TRT", "FFD", "synthetic", "standard deviations"):
            assert text in first.decode()
        assert ">GD<" not in first.decode()


def test_a_picture_of_what_is_not_defined_is_empty(mirctl, write, tmp_path):
    cells = {(None, t): [(100 + i, "")] for i, t in enumerate("abc")}
    write_both(write, *[table(cells, ("TRT", "$FFD$"))] * 2)
    ran = both(mirctl, "--measures", "TRT,$FFD$", "--plot", "p.svg", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["picture"] == "p.svg"
    assert ">$FFD$<" in (tmp_path / "p.svg").read_text()


RECIPE = """
steps:
  compared: {uses: gaze/analyse, chosen: chosen.csv, rejected: rejected.csv, correction: bh,
             synthetic: [c.csv, r.csv], measures: [TRT, FFD], seed: 3}
"""


def test_a_step_makes_the_table_of_the_command(mirctl, write, tmp_path):
    write_both(write, *planted(5.0, pairs=5))
    for name, lines in zip(("c.csv", "r.csv"), planted(5.0, pairs=5, seed=1)):
        write(name, *lines)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    ran = mirctl("run", "recipe.yaml", "--out", "made", "--require", "compared.TRT.p_t<=1")
    assert ran.code == 0, ran.err
    line = ("--synthetic", "c.csv", "--synthetic", "r.csv", "--measures", "TRT,FFD")
    assert (tmp_path / "made" / "compared.csv").read_text() == both(
        mirctl, *line, "--correction", "bh", "--seed", "3"
    ).out


def test_a_recipe_that_is_not_clear_is_told_before_anything_is_read(mirctl, write):
    write("one.yaml", "uses: gaze/analyse", "chosen: nowhere.csv")
    ran = mirctl("recipe", "check", "one.yaml")
    assert ran.code == 2
    assert "name tables with --chosen and --rejected" in ran.err
