"""`adapt compare` through the command line: its figures again by hand, resume, failures."""

import csv
import json

import numpy as np
import pytest

from mirctl import artifact
from mirctl.metrics import ranking
from mirctl.sequences import standing
from mirctl.sequences.histories import pack
from mirctl_adapt import recommender
from mirctl_adapt.comparing import contestants, racing, rates, report


@pytest.fixture(autouse=True)
def in_one_process(monkeypatch):
    monkeypatch.setattr(racing, "APART", False)


def compare(mirctl, recipe, out, *options, code=0):
    ran = mirctl("adapt", "compare", recipe, "train.epochs=1", *options, "--out", out, "--json")
    assert ran.code == code, ran.err
    return json.loads(ran.out)


@pytest.fixture
def race(mirctl, recipe, tmp_path):
    return compare(mirctl, recipe, tmp_path / "race", "--methods", "id,markov,pop", "--seeds", 2)


def test_every_figure_is_that_of_the_runs(race, tmp_path):
    """Means over seeds of what each run measured; differences over the same users."""
    folder, each = tmp_path / "race", {}
    for method in ("id", "markov", "pop"):
        runs = [folder / f"seed={seed}" / method for seed in (0, 1)]
        said = [json.loads((run / "metrics.json").read_text()) for run in runs]
        for measure in ("ndcg@10", "hr@10", "hr@20"):
            mean = np.mean([one[measure]["value"] for one in said])
            assert race["metrics"][f"{method}.{measure}"]["value"] == pytest.approx(mean)
            assert race["metrics"][f"{method}.{measure}"]["seeds"] == 2
        opened = [artifact.open_artifact(run) for run in runs]
        each[method] = np.mean([standing.measures(art)["ndcg@10"] for art in opened], axis=0)
    told = race["metrics"]["pop.ndcg@10-id"]
    difference = each["pop"] - each["id"]
    assert told["value"] == pytest.approx(difference.mean())
    low, high = ranking.bootstrap(difference[:, None], seed=0)
    assert (told["low"], told["high"]) == pytest.approx((low[0], high[0]))
    assert race["against"] == "id"
    spent = [json.loads((folder / f"seed={s}" / "id" / "efficiency.json").read_text())
             for s in (0, 1)]  # fmt: skip
    expected = np.mean([one["step_seconds"] for one in spent])
    assert race["metrics"]["id.step_seconds"]["value"] == pytest.approx(expected)
    assert "pop.epoch_seconds" not in race["metrics"]


def test_several_at_once_rank_as_one_after_the_other(mirctl, recipe, race, tmp_path):
    methods = ["--methods", "id,markov,pop", "--seeds", 2]
    told = compare(mirctl, recipe, tmp_path / "two", *methods, "--jobs", 2)
    for name, entry in race["metrics"].items():
        if "ndcg" in name:
            assert told["metrics"][name] == entry
    shown = mirctl("adapt", "compare", recipe, "train.epochs=1", *methods, "--jobs", 2,
                   "--out", tmp_path / "two")  # fmt: skip
    assert "--jobs 2: seconds are those of a machine that runs shared." in shown.out


def test_stored_ranks_are_those_of_the_model(race, tmp_path):
    folder = tmp_path / "race" / "seed=1" / "markov"
    saved = recommender.load(folder)
    ranks = standing.measures(artifact.open_artifact(folder))
    targets = [history[-1] for history in map(list, _histories(saved)) if len(history) > 2]
    hits = []
    for row, target in zip(range(len(targets)), targets, strict=True):
        history = saved.histories.of(np.array([row]))
        seen = list(_histories(saved))[row][:-1]
        scores = saved.scorer.scores(pack([seen]))[0]
        scores[[i for i in seen if i != target]] = -np.inf
        own = scores[target]
        above, ties = int((scores > own).sum()), int((scores == own).sum()) - 1
        hits.append(np.clip((10 - above) / (ties + 1), 0, 1) if target not in seen else 0)
        assert history.lengths[0] == len(seen) + 1
    np.testing.assert_allclose(ranks["hr@10"], hits, atol=1e-6)


def _histories(saved):
    for start, end in zip(saved.histories.starts, saved.histories.ends, strict=True):
        yield saved.histories.items[start:end].tolist()


