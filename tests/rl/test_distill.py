"""`rl distill` from the command line: what a model says becomes preferences, whatever it says."""

import json
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import damage
from llm_server import Say, Server
from mirctl import artifact
from mirctl.conformance.running import run
from mirctl.errors import ArtifactError
from mirctl.llm import pace
from mirctl_rl import opening, preferences
from rl.asked import by_title, first, on_offer, says
from rl.conftest import QUICK, shop

CONTROLS = ("random", "popular", "oracle", "adversarial")
HASTE = ("llm.tries=2", "llm.at_once=1")


@pytest.fixture
def serve(monkeypatch):
    """Starts servers, which end with the test; nobody waits long for them."""
    monkeypatch.setattr(pace, "FIRST_WAIT", 0.01)
    servers = []

    def start(script=None):
        servers.append(Server(script))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def users(tmp_path_factory):
    """A small simulator; nobody changes it."""
    folder = tmp_path_factory.mktemp("users")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIRCTL_CACHE", str(folder / "cache"))
        shown = ("rl", "simulate", shop(folder / "shop"), *QUICK, "--out", folder / "users")
        assert run(*shown).code == 0
    return folder / "users"


@pytest.fixture
def distill(mirctl, users, tmp_path):
    """`rl distill` of a small simulator's users."""

    def distilled(llm, *told, out="likes", states=30):
        named = ("--llm", llm, "--states", states, "--out", tmp_path / out, "--json")
        return mirctl("rl", "distill", users, *told, *named)

    return distilled


def metrics(done):
    return {name: e["value"] for name, e in json.loads(done.out)["metrics"].items()}


def rows(folder):
    return pq.read_table(folder / preferences.FILE).to_pylist()


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_says_what_users_like(distill, users, tmp_path, control):
    done = distill(control)
    assert done.code == 0, done.err
    known = opening.load(users).known
    found = rows(tmp_path / "likes")
    assert {row["user"] for row in found} <= set(known.users)
    assert {row["item"] for row in found} <= set(known.items)
    assert {row["like"] for row in found} == {0.0, 1.0}
    for row in found:
        own = [known.items[n] for n in own_items(known, row["user"])]
        assert len(row["history"]) > 0
        assert set(row["history"]) <= set(own)
    facts = artifact.open_artifact(tmp_path / "likes").manifest.facts
    assert (facts["catalogue"], facts["teacher"]) == (known.digest, control)
    assert facts["precision"] == json.loads(done.out)["metrics"]["precision"]
    assert artifact.verify(tmp_path / "likes") == []
    assert preferences.load(tmp_path / "likes").table.num_rows == len(found)


def own_items(known, user):
    place = known.users.index(user)
    return known.item[known.offsets[place] : known.offsets[place + 1]]


def test_the_oracle_is_right_more_often_than_who_knows_nothing(distill):
    found = {name: metrics(distill(name, out=name, states=400)) for name in CONTROLS}
    for measure in ("precision", "rated.precision"):
        value = {name: own[measure] for name, own in found.items()}
        assert value["oracle"] > value["random"] + 0.1 > value["adversarial"] + 0.15
    assert found["oracle"]["precision"] > 0.4
    assert found["random"]["chance"] == pytest.approx(0.2)
    assert found["random"]["oracle.precision"] == found["oracle"]["precision"]


def test_titles_teach_where_they_tell_of_taste(distill, bert):
    done = distill("text", f"text={bert}")
    assert done.code == 0, done.err
    assert distill("text+popular", f"text={bert}", out="both").code == 0


def test_a_model_is_asked_and_what_it_names_is_liked(distill, users, serve, tmp_path):
    server = serve(by_title)
    done = distill(server.url)
    assert done.code == 0, done.err
    known = opening.load(users).known
    titles = dict(zip(known.items, known.titles))
    assert len(server.asked) == 30
    found = rows(tmp_path / "likes")
    for request in server.asked:
        offer = on_offer(request)
        assert f"- {offer[0]}" in request["messages"][-1]["content"]
    liked = [titles[row["item"]] for row in found if row["like"]]
    assert sorted(liked) == sorted(json.loads(by_title(r, 0).text)["like"] for r in server.asked)
    told = metrics(done)
    assert (told["answered"], told["missed"], told["tokens"]) == (1, 0, 30 * 15)


