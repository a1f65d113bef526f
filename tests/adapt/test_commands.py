"""The plugin through its command line, on a tiny catalogue whose law is known."""

import json

import pytest

from adapt.conftest import run
from mirctl import artifact


def test_a_run_leaves_a_whole_artifact(mirctl, recipe, tmp_path):
    out = tmp_path / "model"
    document = run(mirctl, recipe, out)
    assert artifact.verify(out) == []
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert {
        "manifest.json",
        "model.safetensors",
        "recipe.yaml",
        "metrics.json",
        "efficiency.json",
        "README.md",
    } <= files
    assert document["metrics"] == json.loads((out / "metrics.json").read_text())
    assert not (tmp_path / "model.partial").exists()
    names = [item["name"] for item in json.loads((out / "manifest.json").read_text())["inputs"]]
    assert names == ["data.interactions", "data.items", "training part of the histories"]


def test_the_order_of_items_is_learned(mirctl, recipe, tmp_path):
    chance = 10 / 30
    popular = run(mirctl, recipe, tmp_path / "pop", "model.method=pop")["metrics"]["hr@5"]["value"]
    for seed in (1, 2, 3):
        out = tmp_path / f"id{seed}"
        metrics = run(mirctl, recipe, out, f"seed={seed}", "train.epochs=15")["metrics"]
        assert metrics["hr@5"]["low"] > max(popular, chance)
        assert metrics["ndcg@5"]["value"] > 0.8


def test_the_markov_chain_knows_the_law(mirctl, recipe, tmp_path):
    metrics = run(mirctl, recipe, tmp_path / "m", "model.method=markov")["metrics"]
    assert metrics["hr@5"]["value"] == 1.0


def test_a_dry_run_writes_nothing(mirctl, recipe, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    assert mirctl("adapt", "run", recipe, "--out", tmp_path / "m", "--dry-run").code == 0
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("require", "code"), [("ndcg@10>=0.0", 0), ("ndcg@10>=1.1", 1)])
def test_a_missed_requirement_fails_the_pipeline_and_is_named(
    mirctl, recipe, tmp_path, require, code
):
    ran = mirctl(
        "adapt", "run", recipe, "model.method=pop", "--out", tmp_path / "m", "--json",
        "--require", require,
    )  # fmt: skip
    assert ran.code == code
    document = json.loads(ran.out)
    assert document["metrics"]["ndcg@10"]["value"] > 0
    assert ("error" in document) == bool(code)
    if code:
        assert require.partition(">")[0] in ran.err


def test_a_requirement_with_a_typo_costs_no_run(mirctl, recipe, tmp_path):
    ran = mirctl("adapt", "run", recipe, "--out", tmp_path / "m", "--require", "ndcg@10=0.1")
    assert ran.code == 2
    assert not (tmp_path / "m.partial").exists()


def test_eval_gives_the_run_s_metrics_again(mirctl, recipe, tmp_path):
    for method in ("id", "markov", "pop"):
        out = tmp_path / method
        document = run(mirctl, recipe, out, f"model.method={method}")
        ran = mirctl("adapt", "eval", out, "--json")
        assert json.loads(ran.out)["metrics"] == document["metrics"]


@pytest.mark.parametrize("change", ["seed=9", "model.dim=32", "train.epochs=1"])
def test_eval_cannot_measure_another_split_or_model(mirctl, recipe, tmp_path, change):
    run(mirctl, recipe, tmp_path / "m", "model.method=pop")
    ran = mirctl("adapt", "eval", tmp_path / "m", change)
    assert ran.code == 2
    assert "only data.* and evaluation.*" in ran.err


def test_an_id_model_says_that_it_cannot_measure_other_items(mirctl, recipe, tmp_path, catalogue):
    out = tmp_path / "model"
    run(mirctl, recipe, out)
    (catalogue / "more.csv").write_text((catalogue / "items.csv").read_text() + "new,story\n")
    ran = mirctl("adapt", "eval", out, f"data.items={catalogue / 'more.csv'}")
    assert ran.code == 3
    assert "by their ids alone" in ran.err


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (["model.metod=id"], 2, "did you mean 'method'"),
        (["model.method=iisam"], 2, "did you mean 'iisan'"),
        (["model.method=iisan-versa"], 2, "set model.text"),
        (["data.interactions=/no/such.csv"], 3, "does not exist"),
        (["device=cuda:7"], 5, "is not here"),
        (["device=cuda:256"], 5, "is not here"),
        (["device=tpu"], 2, "use auto, cpu"),
        (["model.dim=9223372036854775808"], 2, "less than or equal to 65536"),
        (["train.lr=1" + "0" * 380], 2, "train.lr: Input should be a finite number"),
        (["train.metric=ndcg@11"], 2, "did you mean 'ndcg@10'"),
        (["model.method=iisan-versa", "model.text=/no/model"], 5, "/no/model"),
    ],
)
def test_a_wrong_recipe_has_the_right_exit_code(mirctl, recipe, tmp_path, changes, code, message):
    out = tmp_path / "m"
    ran = mirctl("adapt", "run", recipe, *changes, "--out", out)
    assert (ran.code, message in ran.err) == (code, True), ran.err
    assert not out.exists()


