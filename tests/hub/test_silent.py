"""A hub that says nothing, too little, or far too much."""

import threading
import time

import pytest

from hub.server import Hub
from mirctl import artifact
from mirctl.hub import http

CHUNK = b"[" + b" " * 65535


@pytest.fixture
def impatient(monkeypatch):
    """Time-outs of a fifth of a second, as the variables of the hub's library set them."""
    for name in ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"):
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", 0.2)
    monkeypatch.setattr(http, "PATIENCE", 0.5)


@pytest.fixture
def silent():
    """An answer that never comes."""
    done = threading.Event()
    yield lambda handler: done.wait(20)
    done.set()


def pour(handler, status=200, pause=0.0, most=1 << 30, chunk=CHUNK, **headers):
    """Sends a body without end, as long as somebody reads it; gives how much was taken."""
    handler.send_response(status)
    for name, value in {"Transfer_Encoding": "chunked", **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.close_connection = True
    sent = handler.server.poured = 0
    try:
        while sent < most:
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            sent += len(chunk)
            time.sleep(pause)
    except OSError:
        pass
    handler.server.poured = sent


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/revision/"), ("GET", "/tree/"), ("HEAD", "t.js"), ("GET", "t.js")],
)
def test_who_says_nothing_is_named_and_not_waited_for(
    pushed, mirctl, hub, impatient, silent, method, path
):
    hub.fault(method, path, silent, times=99)
    begin = time.monotonic()
    ran = mirctl("hub", "pull", "org/shop")
    assert ran.code == 5
    assert "127.0.0.1 said nothing for 0.2 s" in ran.err
    assert "HF_HUB_ETAG_TIMEOUT" in ran.err
    assert time.monotonic() - begin < 8


@pytest.mark.parametrize("path", ["/revision/", "preupload", "/commit/"])
def test_a_push_to_a_silent_hub_ends(made, mirctl, hub, impatient, silent, path):
    hub.fault("GET|POST", path, silent, times=99)
    ran = mirctl("hub", "push", made(), "org/shop")
    assert ran.code == 5
    assert "said nothing for" in ran.err


@pytest.mark.parametrize("path", ["/revision/", "/tree/"])
@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_in_drips_ends(pushed, mirctl, hub, impatient, path, status):
    hub.fault("GET", path, lambda h: pour(h, status, pause=0.05, chunk=b" "), times=99)
    ran = mirctl("hub", "pull", "org/shop")
    assert ran.code == 5
    assert "127.0.0.1 took over 0.5 s for one answer" in ran.err


def test_a_file_in_drips_ends(pushed, mirctl, hub, impatient, monkeypatch):
    monkeypatch.setattr(http, "LOOKS", 2)
    hub.fault("GET", "t.json", lambda h: pour(h, pause=0.05, chunk=b" "), times=99)
    ran = mirctl("hub", "pull", "org/shop")
    assert ran.code == 5
    assert "HF_HUB_DOWNLOAD_TIMEOUT" in ran.err


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/revision/", 200),
        ("GET", "/tree/", 200),
        ("GET", "/tree/", 404),
        ("GET", "/revision/", 302),
        ("GET", "manifest.json", 200),
        ("GET", "manifest.json", 500),
        ("POST", "preupload", 200),
    ],
)
def test_an_answer_without_end_is_left(made, mirctl, hub, monkeypatch, method, path, status):
    folder = made()
    assert mirctl("hub", "push", folder, "org/shop").code == 0
    monkeypatch.setattr(http, "LARGEST", 1 << 20)
    headers = {"Location": hub.url + "/elsewhere"} if status == 302 else {}
    hub.fault(method, path, lambda h: pour(h, status, **headers), times=99)
    made(w=[3.0])
    command = ("push", folder) if method == "POST" else ("pull",)
    ran = mirctl("hub", *command, "org/shop")
    assert ran.code == 5
    assert "without end" in ran.err
    assert hub.poured < 32 << 20


@pytest.mark.parametrize("page", [[], [{"type": "file", "path": "a", "size": 1, "oid": "0" * 40}]])
def test_a_listing_without_end_is_left(pushed, mirctl, hub, monkeypatch, page):
    monkeypatch.setattr(http, "LISTING_TIME", 0.3)
    link = f'<{hub.url}/api/models/org/shop/tree/x?cursor=1>; rel="next"'
    hub.fault("GET", "/tree/", lambda h: h.reply(200, page, Link=link), times=10**9)
    ran = mirctl("hub", "pull", "org/shop")
    assert ran.code == 5
    assert "took over 0.3 s for a listing" in ran.err
    monkeypatch.setattr(http, "LISTING_TIME", 600)
    monkeypatch.setattr(http, "LISTING", 500)
    ran = mirctl("hub", "pull", "org/shop")
    assert ran.code == 5


def test_a_packed_answer_is_refused(pushed, mirctl, hub):
    packed = {"Content_Encoding": "gzip"}
    hub.refuse("GET", "/revision/", 200, **packed)
    ran = mirctl("hub", "pull", "org/shop")
    assert ran.code == 5
    assert "'gzip'" in ran.err
    asked = {
        r.headers.get("Accept-Encoding", r.headers.get("accept-encoding")) for r in hub.requests
    }
    assert asked == {"identity"}


@pytest.mark.parametrize("wait", [{"Retry_After": "9" * 30}, {"RateLimit": '"api";r=0;t=86400'}])
def test_a_hub_that_wants_a_year_is_not_waited_for(pushed, mirctl, hub, waits, wait):
    hub.refuse("GET", "/tree/", 429, times=99, **wait)
    ran = mirctl("hub", "pull", "org/shop")
    assert ran.code == 5
    assert "is busy for" in ran.err
    assert waits == []


@pytest.mark.parametrize("told", [True, False])
def test_a_long_file_of_another_host_comes_whole(made, mirctl, hub, monkeypatch, tmp_path, told):
    mirctl("hub", "push", made(w=[0.5] * 1000), "org/shop")
    content = hub.files("org/shop")["model.safetensors"]
    monkeypatch.setattr(http, "LARGEST", len(content) - 1)
    store = Hub("another")
    try:
        store.fault("GET", "/blob", lambda h: h.reply(200, content))
        headers = {
            "Location": store.url + "/blob?signature=1",
            "X_Linked_Etag": "abc",
            "X_Repo_Commit": hub.repos["org/shop"].branches["main"],
        } | ({"X_Linked_Size": len(content)} if told else {})
        hub.refuse("GET|HEAD", "model.safetensors", 302, times=9, **headers)
        ran = mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back")
        assert ran.code == 0, ran.err
        assert artifact.verify(tmp_path / "back") == []
    finally:
        store.stop()