def test_what_is_asked_and_learned_does_not_depend_on_the_late_half(mirctl, serve, tmp_path):
    server, asked, tables = serve(by_title), [], []
    for name, late in (("a", None), ("b", lambda rating: 6 - rating)):
        users, out = tmp_path / f"{name}-users", tmp_path / f"{name}-likes"
        log = shop(tmp_path / name, late=late)
        assert mirctl("rl", "simulate", log, *QUICK, "--out", users).code == 0
        for teacher in (f"{server.url}{name}", "popular", "random"):
            told = ("--llm", teacher, "--states", 20, "--out", out, "--force")
            done = mirctl("rl", "distill", users, *told, *HASTE)
            assert done.code == 0, done.err
            tables.append((out / preferences.FILE).read_bytes())
        asked.append([request["messages"] for request in server.asked])
        server.asked.clear()
    assert tables[:3] == tables[3:]
    assert asked[0] == asked[1]


def test_the_same_seed_asks_the_same_and_another_one_something_else(distill, serve, tmp_path):
    server = serve(first)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert distill(server.url, f"seed={seed}", out=name).code == 0
    a, b, c = (
        [(tmp_path / n / file).read_bytes() for file in ("metrics.json", preferences.FILE)]
        for n in "abc"
    )
    assert a == b != c
    assert len(server.asked) == 60


def test_more_states_ask_only_what_is_new(distill, serve):
    server = serve(first)
    assert distill(server.url).code == 0
    assert distill(server.url, states=40, out="more").code == 0
    assert len(server.asked) == 40


