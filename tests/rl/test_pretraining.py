import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mirctl import artifact, console
from mirctl.artifact import create
from mirctl_rl import likes, opening, taste
from mirctl_rl.config import PretrainConfig
from mirctl_rl.imagining import imagined
from mirctl_rl.preferences import FILE, KIND
from rl.learning import learner_of
from rl.worlds import random_world

QUICK = ("learn.users=8", "learn.turns=4", "width=8")
SURE = {"value": 0.6, "low": 0.5, "high": 0.7}


def judgements(world, states=120, offer=6, seed=0):
    """Of items i0 to i9 all are liked, whoever is asked."""
    rng = np.random.default_rng(seed)
    rows = {"user": [], "history": [], "item": [], "like": []}
    for _ in range(states):
        history = [world.known.items[n] for n in rng.permutation(world.known.n_items)[:4]]
        for item in rng.permutation(world.known.n_items)[:offer]:
            rows["user"].append(None)
            rows["history"].append(history)
            rows["item"].append(world.known.items[item])
            rows["like"].append(float(item < 10))
    kinds = {"user": pa.string(), "history": pa.list_(pa.string()), "item": pa.string()}
    return pa.table(rows, pa.schema(kinds | {"like": pa.float32()}))


def preferences(folder, world, table=None, **facts):
    """An artifact as a teacher leaves it."""
    told = {"catalogue": world.known.digest, "teacher": "a test", "precision": SURE, "chance": 0.2}
    with create(folder, KIND, 1) as draft:
        pq.write_table(judgements(world) if table is None else table, draft.file(FILE))
        draft.describe(**told | facts)
    return folder


def config_of(**told):
    return PretrainConfig(uses="rl/pretrain", simulator="users", **told)


@pytest.fixture
def world():
    return random_world()


@pytest.fixture
def users(made):
    return opening.load(made)


def test_a_table_says_what_an_artifact_says(world, tmp_path):
    folder = preferences(tmp_path / "prefs", world)
    table = judgements(world)
    texts = [",".join(history) for history in table["history"].to_pylist()]
    csv = tmp_path / "likes.csv"
    rows = zip(texts, table["item"].to_pylist(), table["like"].to_pylist())
    csv.write_text("history,item,like\n" + "".join(f'"{h}",{i},{v}\n' for h, i, v in rows))
    one = likes.read(config_of(preferences=str(folder)), world.known, 7)
    other = likes.read(config_of(table=csv), world.known, 7)
    for name in ("state", "history", "item", "like"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    assert one.history.shape == (120, 7)
    assert (one.history[:, :3] == world.known.n_items).all()


def test_a_learned_reward_tells_the_liked_from_the_others(world, tmp_path):
    told = likes.read(
        config_of(preferences=str(preferences(tmp_path / "p", world))), world.known, 7
    )
    learned = taste.learn(told, world, 0)
    assert learned.auc > 0.95
    history = np.full((40, 7), world.known.n_items, np.int32)
    reward = learned.reward(history, np.arange(40))
    assert reward[:10].min() > reward[10:].max()
    assert ((reward >= 0) & (reward <= 1)).all()


def test_auc_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(0)
    score, like = rng.integers(0, 9, 60).astype(float), rng.random(60)
    pairs = [
        (a > b) + 0.5 * (a == b)
        for a, liked in zip(score, like >= 0.5) if liked
        for b, other in zip(score, like >= 0.5) if not other
    ]  # fmt: skip
    assert taste.auc(score, like) == pytest.approx(np.mean(pairs))
    assert taste.auc(score, np.ones(60)) is None


class Closed:
    """What pays, but to nobody."""

    def __getattr__(self, name):
        raise AssertionError(f"hidden.{name} was read")


def test_imagined_users_never_touch_what_the_simulator_pays(world):
    object.__setattr__(world, "hidden", Closed())
    env = imagined(world, 16, lambda history, item: (item % 3 == 0) * np.float32(1), aware=True)
    learner = learner_of(world, env=env)
    console.configure(quiet=True)
    learner.learn(1_000, "imagine")
    assert 0 < np.mean(learner.curve.earned) < world.horizon


def test_imagined_users_are_paid_by_what_they_saw_before_the_item(world):
    seen = []

    def reward(history, item):
        seen.append((history.copy(), item.copy()))
        return item.astype(np.float32)

    env = imagined(world, 3, reward, aware=True)
    obs, _ = env.reset(seed=0)
    _, earned, *_ = env.step(np.array([4, 5, 6]))
    assert np.array_equal(seen[0][0], obs["items"])
    assert earned.tolist() == [4.0, 5.0, 6.0]


@pytest.mark.parametrize("aware", [True, False])
def test_only_who_knows_the_quit_rule_imagines_that_users_leave(world, aware):
    env = imagined(world, 200, lambda history, item: np.zeros(len(item), np.float32), aware=aware)
    _, infos = env.reset(seed=0)
    rng, left = np.random.default_rng(0), 0
    for _ in range(world.horizon):
        chances = rng.random(infos["action_mask"].shape) * infos["action_mask"]
        _, _, terminated, _, infos = env.step(chances.argmax(axis=1))
        left += terminated.sum()
    assert (left > 0) == aware


def test_a_policy_pretrained_on_preferences_follows_them(mirctl, made, users, tmp_path):
    folder = preferences(tmp_path / "prefs", users)
    out = tmp_path / "pre"
    told = mirctl("rl", "pretrain", made, folder, *QUICK, "learn.lr=0.02", "--steps", 4000,
                  "--out", out, "--json")  # fmt: skip
    assert told.code == 0, told.err
    assert json.loads(told.out)["metrics"]["reward.auc"]["value"] > 0.95
    facts = artifact.open_artifact(out).manifest.facts
    assert facts["catalogue"] == users.known.digest
    assert facts["method"] == "ialp"
    rows = mirctl("rl", "recommend", out, "--history", "i20,i30", "--k", 5).out.splitlines()
    assert sum(int(json.loads(row)["item_id"][1:]) < 10 for row in rows) >= 4
    assert mirctl("artifact", "verify", out).code == 0


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"precision": {"value": 0.21, "low": 0.18, "high": 0.24}}, "0.210"),
        ({"precision": {"value": 0.3, "low": 0.19, "high": 0.41}}, "0.300"),
        ({"precision": {"value": None, "low": None, "high": None}}, "nobody measured"),
        ({"precision": None}, "nobody measured"),
    ],
)
def test_a_weak_teacher_is_refused_unless_it_is_asked_for(
    mirctl, made, users, tmp_path, facts, message
):
    folder = preferences(tmp_path / "prefs", users, **facts)
    asked = ("rl", "pretrain", made, folder, *QUICK, "--steps", 64, "--out", tmp_path / "pre")
    told = mirctl(*asked)
    assert told.code == 3
    assert message in told.err
    assert "--allow-weak-teacher" in told.err
    assert not (tmp_path / "pre").exists()
    assert mirctl(*asked, "--allow-weak-teacher").code == 0


