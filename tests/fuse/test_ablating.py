"""What each part of a recipe is worth: what is compared, its figures by hand, resume, refusals."""

import csv
import json

import numpy as np
import pytest

from mirctl import artifact
from mirctl.errors import UsageError
from mirctl.metrics import ranking
from mirctl.sequences import standing
from mirctl_fuse.ablating import asking, picture, report
from mirctl_fuse.ablating.contestants import PARTS, contestants
from mirctl_fuse.config import FuseModel


@pytest.fixture(autouse=True)
def in_one_process(monkeypatch):
    monkeypatch.setattr(asking, "APART", False)


def model(*names, **more):
    return FuseModel.model_validate(
        {"modalities": {name: {"vectors": f"{name}.npy"} for name in names}, **more}
    )


def ablate(mirctl, recipe, out, *options, code=0):
    line = ("fuse", "ablate", recipe, "train.epochs=1", *options, "--out", out, "--json")
    ran = mirctl(*line)
    assert ran.code == code, ran.err
    return json.loads(ran.out)


def test_every_prefix_every_lack_and_every_other_way_is_compared_once():
    found = contestants(model("a", "b", "c"), PARTS, ["pairwise-iisan"])
    told = {one.name: one.changes for one in found}
    assert list(told) == [
        "recipe", "up-to-a", "without-a", "without-b", "without-c", "cross-paths", "no-cross",
        "fusion-sum", "fusion-concat", "fusion-attention", "fusion-gated", "pairwise-iisan",
    ]  # fmt: skip
    assert told["recipe"] == {}
    assert told["up-to-a"] == {"model.modalities.b": None, "model.modalities.c": None}
    assert told["without-a"] == {"model.modalities.a": None}
    assert told["pairwise-iisan"] == {"model.method": "pairwise-iisan", "model.fusion": "concat"}
    assert {one.name: "".join(one.first) for one in found if one.first} == {
        "recipe": "abc", "up-to-a": "a", "without-c": "ab"
    }  # fmt: skip
    changes = [json.dumps(one.changes, sort_keys=True) for one in found]
    assert len(set(changes)) == len(found), "without c is the first two"


def test_the_recipes_own_ways_are_not_compared_with_themselves():
    told = {
        one.name for one in contestants(model("a", "b", cross="paths", fusion="sum"), PARTS, [])
    }
    assert {"cross-bus", "fusion-momef", "no-cross"} < told
    assert not {"cross-paths", "fusion-sum"} & told


def test_one_modality_has_fusions_alone():
    told = [one.name for one in contestants(model("a"), PARTS, [])]
    assert all(name.startswith("fusion-") for name in told[1:])
    with pytest.raises(UsageError, match="nothing of this recipe"):
        contestants(model("a"), ["modalities", "without", "cross"], [])


def test_encoders_that_learn_run_once_and_for_so_long():
    once = {"seed": 4, "train.minutes": 2.0}
    told = {one.name: one.variant(once).changes
            for one in contestants(model("a"), [], ["lora", "pairwise-iisan"])}  # fmt: skip
    assert told["lora"] == {"model.method": "lora", **once}
    assert "seed" not in told["pairwise-iisan"]


def test_every_figure_is_that_of_the_runs(mirctl, recipe, tmp_path):
    out = tmp_path / "out"
    told = ablate(mirctl, recipe, out, "--vary", "modalities,cross", "--seeds", 2,
                  "--methods", "pairwise-iisan")  # fmt: skip
    names = ["recipe", "up-to-text", "up-to-poster", "cross-paths", "no-cross", "pairwise-iisan"]
    each = {}
    for name in names:
        runs = [artifact.open_artifact(out / f"seed={seed}" / name) for seed in (0, 1)]
        each[name] = np.mean([standing.measures(art)["ndcg@10"] for art in runs], axis=0)
        mean = np.mean([art.metrics()["ndcg@10"]["value"] for art in runs])
        assert told["metrics"][f"{name}.ndcg@10"]["value"] == pytest.approx(mean)
    difference = each["up-to-text"] - each["recipe"]
    entry = told["metrics"]["up-to-text.ndcg@10-recipe"]
    low, high = ranking.bootstrap(difference[:, None], seed=0)
    assert entry["value"] == pytest.approx(difference.mean())
    assert (entry["low"], entry["high"]) == pytest.approx((low[0], high[0]))
    assert {n for n in names if f"{n}.tpme" in told["metrics"]} == {"recipe", "pairwise-iisan"}
    assert "recipe.ndcg@10-recipe" not in told["metrics"]
    with (out / report.TABLE).open() as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert list(rows) == names
    assert rows["no-cross"]["varied"] == "cross"
    for key in ("ndcg@10", "ndcg@10-recipe.low", "epoch_seconds", "memory_bytes"):
        assert float(rows["no-cross"][key] or "nan") == pytest.approx(_figure(told, key))
    assert json.loads((out / report.DOCUMENT).read_text())["metrics"] == told["metrics"]
    assert (out / "ablation.png").read_bytes()[1:4] == b"PNG"
    assert b"<svg" in (out / "ablation.svg").read_bytes()


