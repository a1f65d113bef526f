"""`fuse serve` as a process: it is stopped, and a browser opens its page."""

import json
import shutil
import signal
import subprocess
import urllib.request
from urllib.parse import quote

import pytest

from fuse.runs import HOSTILE
from fuse.serving.processes import started

pytest.importorskip("fastapi")

BROWSER = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-sync", "--disable-background-networking", "--disable-component-update",
    "--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom",
]  # fmt: skip


def got(address):
    with urllib.request.urlopen(address, timeout=30) as answer:
        return json.load(answer)


def test_it_may_be_interrupted_as_soon_as_it_is_there(index):
    with started(index) as (process, _):
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


def test_it_answers_until_it_is_interrupted(index):
    with started(index) as (process, address):
        assert got(f"{address}/health") == {"status": "ok", "items": 30}
        body = json.dumps({"query": {"text": "one toy"}, "k": 2}).encode()
        kind = {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{address}/search", body, kind)
        assert len(got(asked)["results"]) == 2
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""
        process.wait(timeout=60)


def test_a_browser_opens_the_page_and_searches(index, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no chromium here: apt-get install chromium")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    with started(index) as (_, address):
        page = f"{address}/?by:text={quote('one heat toy')}&k=30"
        ran = subprocess.run([browser, *BROWSER, profile, page], capture_output=True, text=True,
                             timeout=120)  # fmt: skip
    assert "30 results, best first" in ran.stdout
    assert ran.stdout.count('class="picture') == 30
    assert "one heat toy" in ran.stdout
    assert HOSTILE.split("<b>")[0] not in ran.stdout, "a title is text"
    assert "&lt;b&gt;bold&lt;/b&gt; &amp;amp; toy" in ran.stdout
    assert "caught" not in ran.stdout.partition("&lt;img")[0]
    assert "CONSOLE" not in ran.stderr