def test_a_second_time_adds_methods_and_keeps_runs(mirctl, recipe, race, tmp_path):
    out = tmp_path / "race"
    made = out / "seed=0" / "id" / "manifest.json"
    before = made.stat().st_mtime_ns
    again = compare(mirctl, recipe, out, "--methods", "pop,id,iisan-versa+id,markov", "--seeds", 2,
                    code=2)  # fmt: skip
    assert "reads content" in again["error"]["message"]
    again = compare(mirctl, recipe, out, "--methods", "pop,id", "--seeds", 3)
    assert made.stat().st_mtime_ns == before
    assert again["metrics"]["id.hr@10"]["seeds"] == 3
    assert again["against"] == "pop"
    with open(out / "comparison.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == ["pop", "id"]
    assert float(rows[1]["ndcg@10"]) == pytest.approx(again["metrics"]["id.ndcg@10"]["value"])
    assert json.loads((out / "comparison.json").read_text())["metrics"] == again["metrics"]


def test_one_method_is_changed_by_its_name(mirctl, recipe, tmp_path):
    out = tmp_path / "race"
    compare(mirctl, recipe, out, "--methods", "id,pop", "--seeds", 1, "id.model.dim=8")
    text = (out / "seed=0" / "id" / "recipe.yaml").read_text()
    assert "dim: 8" in text
    assert "dim: 16" in (out / "seed=0" / "pop" / "recipe.yaml").read_text()
    assert "epochs: 1" in text


def test_a_method_that_fails_is_told_and_the_others_go_on(mirctl, recipe, tmp_path):
    told = compare(
        mirctl, recipe, tmp_path / "race", "--methods", "id,pop", "--seeds", 1,
        "id.train.lr=1e30", "id.train.epochs=3", code=1,
    )  # fmt: skip
    assert "lr" in told["failed"]["id"][0]
    assert "id" in told["error"]["message"]
    assert "pop.ndcg@10" in told["metrics"]
    assert "id.ndcg@10" not in told["metrics"]


def test_rates_are_chosen_on_validation_with_a_seed_of_their_own(mirctl, recipe, tmp_path):
    told = compare(mirctl, recipe, tmp_path / "race", "--methods", "id,markov", "--seeds", 2,
                   "--rates", "1e-6,1e-2,2e-6")  # fmt: skip
    assert told["metrics"]["id.lr"]["value"] == 1e-2
    assert "markov.lr" not in told["metrics"]
    tried = sorted(path.parent.name for path in (tmp_path / "race").glob("seed=2/*/manifest.json"))
    assert tried == ["id-rate1", "id-rate2", "id-rate3"]
    for seed in (0, 1):
        text = (tmp_path / "race" / f"seed={seed}" / "id" / "recipe.yaml").read_text()
        assert "lr: 0.01" in text
    reached = {
        path.parent.name: json.loads(path.read_text())["valid/ndcg@10"]["value"]
        for path in (tmp_path / "race").glob("seed=2/*/metrics.json")
    }
    assert max(reached, key=reached.get) == "id-rate2"


def test_a_rate_of_ones_own_is_not_chosen(mirctl, recipe, tmp_path):
    told = compare(mirctl, recipe, tmp_path / "race", "--methods", "id", "--seeds", 1,
                   "--rates", "1e-6,1e-2", "id.train.lr=3e-3")  # fmt: skip
    assert told["metrics"]["id.lr"]["value"] == 3e-3
    assert not (tmp_path / "race" / "seed=1").exists()


def test_requirements_are_checked_before_and_after(mirctl, recipe, tmp_path):
    out = tmp_path / "race"
    options = ("adapt", "compare", recipe, "--methods", "pop,markov", "--seeds", 1, "--out", out)
    typo = mirctl(*options, "--require", "pop.ndgc@10>0")
    assert typo.code == 2
    assert "pop.ndcg@10" in typo.err
    assert not out.exists()
    assert mirctl(*options, "--require", "markov.hr@10>=0.5").code == 0
    missed = mirctl(*options, "--require", "pop.hr@10>=0.99")
    assert missed.code == 1
    assert "pop.hr@10" in missed.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--methods", "id,popp"), "pop"),
        (("--methods", "id,id"), "twice"),
        (("--methods", ","), "names none"),
        (("--methods", "id,pop", "--against", "markov"), "none of the methods"),
        (("--methods", "id", "lora.train.lr=1"), "lora"),
        (("--methods", "id,pop", "pop.data.min_interactions=9"), "same data"),
        (("--methods", "id,pop", "pop.seed=3"), "same seed"),
        (("--seeds", "0"), "--seeds"),
        (("--rates", "1e-3,fast"), "--rates"),
        (("--rates", "1e-3,-1"), "--rates"),
    ],
)
def test_what_cannot_be_compared_is_refused_at_once(mirctl, recipe, tmp_path, options, told):
    ran = mirctl("adapt", "compare", recipe, *options, "--out", tmp_path / "race")
    assert ran.code == 2
    assert told in ran.err
    assert not (tmp_path / "race").exists()


