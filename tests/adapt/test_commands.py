"""The plugin through its command line, on a tiny catalogue whose law is known."""

import json
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from mirctl import artifact


def run(mirctl, recipe, out, *changes):
    ran = mirctl("adapt", "run", recipe, *changes, "--out", out, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


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
    assert names == ["data.interactions", "data.items"]


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


def test_one_seed_gives_the_same_bytes(mirctl, recipe, tmp_path):
    for name in ("a", "b"):
        run(mirctl, recipe, tmp_path / name)
    for file in ("metrics.json", "model.safetensors", "items.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    run(mirctl, recipe, tmp_path / "c", "seed=9")
    assert (tmp_path / "a" / "model.safetensors").read_bytes() != (
        tmp_path / "c" / "model.safetensors"
    ).read_bytes()


def start(recipe, out, *options):
    command = [sys.executable, "-m", "mirctl", "adapt", "run", str(recipe), "--out", str(out)]
    return subprocess.Popen(
        [*command, "train.checkpoint_every=0", "train.epochs=40", *options],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def wait_for_checkpoint(process, out):
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if (out.parent / f"{out.name}.partial" / "checkpoint.pt").is_file():
            return
        time.sleep(0.01)
    pytest.fail(f"no checkpoint came: {process.stderr.read()}")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_resumes_to_the_same_bytes(mirctl, recipe, tmp_path, how):
    changes = ["train.checkpoint_every=0", "train.epochs=40"]
    run(mirctl, recipe, tmp_path / "whole", *changes)
    out = tmp_path / "stopped"
    with start(recipe, out) as process:
        wait_for_checkpoint(process, out)
        process.send_signal(how)
        process.wait()
        assert process.returncode == (130 if how == signal.SIGINT else -9)
    assert not out.exists()
    again = mirctl("adapt", "run", recipe, *changes, "--out", out)
    assert again.code == 2
    assert "--resume goes on with it" in again.err
    resumed = mirctl("adapt", "run", recipe, *changes, "--out", out, "--resume")
    assert resumed.code == 0, resumed.err
    assert "going on from epoch" in resumed.err
    for file in ("metrics.json", "model.safetensors", "extra/history.json"):
        assert (tmp_path / "whole" / file).read_bytes() == (out / file).read_bytes()


def test_a_run_does_not_resume_on_other_data(mirctl, recipe, tmp_path, catalogue):
    out = tmp_path / "model"
    with start(recipe, out) as process:
        wait_for_checkpoint(process, out)
        process.kill()
        process.wait()
    with open(catalogue / "interactions.csv", "a") as file:
        file.write("u0,i3,2000\n")
    options = ["train.checkpoint_every=0", "train.epochs=40", "--out", out, "--resume"]
    ran = mirctl("adapt", "run", recipe, *options)
    assert ran.code == 2
    assert "changed since this run began" in ran.err


def test_what_exists_is_not_overwritten_without_force(mirctl, recipe, tmp_path):
    out = tmp_path / "model"
    run(mirctl, recipe, out, "model.method=pop")
    before = (out / "manifest.json").read_bytes()
    ran = mirctl("adapt", "run", recipe, "--out", out)
    assert ran.code == 2
    assert "--force" in ran.err
    assert (out / "manifest.json").read_bytes() == before
    assert mirctl("adapt", "run", recipe, "model.method=pop", "--out", out, "--force").code == 0


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


def test_an_empty_history_gets_what_is_popular(mirctl, recipe, tmp_path):
    for method in ("id", "pop"):
        run(mirctl, recipe, tmp_path / method, f"model.method={method}")
    found = [
        rows(mirctl("adapt", "recommend", tmp_path / method, "--history", "").out)
        for method in ("id", "pop")
    ]
    assert [r["item_id"] for r in found[0]] == [r["item_id"] for r in found[1]]
    assert len(found[0]) == 10


def test_an_id_model_says_that_it_cannot_measure_other_items(mirctl, recipe, tmp_path, catalogue):
    out = tmp_path / "model"
    run(mirctl, recipe, out)
    (catalogue / "more.csv").write_text((catalogue / "items.csv").read_text() + "new,story\n")
    ran = mirctl("adapt", "eval", out, f"data.items={catalogue / 'more.csv'}")
    assert ran.code == 3
    assert "by their ids alone" in ran.err


def rows(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def chain(mirctl, recipe, tmp_path):
    """A Markov artifact: what comes next is known."""
    out = tmp_path / "chain"
    run(mirctl, recipe, out, "model.method=markov")
    return out


def test_a_history_is_continued(mirctl, chain):
    ran = mirctl("adapt", "recommend", chain, "--history", "i3,i4", "--k", 2)
    assert ran.code == 0
    found = rows(ran.out)
    assert [row["rank"] for row in found] == [1, 2]
    assert found[0]["item_id"] == "i5"
    assert found[0]["title"] == "one heat toy"
    assert {"i3", "i4"}.isdisjoint(row["item_id"] for row in found)


def test_users_of_the_data_are_served_to_a_file(mirctl, chain, tmp_path):
    one = rows(mirctl("adapt", "recommend", chain, "--user", "u1", "--k", 3).out)
    assert {row["user_id"] for row in one} == {"u1"}
    out = tmp_path / "recs.parquet"
    assert mirctl("adapt", "recommend", chain, "--all", "--k", 3, "--out", out).code == 0
    table = pq.read_table(out)
    assert table.num_rows == 60 * 3
    assert [r for r in table.to_pylist() if r["user_id"] == "u1"] == one


def test_histories_stream_from_stdin(chain):
    lines = '["i1", "i2"]\n{"user_id": "x", "history": ["i8", "nowhere"]}\n\n[]\n'
    command = [sys.executable, "-m", "mirctl", "adapt", "recommend", str(chain), "-", "--k", "1"]
    ran = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    found = rows(ran.stdout)
    assert [(r["user_id"], r["item_id"]) for r in found[:2]] == [("1", "i3"), ("x", "i9")]
    assert len(found) == 3, "an empty history is served by popularity"
    assert "1 items of the histories are not in the catalogue" in ran.stderr


def test_allow_and_deny_filter(mirctl, chain, tmp_path):
    (tmp_path / "allow").write_text("i5\ni6\ni7\nnowhere\n")
    (tmp_path / "deny").write_text("i6\n")
    options = ["--allow", tmp_path / "allow", "--deny", tmp_path / "deny"]
    ran = mirctl("adapt", "recommend", chain, "--history", "i4", *options)
    assert {row["item_id"] for row in rows(ran.out)} == {"i5", "i7"}
    assert "1 of 4 ids are not in the catalogue" in ran.err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--history", "i99"], 3, "did you mean 'i9'"),
        (["--user", "u777"], 3, "no such user"),
        ([], 2, "say for whom"),
        (["--all", "--user", "u1"], 2, "say for whom"),
        (["--history", "i1", "--deny", "/no/such"], 3, "cannot be read"),
    ],
)
def test_a_wrong_question_is_answered_clearly(mirctl, chain, options, code, message):
    ran = mirctl("adapt", "recommend", chain, *options)
    assert (ran.code, message in ran.err) == (code, True), ran.err
    assert ran.out == ""


def test_histories_are_left_out_on_request(mirctl, recipe, tmp_path):
    out = tmp_path / "m"
    run(mirctl, recipe, out, "model.method=pop", "save.histories=false")
    assert not (out / "extra" / "users.parquet").exists()
    ran = mirctl("adapt", "recommend", out, "--user", "u1")
    assert ran.code == 2
    assert "save.histories" in ran.err


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (["model.metod=id"], 2, "did you mean 'method'"),
        (["model.method=iisam"], 2, "did you mean 'iisan'"),
        (["model.method=iisan-versa"], 2, "set model.text"),
        (["data.interactions=/no/such.csv"], 3, "does not exist"),
        (["device=cuda:7"], 5, "is not here"),
        (["device=tpu"], 2, "use auto, cpu"),
        (["train.metric=ndcg@11"], 2, "did you mean 'ndcg@10'"),
        (["model.method=iisan-versa", "model.text=/no/model"], 5, "/no/model"),
    ],
)
def test_a_wrong_recipe_has_the_right_exit_code(mirctl, recipe, tmp_path, changes, code, message):
    out = tmp_path / "m"
    ran = mirctl("adapt", "run", recipe, *changes, "--out", out)
    assert (ran.code, message in ran.err) == (code, True), ran.err
    assert not out.exists()


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
    from mirctl_adapt import evaluation

    assert list(json.loads((chain / "metrics.json").read_text())) == evaluation.names()