def test_a_table_needs_the_same_word_since_it_tells_of_no_precision(mirctl, made, users, tmp_path):
    table = tmp_path / "likes.parquet"
    pq.write_table(judgements(users), table)
    asked = ("rl", "pretrain", made, table, *QUICK, "--steps", 64, "--out", tmp_path / "pre")
    assert mirctl(*asked).code == 3
    assert mirctl(*asked, "--allow-weak-teacher").code == 0


def test_preferences_of_another_catalogue_are_refused(mirctl, made, users, tmp_path):
    folder = preferences(tmp_path / "prefs", users, catalogue="0" * 64)
    told = mirctl("rl", "pretrain", made, folder, "--out", tmp_path / "pre")
    assert told.code == 4
    assert "another catalogue" in told.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("history,item,like\n", "no rows"),
        ("history,item,like\ni1,i2,1\ni1,zzz,0\n", "'zzz'"),
        ("history,item,like\nzzz,i1,1\ni1,i2,0\n", "'zzz'"),
        ("history,item,like\ni1,i2,1\ni1,i3,1\n", "nothing can be learned"),
        ("history,item,like\ni1,i2,2\ni1,i3,1\n", "has 2"),
        ("history,item,like\ni1,i2,yes\ni1,i3,no\n", "numbers"),
        ("history,item,like\ni1,i2,\ni1,i3,1\n", "like"),
        ("history,item,like\ni1,,0\ni1,i3,1\n", "item"),
        ("history,like\ni1,0\n", "item"),
    ],
)
def test_tables_that_cannot_be_learned_from_are_refused(mirctl, made, tmp_path, text, message):
    (tmp_path / "likes.csv").write_text(text)
    told = mirctl("rl", "pretrain", made, tmp_path / "likes.csv", "--allow-weak-teacher",
                  "--out", tmp_path / "pre")  # fmt: skip
    assert told.code == 3
    assert message in told.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["likes.csv", "shop", "users"]
