"""A trained artifact on the hub is used by its name, wherever an artifact is asked for."""

import json
import random

import pytest

from mirctl import hub as names


@pytest.fixture
def clicks(tmp_path):
    random.seed(0)
    rows = [f"u{u},i{random.randrange(9)},{t}" for u in range(20) for t in range(5)]
    path = tmp_path / "clicks.csv"
    path.write_text("\n".join(["user_id,item_id,timestamp", *rows]) + "\n")
    return path


@pytest.fixture
def shop(clicks, mirctl, hub, tmp_path):
    """A recommender at org/shop; its folder is gone. Gives the commit."""
    recipe = tmp_path / "shop.yaml"
    recipe.write_text(f"uses: adapt/run\ndata: {{interactions: {clicks}}}\nmodel: {{method: pop}}")
    model = tmp_path / "model"
    assert mirctl("adapt", "run", recipe, "--out", model).code == 0
    ran = mirctl("hub", "push", model, "org/shop")
    assert ran.code == 0, ran.err
    sent = hub.sent()
    for place in (b"clicks.csv", b"../", str(tmp_path).encode()):
        assert place not in sent
    model.rename(tmp_path / "away")
    return ran.out.strip().partition("@")[2]


def test_a_recommender_is_used_by_its_name(shop, clicks, mirctl, offline):
    ran = mirctl("adapt", "recommend", "org/shop", "--history", "i1,i2", "--k", "2")
    assert ran.code == 0, ran.err
    assert len(ran.out.splitlines()) == 2
    assert shop in ran.err
    offline()
    ran = mirctl("adapt", "eval", f"org/shop@{shop}", "--json")
    assert ran.code == 3
    assert "data.interactions=PATH" in ran.err
    ran = mirctl("adapt", "eval", "org/shop", f"data.interactions={clicks}", "--json")
    assert ran.code == 0, ran.err
    assert "ndcg@10" in json.loads(ran.out)["metrics"]


def test_the_same_run_again_from_a_name(shop, clicks, mirctl, tmp_path):
    out = tmp_path / "again"
    change = f"data.interactions={clicks}"
    ran = mirctl("run", "org/shop@main", change, "--out", out)
    assert ran.code == 0, ran.err
    same = [tmp_path / name / "metrics.json" for name in ("away", "again")]
    assert same[0].read_bytes() == same[1].read_bytes()
    ran = mirctl("recipe", "show", "org/shop@main")
    assert "/data.interactions.csv" in ran.out


def test_two_names_are_compared(shop, mirctl, tmp_path):
    ran = mirctl("artifact", "diff", "org/shop", tmp_path / "away", "--json")
    found = json.loads(ran.out)
    assert not found["tensors"]
    assert not found["metrics"]
    assert list(found["recipe"]) == ["data.interactions"]


def test_a_learned_table_is_used_by_its_name(mirctl, hub, tmp_path):
    random.seed(0)
    rows = [f"{random.random():.2f},{random.choice('xyz')}" for _ in range(120)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["a,b", *rows]) + "\n")
    fit = ("impute", "fit", table, "--out", tmp_path / "model", "train.epochs=1", "model.width=16")
    assert mirctl(*fit).code == 0
    assert mirctl("hub", "push", tmp_path / "model", "org/table").code == 0
    ran = mirctl("impute", "sample", "org/table", "-n", "3", "--steps", "2", "--quiet")
    assert (ran.code, len(ran.out.splitlines())) == (0, 4)
    assert ran.err == ""
    table.write_text("a,b\n,x\n")
    ran = mirctl("impute", "fill", "org/table", table, "--steps", "2")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[1].endswith(",x")


def test_status_compares_here_and_there(shop, mirctl, tmp_path, offline):
    ran = mirctl("hub", "status", tmp_path / "away", "org/shop", "--json")
    facts = json.loads(ran.out)
    assert facts["same"]
    assert facts["there"]["commit"] == shop
    assert facts["there"]["cached"] is None
    assert facts["here"]["digest"] == facts["there"]["digest"]
    assert "same         yes" in mirctl("hub", "status", tmp_path / "away", "org/shop").out
    names.artifact_folder("org/shop")
    offline()
    facts = json.loads(mirctl("hub", "status", "org/shop", "--json").out)
    assert facts["hub"]["offline"]
    assert facts["there"]["cached"] == shop
    assert mirctl("hub", "status", "org/shop", "org/other").code == 2
    assert mirctl("hub", "status", "nothing").code == 2


def test_a_plain_name_that_may_mean_a_table_is_not_asked_for(mirctl, hub, tmp_path):
    out = tmp_path / "out"
    assert mirctl("artifact", "merge", "parts/a", "parts/b", "--out", out).code in (3, 4)
    assert mirctl("recipe", "show", "adapt/nothing").code == 2
    assert hub.requests == []
    assert mirctl("artifact", "merge", "parts/a@main", "parts/b", "--out", out).code == 5
    assert hub.asked("models/parts/a")
