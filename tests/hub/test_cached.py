"""Artifacts of the hub in the cache: several at work, stops, pruning, a read-only cache."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mirctl import artifact
from mirctl.hub import artifacts


def test_several_that_want_one_artifact_fetch_it_once(pushed, hub):
    with ThreadPoolExecutor(4) as pool:
        folders = {pulled.folder for pulled in pool.map(artifacts.pull, ["org/shop"] * 4)}
    assert len(folders) == 1
    assert artifact.verify(folders.pop()) == []
    assert len(hub.asked("GET .*resolve.*model.safetensors")) == 1


def test_a_stop_leaves_nothing_half_and_the_next_try_goes_on(pushed, mirctl, hub, tmp_path):
    def stop(handler):
        handler.cut(b"half", 10_000, ETag='"x"')
        os.kill(os.getpid(), signal.SIGINT)

    hub.fault("GET", "model.safetensors", stop)
    ran = mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back")
    assert ran.code == 130
    assert not (tmp_path / "back").exists()
    assert [path.name for path in tmp_path.iterdir() if "back" in path.name] == []
    assert artifacts.cached("org/shop", "main") is None
    assert mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back").code == 0
    assert artifact.verify(tmp_path / "back") == []
    assert len(hub.asked("GET .*resolve.*metrics.json")) == 1


def test_the_cache_lists_it_and_keeps_it_while_it_is_used(pushed, mirctl, hub):
    _, commit = pushed
    assert mirctl("artifact", "verify", "org/shop").code == 0
    assert f"org/shop@{commit}" in mirctl("cache", "ls").out
    assert mirctl("cache", "verify").code == 0
    mirctl("cache", "prune", "--all")
    assert artifacts.cached("org/shop", commit) == commit
    artifacts._kept = artifacts._Kept()  # nobody uses it any more
    mirctl("cache", "prune", "--all")
    assert artifacts.cached("org/shop", commit) is None
    assert mirctl("artifact", "verify", "org/shop").code == 0


def test_one_that_lost_a_file_is_fetched_again(pushed, mirctl, hub):
    folder = artifacts.pull("org/shop").folder
    (folder / "metrics.json").unlink()
    assert mirctl("artifact", "verify", "org/shop").code == 0
    assert len(hub.asked("GET .*resolve.*model.safetensors")) <= 2


def test_a_cache_that_only_lets_read_is_enough(pushed, mirctl, offline, own_cache, no_privileges):
    assert mirctl("hub", "pull", "org/shop").code == 0
    offline()
    folders = [own_cache, *(path for path in own_cache.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert mirctl("artifact", "verify", "org/shop").code == 0
        assert mirctl("hub", "pull", "org/shop").code == 0
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_what_cannot_be_written_is_told(made, mirctl, hub, own_cache, no_privileges):
    own_cache.chmod(0o555)
    try:
        assert mirctl("hub", "push", made(), "org/shop").code == 0
        ran = mirctl("hub", "pull", "org/shop")
        assert ran.code == 2
        assert "permission" in ran.err
    finally:
        own_cache.chmod(0o755)


def test_handles_do_not_pile_up(pushed):
    artifacts.pull("org/shop")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        artifacts.artifact_folder("org/shop")
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.slow
def test_a_pull_that_was_killed_left_nothing_half(pushed, mirctl, hub, tmp_path):
    asked, killed = threading.Event(), threading.Event()

    def stall(handler):
        content = hub.files("org/shop")["model.safetensors"]
        handler.reply(200, content[:50], ETag='"x"', Content_Length=len(content))
        asked.set()
        killed.wait(60)

    hub.fault("GET", "model.safetensors", stall)
    command = [
        sys.executable,
        "-m",
        "mirctl",
        "hub",
        "pull",
        "org/shop",
        "--out",
        tmp_path / "back",
    ]
    settings = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hf")}
    process = subprocess.Popen(
        command, env={**os.environ, **settings}, cwd=tmp_path, stderr=subprocess.DEVNULL
    )
    assert asked.wait(60)
    process.kill()
    process.wait()
    killed.set()
    assert artifacts.cached("org/shop", "main") is None
    assert not (tmp_path / "back").exists()
    assert mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back").code == 0
    assert artifact.verify(tmp_path / "back") == []
    assert len(hub.asked("GET .*resolve.*metrics.json")) == 1
    entry = artifacts.pull("org/shop").folder
    assert not (entry / ".cache").exists()