@pytest.mark.parametrize("lr", ["1e30", "1e38"])
def test_training_that_diverges_leaves_no_artifact(mirctl, recipe, tmp_path, lr):
    change = [f"train.lr={lr}", "train.batch_size=999", "train.epochs=1"]
    ran = mirctl("adapt", "run", recipe, *change, "--out", tmp_path / "m")
    assert (ran.code, "try a lower train.lr" in ran.err) == (1, True), ran.err
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("command", ["run", "eval"])
def test_a_metric_that_is_never_measured_is_refused_before_the_work(
    mirctl, recipe, chain, tmp_path, command
):
    subject = [recipe, "--out", tmp_path / "m"] if command == "run" else [chain]
    ran = mirctl("adapt", command, *subject, "--require", "ndgc@10>=0.1")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean 'ndcg@10'" in ran.err
    assert not (tmp_path / "m").exists()


def test_every_metric_that_is_told_can_be_required(chain):
    from mirctl.sequences import evaluation

    assert list(json.loads((chain / "metrics.json").read_text())) == evaluation.names()


def test_other_interactions_than_those_of_the_training_are_told(mirctl, chain, recipe, tmp_path):
    log = recipe.parent / "interactions.csv"
    assert "it learned from" not in mirctl("adapt", "eval", chain).err
    other = tmp_path / "other.csv"
    other.write_text(log.read_text() + "u0,i1,99999\n")
    ran = mirctl("adapt", "eval", chain, f"data.interactions={other}")
    assert (ran.code, "it learned from" in ran.err) == (0, True)


def test_a_wrong_recipe_is_told_to_programs_with_its_place(mirctl, recipe, tmp_path):
    ran = mirctl("adapt", "run", recipe, "model.metod=id", "--out", tmp_path / "m", "--json")
    error = json.loads(ran.out)["error"]
    assert (error["where"], error["code"]) == ("command line", 2)
    recipe.write_text(recipe.read_text().replace("epochs", "epoch"))
    error = json.loads(mirctl("recipe", "check", recipe, "--json").out)["error"]
    assert error["where"] == f"{recipe}:4:9"
    assert error["message"].startswith("train.epoch: unknown key; did you mean 'epochs'")


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (["--device", "cuda:7"], 5, "is not here"),
        (["data.interactions={items}"], 3, "no column 'user_id'"),
        (["--out", "{recipe}"], 2, "exists already"),
        (["train.metric=x"], 2, "no validation metric"),
        (["--out", "{items}/deeper"], 2, "items.csv is no folder"),
        (
            ["model.method=frozen", "model.text={{model: minilm, encoder: nonesuch}}"],
            2,
            "no text encoder 'nonesuch'",
        ),
    ],
)
def test_a_dry_run_tells_what_would_stop_a_run(mirctl, recipe, catalogue, changes, code, message):
    names = {"items": catalogue / "items.csv", "recipe": recipe}
    ran = mirctl("adapt", "run", recipe, "--dry-run", *(c.format(**names) for c in changes))
    assert (ran.code, message in ran.err) == (code, True), ran.err


def test_a_stored_artifact_is_a_gate_too(mirctl, chain):
    assert mirctl("artifact", "inspect", chain, "--require", "ndcg@10>=0").code == 0
    ran = mirctl("artifact", "inspect", chain, "--require", "ndcg@10>=1.1", "--json")
    assert (ran.code, json.loads(ran.out)["error"]["code"]) == (1, 1)


def test_users_left_out_by_the_protocol_are_counted(mirctl, recipe, catalogue, tmp_path):
    with open(catalogue / "interactions.csv", "a") as file:
        file.write("few,i1,1\nfew,i2,2\nfew,i3,3\nfew,i4,4\n")
    changes = ["model.method=pop", "evaluation.protocol=iisan"]
    told = mirctl("adapt", "run", recipe, *changes, "--out", tmp_path / "m").err
    assert "61 users" in told
    assert "evaluated: 60 users, 1 have too few interactions for the protocol" in told


def test_ids_are_learned_by_the_softmax_over_the_whole_catalogue(mirctl, recipe, tmp_path):
    from mirctl_adapt import task

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task, "WHOLE_CATALOGUE", 5)
        told = mirctl("adapt", "run", recipe, "--out", tmp_path / "a").err
        assert "softmax over all 30 items" in told
        told = mirctl("adapt", "run", recipe, "train.loss=batch", "--out", tmp_path / "b").err
        assert "softmax over the items of a batch" in told


def test_users_with_a_single_interaction_are_counted(mirctl, recipe, catalogue, tmp_path):
    with open(catalogue / "interactions.csv", "a") as file:
        file.write("one,i1,1\ntwo,i1,1\ntwo,i2,2\n")
    told = mirctl("adapt", "run", recipe, "model.method=pop", "--out", tmp_path / "m").err
    assert "2 have too few interactions and only train (1 with a single one" in told