def test_other_interactions_than_those_of_the_training_are_told(mirctl, chain, recipe, tmp_path):
    log = recipe.parent / "interactions.csv"
    assert "not those of the training" not in mirctl("adapt", "eval", chain).err
    other = tmp_path / "other.csv"
    other.write_text(log.read_text() + "u0,i1,99999\n")
    ran = mirctl("adapt", "eval", chain, f"data.interactions={other}")
    assert (ran.code, "not those of the training" in ran.err) == (0, True)


def test_users_with_fewer_items_than_asked_are_counted(mirctl, chain, tmp_path):
    allow = tmp_path / "allow.txt"
    allow.write_text("i1\ni2\ni3\n")
    ran = mirctl("adapt", "recommend", chain, "--history", "i9", "--k", "3", "--allow", allow)
    assert "fewer" not in ran.err
    ran = mirctl("adapt", "recommend", chain, "--history", "i1", "--k", "3", "--allow", allow)
    assert "1 users get fewer than 3 items" in ran.err


def test_a_wrong_recipe_is_told_to_programs_with_its_place(mirctl, recipe, tmp_path):
    ran = mirctl("adapt", "run", recipe, "model.metod=id", "--out", tmp_path / "m", "--json")
    error = json.loads(ran.out)["error"]
    assert (error["where"], error["code"]) == ("command line", 2)
    recipe.write_text(recipe.read_text().replace("epochs", "epoch"))
    error = json.loads(mirctl("recipe", "check", recipe, "--json").out)["error"]
    assert error["where"] == f"{recipe}:4:9"
    assert error["message"].startswith("train.epoch: unknown key; did you mean 'epochs'")