WRONG = {
    "nothing": Say(""),
    "prose": Say("I think this person would like a nice film."),
    "half an object": Say('{"like": "Dra', finish="length"),
    "another key": Say('{"title": "Drama film 0"}'),
    "a list": Say('{"like": ["Drama film 0"]}'),
    "a number": Say('{"like": 7}'),
    "null": Say('{"like": null}'),
    "a title without end": says("x" * 5000),
    "a title that is not on offer": says("The Godfather"),
    "an empty title": says(""),
    "a refusal": Say("I cannot help with that.", message={"refusal": "no"}),
    "a thought without end": Say("<think>Drama film 0 or"),
    "a web page": Say(raw=b"<html>busy</html>"),
    "an error": Say("overloaded", status=500),
    "too long a prompt": Say("context length exceeded", status=400),
    "half an answer": Say(drop=True),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_counted_and_the_others_are_kept(distill, serve, tmp_path, name):
    odd = set()

    def one_wrong(request, n):
        asked = request["messages"][3]["content"]
        if not odd:
            odd.add(asked)
        return WRONG[name] if asked in odd else first({"messages": request["messages"][:4]}, n)

    done = distill(serve(one_wrong).url, *HASTE, states=8)
    assert done.code == 0, done.err
    facts = artifact.open_artifact(tmp_path / "likes").manifest.facts
    assert facts["answered"] == 7
    assert facts["missed"] + facts["rejected"] == 1
    assert facts["unasked"] == 0


@pytest.mark.parametrize("name", ["nothing", "prose", "a title that is not on offer", "a refusal"])
def test_nothing_but_wrong_answers_make_no_preferences(distill, serve, tmp_path, name):
    done = distill(serve(lambda request, n: WRONG[name]).url, states=5)
    assert done.code == 1
    assert "try another model, or another prompt" in done.err
    assert json.loads(done.out)["error"]["code"] == 1
    assert list(tmp_path.glob("likes*")) == []


@pytest.mark.parametrize(
    ("say", "told"),
    [
        (Say("bad key", status=401), "check the key"),
        (Say("no such model", status=404), "check the address"),
        (Say("busy", status=503), "is in trouble"),
        (Say(drop=True), "broke off"),
        (Say(delay=0.6), "gave no answer in 0.3 s"),
    ],
)
def test_a_server_that_answers_nothing_is_missing(distill, serve, tmp_path, say, told):
    done = distill(serve(lambda request, n: say).url, *HASTE, "llm.timeout=0.3", states=4)
    assert (done.code, told in done.err) == (5, True), done.err
    assert list(tmp_path.glob("likes*")) == []


def test_a_server_that_is_not_there_is_missing(distill, serve):
    server = serve()
    server.stop()
    begun = time.monotonic()
    done = distill(server.url, *HASTE, states=4)
    assert (done.code, "cannot be reached" in done.err) == (5, True), done.err
    assert time.monotonic() - begun < 5


def test_what_was_answered_before_a_server_went_is_kept(distill, serve, tmp_path):
    server = serve(lambda request, n: first(request, n) if n < 6 else Say("down", status=503))
    done = distill(server.url, *HASTE, states=20)
    assert (done.code, "6 answers are kept" in done.err) == (5, True), done.err
    assert not (tmp_path / "likes").exists()
    asked = len(server.asked)
    server.script = first
    assert distill(server.url, *HASTE, states=20).code == 0
    assert len(server.asked) - asked == 14


def test_a_budget_ends_it_and_more_of_it_goes_on(distill, serve, tmp_path):
    server = serve(first)
    done = distill(server.url, "llm.budget_requests=5", *HASTE)
    assert done.code == 0, done.err
    assert "budget of 5 requests is used up" in done.err
    facts = artifact.open_artifact(tmp_path / "likes").manifest.facts
    assert (facts["answered"], facts["unasked"], facts["rejected"]) == (5, 25, 0)
    assert metrics(done)["answered"] == pytest.approx(5 / 30)
    done = distill(server.url, "--tokens", 500, "llm.max_tokens=20", *HASTE, out="more")
    found = artifact.open_artifact(tmp_path / "more").manifest.facts
    assert 0 < found["unasked"] < 30
    assert found["answered"] + found["unasked"] == 30
    assert distill(server.url, *HASTE, "--force").code == 0
    assert distill(server.url, "--tokens", 5, *HASTE, out="again").code == 0  # it is all known
    none = distill(server.url, "--tokens", 5, "seed=1", *HASTE, out="none")
    assert (none.code, "a larger budget" in none.err) == (1, True), none.err


def test_a_gate_that_is_missed_is_exit_1_and_the_preferences_stay(distill, tmp_path):
    done = distill("random", "--require", "precision>=0.9")
    assert done.code == 1
    assert (tmp_path / "likes").is_dir()
    assert distill("random", "--require", "accuracy>=0.9", out="no").code == 2


def test_another_prompt_is_another_question(distill, serve, tmp_path):
    server = serve(first)
    prompt = tmp_path / "mine.txt"
    prompt.write_text('History{scale}:\n{history}\nOn offer:\n{offer}\nAs {"like": "..."}')
    assert distill(server.url).code == 0
    assert distill(server.url, "--prompt", prompt, out="mine").code == 0
    assert len(server.asked) == 60
    first_, mine = (artifact.open_artifact(tmp_path / n) for n in ("likes", "mine"))
    assert first_.manifest.facts["prompt"] != mine.manifest.facts["prompt"]
    assert mine.text(preferences.PROMPT) == prompt.read_text()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("On offer: {offer}", "lacks {history}"),
        ("{history}", "lacks {offer}"),
        ("{history} {offer} {genre}", "field {genre} is unknown"),
        ("", "is empty"),
    ],
)
def test_a_prompt_that_asks_nothing_is_refused(distill, serve, tmp_path, text, told):
    server = serve(first)
    (tmp_path / "mine.txt").write_text(text)
    done = distill(server.url, "--prompt", tmp_path / "mine.txt")
    assert (done.code, told in done.err) == (2, True), done.err
    assert server.asked == []


