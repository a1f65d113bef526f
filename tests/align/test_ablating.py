"""What gaze adds: the statistics by hand, and the whole command on tiny models."""

import json

import numpy as np
import pytest

from mirctl_align.ablating import asking, picture, standing
from mirctl_align.ablating.standing import Trial
from mirctl_align.ablating.statistics import mcnemar, ranged
from mirctl_align.ablating.variants import Contestant, contestants

WORDS = ["golden", "eye", "jumanji", "one", "two", "three", "four"]


def test_mcnemar_counts_only_the_pairs_on_which_two_models_differ():
    ours = np.array([1, 1, 1, 1, 1, 0, 1, 0])
    other = np.array([0, 0, 0, 0, 0, 1, 1, 0])
    tail = (1 + 6) / 2**6
    assert mcnemar(ours, other) == pytest.approx(2 * tail)
    assert mcnemar(other, ours) == mcnemar(ours, other)
    assert mcnemar(ours, ours) == 1


def test_mcnemar_finds_nothing_in_chance_as_often_as_it_says():
    random = np.random.default_rng(0)
    draws = random.integers(0, 2, (400, 2, 100))
    found = np.mean([mcnemar(a, b) < 0.05 for a, b in draws])
    assert 0.005 < found < 0.06


def test_a_paired_difference_is_that_of_the_means_and_its_interval_is_of_prompts():
    random = np.random.default_rng(0)
    ours = random.integers(0, 2, 400).astype(float)
    other = random.integers(0, 2, 400).astype(float)
    apart = ranged(ours - other, np.arange(400))
    together = ranged(ours - other, np.arange(400) // 20)
    assert apart["value"] == pytest.approx(ours.mean() - other.mean())
    assert apart["low"] < apart["value"] < apart["high"]
    assert together["value"] == apart["value"]
    same = ranged(np.repeat([1.0, -1.0], 200), np.arange(400) // 200)
    assert same["high"] - same["low"] > 5 * (apart["high"] - apart["low"])


def test_steps_to_text_only_are_those_of_the_first_epoch_that_is_as_good():
    text = Trial({}, {}, [0.5, 0.7, 0.6], 10)
    assert standing.steps_to(Trial({}, {}, [0.6, 0.7, 0.9], 10), text) == 20
    assert standing.steps_to(Trial({}, {}, [0.75], 10), text) == 10
    assert standing.steps_to(Trial({}, {}, [0.6, 0.65], 10), text) == float("inf")


def test_every_way_has_a_control_and_less_to_learn_from():
    found = contestants(["none", "add", "concat"], ["formula", "a/lexical"], [], [0.1, 1.0])
    names = [one.name for one in found]
    assert names[:3] == ["none", "add:formula", "add:lexical"]
    assert names.count("add:formula-shuffled") == 1
    assert "none/0.1" in names
    assert "concat:lexical/0.1" in names
    assert not any("shuffled/" in name for name in names)
    assert len({one.step for one in found}) == len(found) == 5 + 4 + 5


def test_models_are_each_compared_with_their_own_text():
    found = contestants(["add"], ["formula"], ["org/small", "org/large"], [1.0])
    large = next(one for one in found if one.name == "add:formula@large")
    assert large.text_only.name == "none@large"
    assert large.control.name == "add:formula-shuffled@large"
    assert {one.text_only.name for one in found} == {"none@small", "none@large"}


def test_folds_are_steps_of_their_own_that_leave_out_each_part_once():
    steps = Contestant("add", "formula", labels=("formula", "")).variants(3)
    assert [one.changes["data.fold"] for one in steps] == ["1/3", "2/3", "3/3"]
    assert len({one.step for one in steps}) == 3


@pytest.fixture
def line(tmp_path, llama, monkeypatch):
    monkeypatch.setattr(asking, "APART", False)
    random = np.random.default_rng(0)
    rows = []
    for n in range(48):
        prompt, a, b = (" ".join(random.choice(WORDS, random.integers(2, 6))) for _ in range(3))
        rows.append({"prompt": f"{prompt} {n}", "chosen": f"toy {a}", "rejected": f"heat {b}"})
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return (
        "align", "ablate", "align/pairs", f"data.train={tmp_path / 'pairs.jsonl'}",
        f"model.base={llama}", "train.epochs=2", "train.batch_size=16", "model.method=full",
        "train.lr=3e-2", "--inject", "add", "--seeds", "1", "--out", tmp_path / "out",
    )  # fmt: skip


def test_an_ablation_is_one_table_and_goes_on_where_it_stopped(mirctl, line, tmp_path):
    ran = mirctl(*line, "--folds", "3", "--shares", "50,100", "--json")
    assert ran.code == 0, ran.err
    metrics = json.loads(ran.out)["metrics"]
    assert metrics["none.accuracy"]["n"] == 48, "the folds are all pairs, each once"
    assert metrics["add:formula.accuracy-text"]["n"] == 48
    assert metrics["add:formula.accuracy-text"]["value"] == pytest.approx(
        metrics["add:formula.accuracy"]["value"] - metrics["none.accuracy"]["value"]
    )
    assert 0 <= metrics["add:formula.mcnemar-shuffled"]["value"] <= 1
    assert "add:formula/0.5.accuracy" in metrics
    assert (tmp_path / "out" / "ablation.png").read_bytes()[1:4] == b"PNG"
    table = (tmp_path / "out" / "ablation.csv").read_text()
    assert table.count("\n") == 6
    again = mirctl(*line, "--folds", "3", "--shares", "50,100")
    assert again.code == 0, again.err
    assert "0 of 15 steps to run" in again.err
    assert "minus text only" in again.out
    assert "The shorter text" in again.out


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        ((), 2, "--folds"),
        (("--folds", "3", "--inject", "ad"), 2, "add"),
        (("--folds", "3", "--shares", "0"), 2, "--shares"),
        (("--folds", "3", "--require", "add:formula.acuracy>0"), 2, "accuracy"),
        (("--folds", "3", "--generators", "formula,formula"), 2, "twice"),
    ],
)
def test_what_cannot_be_is_told_before_anything_runs(mirctl, line, tmp_path, more, code, told):
    ran = mirctl(*line, *more)
    assert ran.code == code
    assert told in ran.err
    assert not (tmp_path / "out").exists()