def test_a_rehearsal_writes_nothing(mirctl, recipe, tmp_path):
    ran = mirctl("adapt", "compare", recipe, "--methods", "id,pop", "--seeds", 2, "--dry-run",
                 "--out", tmp_path / "race")  # fmt: skip
    assert ran.code == 0, ran.err
    assert "seed=1/pop" in ran.out
    assert not (tmp_path / "race").exists()


def test_the_tables_for_people(mirctl, recipe, race, tmp_path):
    ran = mirctl("adapt", "compare", recipe, "train.epochs=1", "--methods", "id,markov,pop",
                 "--seeds", 2, "--out", tmp_path / "race")  # fmt: skip
    assert ran.code == 0, ran.err
    assert max(map(len, ran.out.splitlines())) <= 100
    lines = ran.out.splitlines()
    assert lines[0].startswith("method")
    assert f"{race['metrics']['pop.ndcg@10-id']['value']:+.4f}" in ran.out
    assert (tmp_path / "race" / "pareto.png").read_bytes()[:4] == b"\x89PNG"
    assert b"<svg" in (tmp_path / "race" / "pareto.svg").read_bytes()


def test_what_is_not_alike_is_told_under_the_tables():
    values = {seed: {} for seed in range(5)}
    few = {0: {}}
    found = [standing.Standing("id", values=values), standing.Standing("lora", values=few)]
    told = "\n".join(report._notes(found, "id"))
    assert "Seeds, where not 5: lora 1" in told
    assert "Seeds" not in "\n".join(report._notes(found[:1], "id"))
    race = racing.Race(None, contestants.contestants(["id", "fft", "lora"]), 5, 10.0)
    (note,) = rates.notes(race, [1e-3, 2e-3])
    assert "fft, lora" in note
    assert rates.notes(race, []) == []


def test_ablations_take_away_what_there_is(recipe):
    from mirctl_adapt.config import ModelConfig

    one = {c.name: c.changes for c in contestants.ablations(ModelConfig(text="minilm"))}
    two = {c.name for c in contestants.ablations(ModelConfig(text="minilm", image="vit"))}
    assert "iisan-versa-no-inter" not in one
    assert one["iisan-versa-no-gate"]["model.gate"] is False
    parts = ("no-intra", "no-inter", "only-text", "only-image")
    assert two - one.keys() == {f"iisan-versa-{part}" for part in parts}


def test_titles_captions_and_both_are_compared_whatever_else_there_is():
    from mirctl_adapt.config import ModelConfig

    model = ModelConfig(text="minilm", image="vit", columns={"caption": "minilm"})
    told = {c.name.removeprefix("iisan-versa-"): c.changes for c in contestants.ablations(model)}
    towers = {"model.text", "model.image", "model.columns.caption"}
    left = {
        name: towers - changes.keys()
        for name, changes in told.items()
        if name.startswith("only-") or towers & changes.keys()
    }
    assert left == {
        "only-text": {"model.text"},
        "only-image": {"model.image"},
        "only-caption": {"model.columns.caption"},
        "no-text": towers - {"model.text"},
        "no-image": {"model.text", "model.columns.caption"},
        "no-caption": towers - {"model.columns.caption"},
    }


def test_an_unfinished_run_is_started_over_by_what_this_command_has(mirctl, recipe, race, tmp_path):
    whole = tmp_path / "race" / "seed=1" / "id"
    partial = whole.rename(f"{whole}.partial")
    (partial / "checkpoint.pt").write_bytes(b"")
    told = compare(mirctl, recipe, tmp_path / "race", "--methods", "id", "--seeds", 2, code=2)
    assert "--resume" in told["error"]["message"]
    assert "--from" not in told["error"]["message"]
    assert told["error"]["where"].endswith("id.partial")
    changed = ("--methods", "id", "--seeds", 2, "id.train.lr=1e-3", "--resume")
    assert (
        "removing this"
        in compare(mirctl, recipe, tmp_path / "race", *changed, code=2)["error"]["message"]
    )


def test_what_would_stop_every_run_is_told_before_the_first(mirctl, recipe, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("mine")
    options = ("adapt", "compare", recipe, "--methods", "id,pop", "--out")
    taken = mirctl(*options, tmp_path / "taken")
    assert taken.code == 2
    assert "something else made it" in taken.err
    nowhere = mirctl(*options, tmp_path / "race", "--device", "cuda:77")
    assert nowhere.code == 5  # what is not here
    assert not (tmp_path / "race").exists()