def test_what_cannot_be_is_refused(mirctl, users, tmp_path):
    def distill(*told, env=users):
        done = mirctl("rl", "distill", env, "--out", tmp_path / "no", *told)
        assert not (tmp_path / "no").exists()
        return done.code, done.err

    assert distill()[0] == 2
    assert distill("--llm", "random", "--tokens", "7")[0] == 2
    assert distill("--llm", "random", "states=0")[0] == 2
    assert distill("--llm", "nowhere/nobody")[0] == 5
    code, told = distill("--llm", "randon")
    assert (code, "did you mean 'random'" in told) == (2, True)
    assert distill("--llm", tmp_path)[0] == 5
    assert distill("--llm", "random", env=tmp_path / "gone")[0] == 4
    assert distill("--llm", "random", "--prompt", tmp_path / "gone.txt")[0] == 2
    assert distill("--llm", "http://localhost:1/v1#m", "--prompt", tmp_path / "gone.txt")[0] == 3
    code, told = distill("--llm", "http://me:key@localhost/v1#m")
    assert (code, "key@" in told) == (2, False)


def test_nobody_is_asked_in_a_rehearsal(mirctl, users, serve, tmp_path):
    server = serve(first)
    done = mirctl(
        "rl", "distill", users, "--llm", server.url, "--out", tmp_path / "no", "--dry-run"
    )
    assert done.code == 0, done.err
    assert server.asked == []
    assert not (tmp_path / "no").exists()


def test_items_without_titles_are_no_question_for_a_model(mirctl, films, serve, tmp_path):
    items = films / "items.csv"
    lines = [line.split(",") for line in items.read_text().splitlines()]
    items.write_text("\n".join(f"{item},{genres}" for item, _, genres in lines))
    users = tmp_path / "users"
    assert mirctl("rl", "simulate", films, *QUICK, "--out", users).code == 0
    server = serve(first)
    for teacher, code in ((server.url, 3), ("text", 3), ("random", 0)):
        done = mirctl("rl", "distill", users, "--llm", teacher, "--out", tmp_path / "likes")
        assert (done.code, "no titles" in done.err) == (code, bool(code)), done.err
    assert server.asked == []


def test_where_nobody_knows_the_user_none_is_named(mirctl, films, tmp_path):
    users, out = tmp_path / "users", tmp_path / "likes"
    assert mirctl("rl", "simulate", films, *QUICK, "--env", "ml-seq", "--out", users).code == 0
    done = mirctl("rl", "distill", users, "--llm", "oracle", "--states", 50, "--out", out)
    assert done.code == 0, done.err
    assert {row["user"] for row in rows(out)} == {None}
    assert max(map(len, done.out.splitlines())) <= 80


def test_a_local_model_names_titles(distill, tmp_path):
    from mirctl.testing.models import save_writer

    done = distill(save_writer(tmp_path / "writer"), "llm.max_tokens=200", states=3)
    assert done.code in (0, 1)
    assert "not on offer" in done.err or done.code == 0


def test_distill_as_a_step_goes_on_to_who_learns(mirctl, users, tmp_path):
    recipe = tmp_path / "rl.yaml"
    recipe.write_text(
        f"steps:\n  likes: {{uses: rl/distill, simulator: {users}, teacher: popular, states: 20}}\n"
    )
    assert mirctl("run", recipe, "--out", tmp_path / "work").code == 0
    assert preferences.load(tmp_path / "work" / "likes").facts["teacher"] == "popular"


def changed(**columns):
    def rewrite(folder):
        path = folder / preferences.FILE
        table = pq.read_table(path).to_pydict()
        pq.write_table(pa.table({**table, **{n: f(table[n]) for n, f in columns.items()}}), path)

    return rewrite


DAMAGE = {
    "gone": damage.gone(preferences.FILE),
    "no table": damage.text(preferences.FILE, "no parquet"),
    "no rows": changed(**{n: lambda old: [] for n in ("user", "history", "item", "like")}),
    "likes beyond 1": changed(like=lambda old: [2.0, *old[1:]]),
    "likes of nan": changed(like=lambda old: [float("nan"), *old[1:]]),
    "no item": changed(item=lambda old: [None, *old[1:]]),
    "a hole in a history": changed(history=lambda old: [[None], *old[1:]]),
    "likes in words": changed(like=lambda old: ["much"] * len(old)),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_preferences_are_said_to_be(distill, mirctl, tmp_path, name):
    assert distill("random", states=5).code == 0
    DAMAGE[name](tmp_path / "likes")
    damage.seal(tmp_path / "likes")
    with pytest.raises(ArtifactError):
        preferences.load(tmp_path / "likes")