def test_steps_are_told_where_epochs_were_measured(mirctl, line):
    ran = mirctl(*line, "--folds", "2", "train.metric=null", "--json")
    assert ran.code == 0, ran.err
    assert "add:formula.accuracy" in ran.out
    assert "steps_to_text" not in ran.out


def test_a_picture_shows_differences_and_shares(tmp_path):
    ways = contestants(["add", "concat"], ["formula"], ["a", "b"], [0.5, 1.0])
    metrics = {f"{one.name}.accuracy": {"value": 0.5} for one in ways}
    ranged = {"value": 0.1, "low": 0.0, "high": 0.2}
    beside = {f"{one.name}.accuracy-text": ranged for one in ways if one.inject != "none"}
    found = [standing.Standing(one) for one in ways]
    sizes = []
    for known in (metrics | beside, beside, {}):
        picture.draw(tmp_path, found, known)
        file = tmp_path / "ablation.svg"
        sizes.append(file.read_text().count("<path") if file.exists() else 0)
        file.unlink(missing_ok=True)
    assert sizes[0] > sizes[1] > sizes[2] == 0


def test_several_runs_at_once(mirctl, line, monkeypatch):
    ways = []
    monkeypatch.setattr(asking.command, "carry_out", lambda line, options, way: ways.append(way))
    mirctl(*line, "--folds", "2", "--jobs", "3")
    assert [way.workers for way in ways] == [3]


def test_a_dry_run_lists_the_runs(mirctl, line, tmp_path):
    ran = mirctl(*line, "--folds", "2", "--dry-run")
    assert ran.code == 0
    assert "add_formula_shuffled-fold2" in ran.out + ran.err
    assert not (tmp_path / "out").exists()
