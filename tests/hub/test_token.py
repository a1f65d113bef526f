"""The token is used, and never told."""

import json
import os
import subprocess
import sys

import pytest

from hub.conftest import TOKEN
from hub.server import Hub
from mirctl import console, masking


@pytest.fixture(params=["environment", "stored by a login"])
def token(request, hub, monkeypatch, tmp_path):
    """The token, in the environment or only in the hub library's own file."""
    if request.param != "environment":
        monkeypatch.delenv("HF_TOKEN")
        (tmp_path / "hf").mkdir(exist_ok=True)
        (tmp_path / "hf" / "token").write_text(TOKEN)
    monkeypatch.setattr(masking, "_known", set())
    return TOKEN


def echo(handler, status):
    """An answer that says again who asked, in every place that is ever shown."""
    told = f"who is {handler.headers.get('Authorization')}?"
    headers = {"X_Error_Message": told, "X_HF_Warning": f"w; {told}", "X_Request_Id": told}
    handler.reply(status, {"error": told, "warnings": [{"message": told}]}, **headers)


FAILURES = [
    (r"/(revision|branch)/", 401),
    (r"/(revision|branch)/", 400),
    ("whoami", 403),
    ("preupload", 429),
    ("batch", 500),
    ("/commit/", 413),
]


def test_no_failure_tells_it(token, made, mirctl, hub, tmp_path):
    folder = made()
    console.log_to(tmp_path / "log.txt")
    try:
        for path, status in FAILURES:
            hub.faults.clear()
            hub.fault(".", path, lambda h, status=status: echo(h, status), times=99)
            for command in (
                ("push", folder, "org/shop"),
                ("pull", "org/shop", "--out", tmp_path / "back"),
                ("status", "org/shop"),
            ):
                ran = mirctl("--debug", "hub", *command, "--json")
                assert token not in ran.out + ran.err
                assert json.loads(ran.out)
    finally:
        console.log_to(None)
    assert any(token in repr(request.headers) for request in hub.requests)
    told = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "hf"]
    assert not [path for path in told if token.encode() in path.read_bytes()]
    assert (tmp_path / "log.txt").exists()


def test_status_says_that_there_is_one_and_whose(token, mirctl, hub):
    ran = mirctl("hub", "status", "--json")
    facts = json.loads(ran.out)["hub"]
    assert facts["user"] == "ada"
    assert facts["token"] in ("HF_TOKEN", "stored by a login")
    assert facts["endpoint"] == hub.url
    assert token not in ran.out + ran.err + mirctl("hub", "status").out


def test_env_does_not_tell_it(token, mirctl):
    assert token not in mirctl("env").out + mirctl("env", "--json").out


def test_it_is_masked_whatever_prints_it(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_TOKEN", "hf_other_secret")
    console.log_to(tmp_path / "log")
    console.say("Bearer hf_other_secret")
    console.log_to(None)
    console.emit("a hf_other_secret b")
    console.document({"where": "hf_other_secret"})
    console.trace(ValueError("hf_other_secret"))
    shown = capsys.readouterr()
    everything = shown.out + shown.err + (tmp_path / "log").read_text()
    assert "hf_other_secret" not in everything
    assert everything.count("***") == 5


def test_a_short_word_is_no_token(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "model")
    assert masking.masked("the model of HF_TOKEN") == "the model of HF_TOKEN"


def test_an_unforeseen_failure_shows_no_token_in_its_traceback(tmp_path):
    code = f"""
import sys
from mirctl import cli, environment
def fail():
    headers = {{"authorization": "Bearer {TOKEN}"}}
    raise RuntimeError(f"sent {{headers}}")
environment.describe = fail
sys.argv = ["mirctl", "--debug", "env", "--json"]
cli.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_TOKEN": TOKEN},
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "RuntimeError" in json.loads(done.stdout)["error"]["message"]
    assert TOKEN not in done.stdout + done.stderr


def test_a_redirect_to_another_host_does_not_get_it(made, mirctl, hub):
    other = Hub("another")
    try:
        for path in ("/revision/", "preupload", "batch", "/commit/"):
            hub.faults.clear()
            hub.refuse(".", path, 307, times=99, Location=f"{other.url}/elsewhere")
            assert mirctl("hub", "push", made(), "org/shop").code == 5
        assert len(other.requests) >= 4
        for request in other.requests:
            assert TOKEN not in repr(request)
    finally:
        other.stop()


def test_a_place_that_the_hub_names_does_not_get_it(made, mirctl, hub):
    other = Hub("another")

    def elsewhere(handler):
        [item] = json.loads(handler.body)["objects"]
        upload = {"href": f"{hub.url}/upload/{item['oid']}"}
        actions = {"upload": upload, "verify": {"href": f"{other.url}/verify"}}
        handler.reply(200, {"objects": [{**item, "actions": actions}]})

    try:
        hub.fault("POST", "batch", elsewhere)
        assert mirctl("hub", "push", made(), "org/shop").code == 5
        assert other.asked("verify")
        assert TOKEN not in repr(other.requests)
    finally:
        other.stop()


@pytest.mark.parametrize("header", ["X_Xet_Refresh_Route", "Link"])
def test_xet_does_not_take_it_elsewhere(made, mirctl, hub, header, monkeypatch):
    """Its library has HTTP of its own, which asks again for access where the answer said."""
    other = Hub("another")
    try:
        assert mirctl("hub", "push", made(), "org/shop").code == 0
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
        place = f"{other.url}/elsewhere"
        headers = {
            "X_Xet_Hash": "0" * 64,
            "ETag": '"abc"',
            "X_Linked_Size": "100",
            "X_Repo_Commit": hub.repos["org/shop"].branches["main"],
            header: f'<{place}>; rel="xet-auth"' if header == "Link" else place,
        }
        hub.refuse("HEAD", "model.safetensors", 200, times=9, **headers)
        ran = mirctl("hub", "pull", "org/shop")
        assert ran.code == 5
        assert "elsewhere" in ran.err
        assert other.requests == []
    finally:
        other.stop()


def test_a_password_in_the_address_is_masked(hub, mirctl, monkeypatch):
    place = hub.url.replace("http://", "http://ada:verysecret@")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", place)
    for command in (("status",), ("status", "org/shop"), ("pull", "org/shop")):
        ran = mirctl("hub", *command, "--json")
        assert "verysecret" not in ran.out + ran.err
