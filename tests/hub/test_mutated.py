"""Answers of the hub changed at random: what comes is whole, or nothing is there and it is told."""

import json
import shutil
from random import Random

import pytest

from hub.server import Handler

ODD = [None, True, -1, 1e308, 2**70, "", "../x", "x" * 5000, [], {}, [[]], "\x1b[2J", "0" * 40]
HEADERS = ["", "-1", "x" * 300, "../y", 'W/""', "9" * 20, "\x7f"]
STATUSES = [200, 204, 206, 301, 302, 304, 307, 400, 401, 404, 409, 416, 429, 500, 503]


def places(value, path=()):
    """Paths to everything in a JSON value."""
    items = list(value.items()) if isinstance(value, dict) else []
    items += list(enumerate(value)) if isinstance(value, list) else []
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


def changed(rng, content):
    """One value of a JSON text replaced or removed; of all else a byte changed, or some cut out."""
    try:
        tree = json.loads(content)
        *above, last = rng.choice(places(tree)[1:])
    except (ValueError, IndexError):
        begin = rng.randrange(len(content) + 1)
        return content[:begin] + rng.choice([b"", b"\xff"]) + content[begin + rng.randint(0, 20) :]
    node = tree
    for key in above:
        node = node[key]
    if rng.random() < 0.75:
        node[last] = rng.choice(ODD)
    else:
        del node[last]
    return json.dumps(tree).encode()


@pytest.fixture
def lying(hub, monkeypatch):
    """From now on one answer in ten is another one."""
    honest = Handler.reply

    def begin(rng):
        def reply(handler, status, content=b"", **headers):
            if not isinstance(content, bytes):
                content = json.dumps(content).encode()
                headers.setdefault("Content_Type", "application/json")
            how = rng.choice(["body", "body", "header", "status"]) if rng.random() < 0.1 else None
            if how == "body":
                content = changed(rng, content)
            elif how == "header":
                name = rng.choice([*headers, "ETag", "Location", "X_Repo_Commit", "Link"])
                headers[name] = rng.choice(HEADERS)
            elif how == "status":
                status = rng.choice(STATUSES)
            return honest(handler, status, content, **headers)

        monkeypatch.setattr(Handler, "reply", reply)

    yield begin
    monkeypatch.setattr(Handler, "reply", honest)


def try_hub(mirctl, hub, lying, folder, tmp_path, own_cache, *, seed, count):
    rng = Random(seed)
    lying(rng)
    for n in range(count):
        out = tmp_path / f"back-{n}"
        pull = ("pull", "org/shop", "--out", out)
        line = rng.choice([pull, pull, ("status", "org/shop"), ("push", folder, f"org/new-{n}")])
        ran = mirctl("hub", *line)
        assert ran.code in ((0, 1, 2, 5) if line[0] == "push" else (0, 4, 5)), ran
        assert "bug in mirctl" not in ran.err
        assert "\x1b" not in ran.err
        if line == pull:
            assert out.exists() == (ran.code == 0)
            assert ran.code or mirctl("artifact", "verify", out).code == 0
        for cache in (own_cache / "hub", tmp_path / "hf"):
            shutil.rmtree(cache, ignore_errors=True)


@pytest.mark.parametrize(
    ("seed", "count"), [(0, 40), pytest.param(1, 1000, marks=pytest.mark.slow)]
)
def test_an_answer_changed_at_random_is_refused_or_does_no_harm(
    made, mirctl, hub, lying, tmp_path, own_cache, seed, count
):
    folder = made()
    assert mirctl("hub", "push", folder, "org/shop").code == 0
    try_hub(mirctl, hub, lying, folder, tmp_path, own_cache, seed=seed, count=count)