def _figure(told, key):
    entry = told["metrics"][f"no-cross.{key.removesuffix('.low')}"]
    return entry["low" if key.endswith(".low") else "value"]


def test_a_second_time_only_what_is_new_runs_and_people_see_a_table(mirctl, recipe, tmp_path):
    out = tmp_path / "out"
    ablate(mirctl, recipe, out, "--vary", "cross", "--seeds", 1)
    before = (out / "seed=0" / "no-cross" / "manifest.json").stat().st_mtime_ns
    more = ("--vary", "cross,without", "--methods", "lora", "--baseline-minutes", 0.05)
    ran = mirctl("fuse", "ablate", recipe, "train.epochs=1", *more, "--seeds", 1, "--out", out)
    assert ran.code == 0, ran.err
    assert "4 of 7 steps to run, 3 up to date" in ran.err
    assert (out / "seed=0" / "no-cross" / "manifest.json").stat().st_mtime_ns == before
    lines = ran.out.splitlines()
    assert "minus recipe" in lines[0]
    assert [line.split()[0].rstrip("*") for line in lines[1:8]] == [
        "recipe", "cross-paths", "no-cross", "without-text", "without-poster", "without-own", "lora"
    ]  # fmt: skip
    assert "over recipe, lora" in ran.out
    assert max(map(len, lines)) <= 110


def test_what_fails_is_told_and_the_others_go_on(mirctl, recipe, tmp_path):
    told = ablate(mirctl, recipe, tmp_path / "out", "--vary", "cross", "--seeds", 1,
                  "train.lr=1e30", "train.epochs=3", code=1)  # fmt: skip
    assert "lr" in told["failed"]["recipe"][0]
    assert "no-cross" in told["error"]["message"]
    shown = mirctl("fuse", "ablate", recipe, "train.epochs=3", "train.lr=1e30", "--vary", "cross",
                   "--seeds", 1, "--out", tmp_path / "out")  # fmt: skip
    assert shown.code == 1
    assert "failed" in shown.out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--vary", "fusions"), "fusion"),
        (("--vary", "cross,cross"), "twice"),
        (("--vary", ""), "nothing of this recipe"),
        (("--methods", "pairwise"), "pairwise-iisan"),
        (("--methods", "lora,lora"), "twice"),
        (("--require", "no-cross.ndgc@10>0"), "no-cross.ndcg@10"),
        (("--seeds", "0"), "--seeds"),
        (("model.method=lora",), "leave out model.method"),
        (("--methods", "lora", "model.modalities.text=null"), "lora: "),
    ],
)
def test_what_cannot_be_is_told_before_anything_runs(mirctl, recipe, tmp_path, options, told):
    ran = mirctl("fuse", "ablate", recipe, *options, "--out", tmp_path / "out")
    assert ran.code == 2, ran.err
    assert told in ran.err
    assert not (tmp_path / "out").exists()


def test_a_rehearsal_writes_nothing(mirctl, recipe, tmp_path):
    ran = mirctl("fuse", "ablate", recipe, "--dry-run", "--seeds", 2, "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert "seed=1/fusion-sum" in ran.out
    assert not (tmp_path / "out").exists()


def test_a_picture_shows_what_there_is(tmp_path):
    compared = contestants(model("a", "b", "c"), PARTS, ["lora"])
    entry = {"value": 0.1, "low": 0.08, "high": 0.12}
    metrics = {f"{one.name}.ndcg@10": entry for one in compared}
    picture.draw(tmp_path, compared[:1], metrics)
    assert not list(tmp_path.iterdir()), "the recipe alone is no picture"
    picture.draw(tmp_path, compared, metrics)
    narrow = (tmp_path / "ablation.svg").read_text()
    metrics |= {f"{one.name}.ndcg@10-recipe": entry for one in compared[1:]}
    picture.draw(tmp_path, compared, metrics)
    assert len((tmp_path / "ablation.svg").read_text()) > len(narrow)
