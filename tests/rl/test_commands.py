import json
import sys

import numpy as np
import pytest

import damage
from mirctl import artifact
from mirctl_rl import agents, measuring, opening
from mirctl_rl.policies import reference
from rl.conftest import QUICK, shop

ENVIRONMENTS = ("ml-rating", "ml-seq")


def test_a_log_becomes_a_simulator_that_reports_all_references(mirctl, films, tmp_path):
    out = tmp_path / "users"
    told = mirctl("rl", "simulate", films, *QUICK, "--out", out)
    assert max(map(len, told.out.splitlines())) <= 80
    done = mirctl("rl", "simulate", films, *QUICK, "--out", out, "--force", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)["metrics"]
    for name in ("random", "popularity", "mf", "mf-aware", "oracle"):
        assert found[f"{name}.cumulative"]["low"] <= found[f"{name}.cumulative"]["value"]
    assert found["fit.early_on_late"]["value"] < found["fit.sd"]["value"]
    assert 0 <= found["ranks.changed"]["value"] <= 1
    assert artifact.verify(out) == []
    assert mirctl("artifact", "verify", out).code == 0


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_a_saved_simulator_pays_what_it_paid_when_it_was_made(mirctl, films, tmp_path, env):
    out = tmp_path / "users"
    told = mirctl("rl", "simulate", films, *QUICK, "--env", env, "--out", out, "--json")
    made = json.loads(told.out)["metrics"]
    again = mirctl("rl", "eval", "mf", out, "--episodes", 40, "--json")
    assert again.code == 0, again.err
    found = json.loads(again.out)["metrics"]
    assert found["cumulative"] == made["mf.cumulative"]
    assert found["oracle.cumulative"] == made["oracle.cumulative"]


def test_the_same_seed_makes_the_same_simulator(mirctl, films, tmp_path):
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder, seed in zip(folders, (1, 1, 2)):
        mirctl("rl", "simulate", films, *QUICK, "--seed", seed, "--out", folder)
    a, b, c = ((f / "metrics.json").read_bytes() for f in folders)
    assert a == b != c
    hidden = [(f / "hidden.safetensors").read_bytes() for f in folders[:2]]
    assert hidden[0] == hidden[1]


@pytest.mark.parametrize("env", ENVIRONMENTS)
@pytest.mark.parametrize("reward", ["top-fifth", "deviation", "raw"])
def test_nothing_an_agent_sees_depends_on_the_late_half(mirctl, tmp_path, env, reward):
    """Late items and ratings are others; what is known stays byte for byte, what pays does not."""
    logs = [shop(tmp_path / "a"), shop(tmp_path / "b", late=lambda rating: 6 - rating)]
    rows = (logs[1] / "interactions.csv").read_text().split("\n")
    late = [n for n, row in enumerate(rows) if row and row.split(",")[-1] >= "1014" and n]
    for n in late:  # another item, which keeps the pair out of the first log, too
        user, item, rating, time = rows[n].split(",")
        rows[n] = f"{user},i{(int(item[1:]) * 7 + 3) % 40},{rating},{time}"
    (logs[1] / "interactions.csv").write_text("\n".join(rows))
    worlds = []
    for log in logs:
        out = tmp_path / f"{log.name}-users"
        done = mirctl("rl", "simulate", log, *QUICK, f"reward={reward}", "--env", env, "--out", out)
        assert done.code == 0, done.err
        worlds.append(opening.load(out))
    files = [(tmp_path / f"{log.name}-users" / "known.safetensors").read_bytes() for log in logs]
    assert files[0] == files[1]
    pays = [world.hidden.rewards.table for world in worlds]
    assert not np.array_equal(*pays)
    one, other = worlds
    assert one.known.items == other.known.items
    assert np.array_equal(one.known.offsets, other.known.offsets)
    seen = [first_sight(world) for world in worlds]
    assert all(np.array_equal(seen[0][name], seen[1][name]) for name in seen[0])


def first_sight(world):
    from mirctl_rl.vector import UsersEnv

    obs, infos = UsersEnv(world, 50).reset(seed=3)
    told = {**obs, **infos}
    for name in ("popularity", "popularity-aware", "mf", "mf-aware"):
        policy = reference(name, world)
        told[name] = policy.act(obs, infos["action_mask"], np.random.default_rng(0))
    return told


def test_a_table_alone_serves_where_genres_are_not_asked_for(mirctl, films, tmp_path):
    done = mirctl("rl", "simulate", films / "interactions.csv", *QUICK, "--out", tmp_path / "u")
    assert done.code == 3
    assert "no item has a genre" in done.err


def test_titles_bore_where_nothing_is_rated(mirctl, films, tmp_path, bert):
    out = tmp_path / "users"
    told = (*QUICK, f"text={bert}", "slate=15", "--env", "scientific")
    done = mirctl("rl", "simulate", films, *told, "--out", out)
    assert done.code == 0, done.err
    world = opening.load(out)
    assert world.slate == 15
    assert mirctl("rl", "eval", "random", out, "--episodes", 20).code == 0