def test_a_damaged_artifact_is_exit_4(mirctl, chain, tmp_path):
    assert mirctl("adapt", "recommend", tmp_path, "--history", "i1").code == 4
    (chain / "model.safetensors").write_bytes(b"junk")
    assert mirctl("adapt", "recommend", chain, "--history", "i1").code == 4


def test_a_closed_pipe_is_quiet(chain):
    command = f"{sys.executable} -m mirctl adapt recommend {chain} --all --k 20"
    script = f"set -o pipefail; {command} | head -1 >/dev/null; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert ran.stdout.strip() in ("141", "0")
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (["--device", "cuda:7"], 5, "is not here"),
        (["data.interactions={items}"], 3, "no column 'user_id'"),
        (["--out", "{recipe}"], 2, "exists already"),
        (["train.metric=x"], 2, "no validation metric"),
    ],
)
def test_a_dry_run_tells_what_would_stop_a_run(mirctl, recipe, catalogue, changes, code, message):
    names = {"items": catalogue / "items.csv", "recipe": recipe}
    ran = mirctl("adapt", "run", recipe, "--dry-run", *(c.format(**names) for c in changes))
    assert (ran.code, message in ran.err) == (code, True), ran.err


def test_a_newer_schema_is_refused(mirctl, chain):
    from mirctl.artifact import manifest

    path = chain / "manifest.json"
    fields = json.loads(path.read_text()) | {"schema_version": 2}
    fields["digest"] = manifest.digest(fields)
    path.write_text(json.dumps(fields))
    ran = mirctl("adapt", "recommend", chain, "--history", "i1")
    assert (ran.code, "has schema 2 of adapt/recommender" in ran.err) == (4, True), ran.err


def test_recommendations_come_as_one_document_on_request(mirctl, chain, tmp_path):
    rows = mirctl("adapt", "recommend", chain, "--history", "i1", "--k", "2")
    ran = mirctl("adapt", "recommend", chain, "--history", "i1", "--k", "2", "--json")
    assert json.loads(ran.out)["recommendations"] == [json.loads(r) for r in rows.out.splitlines()]
    out = tmp_path / "r.parquet"
    ran = mirctl("adapt", "recommend", chain, "--all", "--k", "2", "--json", "--out", out)
    assert json.loads(ran.out) == {"out": str(out), "rows": 120}


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
    assert "60 users are evaluated, 1 have too few interactions for the protocol" in told


def test_ids_with_commas_and_strange_blanks_can_be_asked_for(mirctl, tmp_path):
    names = ["a,b", " c", "d\u2028e", "f"]
    rows = [f'u{u},"{name}",{t}' for u in range(9) for t, name in enumerate(names)]
    (tmp_path / "log.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]) + "\n")
    (tmp_path / "r.yaml").write_text(
        "uses: adapt/run\ndata: {interactions: log.csv}\nmodel: {method: pop}\n"
    )
    model = tmp_path / "m"
    run(mirctl, tmp_path / "r.yaml", model)
    assert mirctl("adapt", "recommend", model, "--history", "a,b").code == 0
    assert mirctl("adapt", "recommend", model, "--history", " c, f").code == 0
    (tmp_path / "allow.txt").write_text("\n".join(names) + "\n")
    ran = mirctl("adapt", "recommend", model, "--history", "f", "--allow", tmp_path / "allow.txt")
    assert ran.out.count("\n") == 3
    assert "not in the catalogue" not in ran.err


def test_only_listed_files_of_an_artifact_are_read(mirctl, recipe, tmp_path):
    run(mirctl, recipe, tmp_path / "full", "model.method=pop")
    run(mirctl, recipe, tmp_path / "m", "model.method=pop", "save.histories=false")
    link = tmp_path / "m" / "extra" / "users.parquet"
    link.symlink_to(tmp_path / "full" / "extra" / "users.parquet")
    assert mirctl("adapt", "recommend", tmp_path / "m", "--all").code == 2


def test_ids_are_learned_by_the_softmax_over_the_whole_catalogue(mirctl, recipe, tmp_path):
    from mirctl_adapt import training

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "WHOLE_CATALOGUE", 5)
        told = mirctl("adapt", "run", recipe, "--out", tmp_path / "a").err
        assert "softmax over all 30 items" in told
        told = mirctl("adapt", "run", recipe, "train.loss=batch", "--out", tmp_path / "b").err
        assert "softmax over the items of a batch" in told


def test_a_job_that_is_ended_from_outside_leaves_nothing_half_written(recipe, tmp_path):
    code = (
        "import os, signal, sys\nfrom mirctl import cli\n"
        "from mirctl_adapt import saving\n"
        "saving.card = lambda *_: os.kill(os.getpid(), signal.SIGTERM)\n"
        f"sys.argv = ['mirctl', 'adapt', 'run', {str(recipe)!r}, 'model.method=pop',"
        f" '--out', {str(tmp_path / 'm')!r}]\ncli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
