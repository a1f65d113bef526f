import io
import json

import pytest

import damage
from mirctl import artifact
from rl.conftest import QUICK as SIMULATOR
from rl.conftest import shop

QUICK = ("learn.users=8", "learn.turns=4", "width=8", "--steps", 400)


@pytest.fixture
def policy(mirctl, made, tmp_path):
    """Learned from the users of the shop."""
    out = tmp_path / "policy"
    done = mirctl("rl", "online", made, *QUICK, "--out", out)
    assert done.code == 0, done.err
    return out


def test_a_policy_is_learned_saved_and_measured_beside_the_references(mirctl, made, policy):
    found = json.loads(mirctl("rl", "eval", policy, made, "--episodes", 40, "--json").out)
    assert found["metrics"]["cumulative"]["value"] > 0
    assert "popularity.cumulative" in found["metrics"]
    assert artifact.verify(policy) == []
    assert mirctl("artifact", "verify", policy).code == 0
    rows = json.loads((policy / "extra" / "curve.json").read_text())
    assert rows[-1]["step"] >= 400
    assert rows[-1]["episodes"] > 0


@pytest.mark.parametrize("mode", ["ft", "ap"])
def test_a_policy_is_adapted_in_either_mode(mirctl, made, policy, tmp_path, mode):
    out = tmp_path / mode
    told = mirctl("rl", "online", made, "--policy", policy, "--mode", mode, *QUICK, "--out", out,
                  "--json")  # fmt: skip
    assert told.code == 0, told.err
    assert ("weight" in json.loads(told.out)["metrics"]) == (mode == "ap")
    manifest = artifact.open_artifact(out).manifest
    assert manifest.facts["method"] == f"a-ialp-{mode}"
    assert (manifest.facts["method"] == "a-ialp-ap") == ("frozen.safetensors" in manifest.files)
    assert mirctl("rl", "eval", out, made, "--episodes", 20).code == 0
    assert mirctl("rl", "recommend", out, "--history", "i1").code == 0
    again = mirctl("rl", "online", made, "--policy", out, *QUICK, "--out", tmp_path / "again")
    assert again.code == (4 if mode == "ap" else 0)
    assert {source.name for source in manifest.inputs} >= {"simulator", "policy"}


def test_the_same_seed_writes_the_same_weights_and_curve(mirctl, made, policy, tmp_path):
    again = tmp_path / "again"
    assert mirctl("rl", "online", made, *QUICK, "--out", again).code == 0
    for name in ("model.safetensors", "metrics.json", "extra/curve.json"):
        assert (again / name).read_bytes() == (policy / name).read_bytes()


def test_mixing_wants_a_policy_beside_which_to_learn(mirctl, made, tmp_path):
    told = mirctl("rl", "online", made, "--mode", "ap", "--out", tmp_path / "out")
    assert told.code == 2
    assert "policy" in told.err


@pytest.mark.parametrize("command", ["eval", "online"])
def test_a_policy_of_another_catalogue_is_refused(mirctl, policy, tmp_path, command):
    other = tmp_path / "others"
    log = shop(tmp_path / "other", items=41)
    assert mirctl("rl", "simulate", log, *SIMULATOR, "--out", other).code == 0
    out = tmp_path / "out"
    asked = {"eval": (policy, other), "online": (other, "--policy", policy, "--out", out)}
    told = mirctl("rl", command, *asked[command])
    assert told.code == 4
    assert "another catalogue" in told.err
    assert not out.exists()


def test_a_policy_that_looks_further_back_than_is_shown_is_refused(mirctl, films, policy, tmp_path):
    short = tmp_path / "short"
    rule = ("quit.window=3", "quit.threshold=2", "history=3")
    assert mirctl("rl", "simulate", films, *SIMULATOR, *rule, "--out", short).code == 0
    told = mirctl("rl", "eval", policy, short)
    assert told.code == 4
    assert "looks at 5 items" in told.err


def test_a_policy_that_knows_users_serves_others_and_is_not_adapted_to_them(
    mirctl, films, policy, tmp_path
):
    other = tmp_path / "sequences"
    done = mirctl("rl", "simulate", films, *SIMULATOR, "--env", "ml-seq", "--out", other)
    assert done.code == 0, done.err
    assert mirctl("rl", "eval", policy, other, "--episodes", 20).code == 0
    told = mirctl("rl", "online", other, "--policy", policy, "--out", tmp_path / "out")
    assert told.code == 4
    assert "users of another simulator" in told.err


def test_recommended_are_the_likeliest_items_that_were_not_taken(mirctl, policy):
    told = mirctl("rl", "recommend", policy, "--history", "i1,i2", "--k", 100)
    rows = [json.loads(row) for row in told.out.splitlines()]
    assert len(rows) == 38
    assert not {"i1", "i2"} & {row["item_id"] for row in rows}
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-4)
    assert [row["rank"] for row in rows] == list(range(1, 39))


@pytest.fixture
def typed(monkeypatch):
    """Let a text stand at stdin."""
    return lambda text: monkeypatch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
    )


def test_histories_come_by_lines_and_those_unknown_are_counted(mirctl, typed, policy):
    typed('["i1"]\n\n{"user_id": "x", "history": ["nothing"]}\n')
    told = mirctl("rl", "recommend", policy, "--history", "-", "--k", 2)
    assert told.code == 0, told.err
    assert [json.loads(row)["user_id"] for row in told.out.splitlines()] == ["1", "1", "x", "x"]
    assert "1 item of the histories" in told.err
    assert "1 user" in told.err


@pytest.mark.parametrize("line", ["[", "3", '{"history": "i1"}', '[["i1"]]'])
def test_lines_that_are_no_histories_are_refused(mirctl, typed, policy, line):
    typed(line + "\n")
    told = mirctl("rl", "recommend", policy, "--history", "-")
    assert told.code == 3
    assert "line 1" in told.err


def test_a_recommendation_replaces_no_file(mirctl, policy, tmp_path):
    (tmp_path / "out.csv").write_text("mine")
    asked = ("rl", "recommend", policy, "--history", "i1", "--out", tmp_path / "out.csv")
    assert mirctl(*asked).code == 2
    assert mirctl(*asked, "--force").code == 0


def test_a_simulator_is_no_policy(mirctl, made):
    assert mirctl("rl", "recommend", made, "--history", "i1").code == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (damage.gone("extra/policy.json"), "policy.json"),
        (damage.text("extra/policy.json", "{}"), "policy.json"),
        (damage.tensors("model", lambda n, t: t[:-1] if n == "bias" else t), "bias"),
        (damage.tensors("model", lambda n, t: t * float("nan")), "finite"),
        (damage.tensors("model", lambda n, t: None if n == "users" else t), "users"),
    ],
)
def test_a_damaged_policy_is_told(mirctl, policy, change, message):
    change(policy)
    damage.seal(policy)
    told = mirctl("rl", "recommend", policy, "--history", "i1")
    assert told.code == 4
    assert message in told.err