def test_a_class_of_ones_own_makes_an_environment(mirctl, films, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "from mirctl_rl.boredom import Genres\n"
        "from mirctl_rl.building import Plan\n"
        "from mirctl_rl.factors import Cells, Factors\n"
        "class Loud:\n"
        "    bad = 0.0\n"
        "    def __init__(self, log, config):\n"
        "        self.log = log\n"
        "    def plan(self):\n"
        "        users, items = len(self.log.users), len(self.log.items)\n"
        "        cells = lambda h: Cells(h.user, h.item, h.value, (users, items))\n"
        "        table = np.random.default_rng(0).normal(size=(items, 2))\n"
        "        loud = Factors(np.arange(users * 2.0).reshape(users, 2) + self.bad, table)\n"
        "        return Plan(cells, lambda cells: loud, Genres(np.eye(items)), 0.0, 1.0)\n"
        "class Broken(Loud):\n"
        "    bad = np.nan\n"
        "class Odd(Loud):\n"
        "    def plan(self):\n"
        "        return 7\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    out = tmp_path / "users"
    done = mirctl("rl", "simulate", films, *QUICK, "--env", "mine:Loud", "--out", out)
    assert done.code == 0, done.err
    assert opening.load(out).env == "mine:Loud"
    for name, code, told in (
        ("mine:Broken", 3, "no finite numbers"),
        ("mine:Odd", 2, "gave a int"),
        ("mine:Gone", 5, "cannot be imported"),
        ("nowhere:Loud", 5, "cannot be imported"),
        ("loud", 2, "module:Class"),
    ):
        done = mirctl("rl", "simulate", films, *QUICK, "--env", name, "--out", tmp_path / "no")
        assert (done.code, told in done.err) == (code, True), done.err
        assert not (tmp_path / "no").exists()


BAD = {
    "a rating is nan": ("u0,i1,nan,5\n", "", 3, "row"),
    "a rating is a word": ("u0,i1,good,5\n", "", 3, "expected to hold numbers"),
    "an item nobody lists": ("u0,i999,3,5\n", "", 3, "i999"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_named(mirctl, films, tmp_path, name):
    row, change, code, told = BAD[name]
    with (films / "interactions.csv").open("a") as file:
        file.write(row)
    out = tmp_path / "users"
    done = mirctl("rl", "simulate", films, *QUICK, *filter(None, [change]), "--out", out)
    assert (done.code, told in done.err) == (code, True), done.err
    assert not out.exists()


def test_empty_logs_and_users_without_history_are_told(mirctl, films, tmp_path):
    log = films / "interactions.csv"
    rows = log.read_text().splitlines()
    out = tmp_path / "users"
    log.write_text(rows[0] + "\n")
    done = mirctl("rl", "simulate", films, *QUICK, "--out", out)
    assert (done.code, "no rows" in done.err) == (3, True), done.err
    log.write_text("\n".join([rows[0], "a,i1,3,1", "b,i2,4,1", "c,i3,5,1"]))
    done = mirctl("rl", "simulate", films, *QUICK, "--out", out)
    assert (done.code, "no user has two" in done.err) == (3, True), done.err
    log.write_text("\n".join([*rows, "lonely,i1,3,1"]))
    done = mirctl("rl", "simulate", films, *QUICK, "--out", out)
    assert done.code == 0
    assert "left out: 1 user" in done.err
    assert "lonely" not in opening.load(out).known.users


@pytest.mark.parametrize(
    ("told", "code", "message"),
    [
        (["quit.threshold=6"], 2, "never reached"),
        (["horizon=41"], 2, "repeats=true"),
        (["slate=99"], 2, "there are 40 items"),
        (["history=3"], 2, "shorter than quit.window"),
        (["data.rating=stars"], 3, "no column 'stars'"),
        (["reward=best"], 2, "reward"),
        (["completion.ridge=0"], 2, "ridge"),
        (["completion.ridge=99999"], 3, "tell no tastes apart"),
    ],
)
def test_settings_that_cannot_be_are_refused(mirctl, films, tmp_path, told, code, message):
    done = mirctl("rl", "simulate", films, *QUICK, *told, "--out", tmp_path / "users")
    assert (done.code, message in done.err) == (code, True), done.err
    assert not (tmp_path / "users").exists()


def test_without_gymnasium_the_way_to_it_is_told(mirctl, films, tmp_path, monkeypatch):
    from mirctl_rl import jobs

    monkeypatch.setattr(jobs, "find_spec", lambda name: None)
    for told in (["simulate", films, "--out", tmp_path / "u"], ["eval", "mf", films]):
        done = mirctl("rl", *told)
        assert (done.code, "pip install 'mirctl[rl]'" in done.err) == (5, True), done.err


def test_eval_prints_the_references_beside_and_fits_a_terminal(mirctl, made):
    done = mirctl("rl", "eval", "popularity", made, "--episodes", 50)
    assert done.code == 0, done.err
    for name in ("random", "popularity", "mf", "oracle"):
        assert f"\n{name} " in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    missed = mirctl("rl", "eval", "random", made, "--episodes", 50, "--require", "average>=0.9")
    assert missed.code == 1
    assert mirctl("rl", "eval", "mf", made, "--require", "averag>=0").code == 2


def test_eval_as_a_step_writes_a_table(mirctl, films, tmp_path):
    quick = ", ".join(pair.replace("=", ": ") for pair in QUICK if "." not in pair)
    recipe = tmp_path / "rl.yaml"
    recipe.write_text(
        "steps:\n"
        f"  users: {{uses: rl/simulate, data: {{interactions: {films}/interactions.csv, "
        f"items: {films}/items.csv}}, {quick}}}\n"
        "  scores: {uses: rl/eval, policy: mf-aware, simulator: {step: users}, episodes: 30}\n"
    )
    done = mirctl("run", recipe, "--out", tmp_path / "work")
    assert done.code == 0, done.err
    rows = (tmp_path / "work" / "scores.csv").read_text().splitlines()
    assert rows[0] == "metric,value,low,high,n,unit"
    assert rows[1].startswith("cumulative,")


def test_a_policy_of_another_catalogue_is_refused(mirctl, made, tmp_path, monkeypatch):
    world = opening.load(made)
    for name, facts in {
        "other": {"catalogue": "0" * 64, "method": "last"},
        "unknown": {"catalogue": world.known.digest, "method": "dreams"},
        "fits": {"catalogue": world.known.digest, "method": "last"},
    }.items():
        with artifact.create(tmp_path / name, agents.KIND) as draft:
            draft.describe(**facts)
    monkeypatch.setitem(measuring.LOADERS, "last", f"{__name__}:Last")
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Last.__module__])
    told = {name: mirctl("rl", "eval", tmp_path / name, made, "--episodes", 20)
            for name in ("other", "unknown", "fits")}  # fmt: skip
    assert (told["other"].code, "another catalogue" in told["other"].err) == (4, True)
    assert (told["unknown"].code, "dreams" in told["unknown"].err) == (4, True)
    assert told["fits"].code == 0, told["fits"].err
    assert "\nlast " in told["fits"].out
    assert mirctl("rl", "eval", made, made).code == 4
    assert mirctl("rl", "eval", "nobody", made).code == 2


class Last:
    """Shows the last item that is still to be had."""

    name = "last"

    def __init__(self, art, world):
        self.world = world

    def act(self, obs, mask, rng):
        return mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)


