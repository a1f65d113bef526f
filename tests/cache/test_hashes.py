"""A file that did not change is hashed once; one that may have changed is hashed again."""

import os
import time

import pytest

from cache.helpers import finish, python
from mirctl import cache, files


@pytest.fixture
def old(tmp_path):
    """A file that changed long ago."""
    path = tmp_path / "data" / "a"
    files.write_text(path, "one")
    os.utime(path, (1000, 1000))
    return path


@pytest.fixture
def read(monkeypatch):
    """Names of the files that are really read."""
    names, real = [], files.sha256
    monkeypatch.setattr(files, "sha256", lambda path: names.append(path.name) or real(path))
    return names


def sha256(path):
    with cache.remembered() as known:
        return known.sha256(path)


def test_a_file_is_read_once(old, read):
    assert sha256(old) == sha256(old) == files.sha256(old)
    assert read == ["a", "a"]


@pytest.mark.parametrize("change", ["size", "time", "inode"])
def test_a_sign_of_change_makes_it_read_again(old, read, change):
    first = sha256(old)
    if change == "size":
        old.write_text("three")
        os.utime(old, (1000, 1000))
    elif change == "time":
        old.write_text("two")
        os.utime(old, (1001, 1001))
    else:
        files.write_text(old, "two")
        os.utime(old, (1000, 1000))
    assert sha256(old) != first
    assert read == ["a", "a"]


def test_a_file_that_changed_just_now_is_not_remembered(old, read):
    """It may change again within one tick of the clock, and show no sign of it."""
    os.utime(old)
    assert [sha256(old), sha256(old)] == [files.sha256(old)] * 2
    assert read == ["a", "a", "a"]


def test_a_moved_folder_is_read_again_and_gives_the_same(old, tmp_path, read):
    first = sha256(old)
    old.parent.rename(tmp_path / "moved")
    assert sha256(tmp_path / "moved" / "a") == first
    assert read == ["a", "a"]


def test_what_is_known_lies_in_the_cache_and_may_be_lost(old, read):
    sha256(old)
    assert [entry.section for entry in cache.entries()] == ["digests"]
    (record,) = cache.root().glob("digests/*/entry.json")
    record.write_text(record.read_text().replace('"files": {"a"', '"files": {"b"'))
    sha256(old)
    record.write_text("{")
    sha256(old)
    assert read == ["a"] * 3


def test_nothing_is_kept_where_the_cache_only_lets_read(old, read, no_privileges):
    cache.root().chmod(0o555)
    try:
        assert sha256(old) == sha256(old)
    finally:
        cache.root().chmod(0o755)
    assert read == ["a", "a"]
    assert list(cache.root().iterdir()) == []


def test_what_several_processes_find_is_all_kept(tmp_path, read):
    for n in range(40):
        files.write_text(tmp_path / "data" / str(n), str(n))
        os.utime(tmp_path / "data" / str(n), (1000, 1000))
    code = """
import sys
from pathlib import Path
from mirctl import cache
for n in range(int(sys.argv[2]), 40, 4):
    with cache.remembered() as known:
        known.sha256(Path(sys.argv[1]) / str(n))
"""
    workers = [python(code, tmp_path / "data", n) for n in range(4)]
    # On a busy machine one may be told that it waits for another.
    assert [finish(worker)[:2] for worker in workers] == [(0, "")] * 4
    begin = time.monotonic()
    for n in range(40):
        sha256(tmp_path / "data" / str(n))
    assert (read, time.monotonic() - begin < 5) == ([], True)