FACTS = "extra/simulator.json"


def fact(**changes):
    def rewrite(folder):
        found = json.loads((folder / FACTS).read_text())
        (folder / FACTS).write_text(json.dumps({**found, **changes}))

    return rewrite


def nan(name, tensor):
    return tensor / 0 if tensor.is_floating_point() else tensor


DAMAGE = {
    "no facts": damage.text(FACTS, "{}"),
    "no table": damage.text("extra/users.parquet", "no parquet"),
    "gone": damage.gone("extra/items.parquet"),
    "rewards of nan": damage.tensors("hidden", nan),
    "a tensor gone": damage.tensors("known", lambda n, t: None if n == "item" else t),
    "an item beyond": damage.tensors("known", lambda n, t: t + 40 if n == "item" else t),
    "fewer users": damage.tensors("hidden", lambda n, t: t[:-1] if n == "threshold" else t),
    "unsorted pairs": damage.tensors("hidden", lambda n, t: t.flip(0) if n == "observed" else t),
    "other kinds": damage.tensors("known", lambda n, t: t + 7 if n == "kinds" else t),
    "a slate too large": fact(slate=41),
    "a short history": fact(history=2),
    "rewards upside down": fact(reward={"rule": "raw", "low": 1.0, "high": 0.0}),
    "rows of items": fact(moves=True),
    "nobody named": fact(names_users=False),
    "titles without a cut": fact(kinds="titles"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_damaged_is_said_to_be(mirctl, made, name):
    DAMAGE[name](made)
    damage.seal(made)
    done = mirctl("rl", "eval", "mf", made, "--episodes", 5)
    assert done.code == 4, done.err
    assert "bug" not in done.err


def test_what_is_not_there_is_said_not_to_be(mirctl, tmp_path):
    assert mirctl("rl", "eval", "mf", tmp_path / "gone").code == 4
    assert mirctl("rl", "simulate", tmp_path / "gone", "--out", tmp_path / "users").code == 2
    (tmp_path / "empty").mkdir()
    done = mirctl("rl", "simulate", tmp_path / "empty", "--out", tmp_path / "users")
    assert (done.code, "holds no interactions" in done.err) == (3, True)
