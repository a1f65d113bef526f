"""An entry is the old or the new one, one writes at a time, damage is found."""

import os
import threading
import time
from pathlib import Path

import pytest

from cache.helpers import User, fill, finish, python
from mirctl import cache, files, locks
from mirctl.errors import RunError, UsageError


def test_the_root_is_where_the_environment_says(monkeypatch, tmp_path):
    assert cache.root() == Path(os.environ["MIRCTL_CACHE"])
    monkeypatch.delenv("MIRCTL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.root() == tmp_path / "mirctl"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.root() == tmp_path / ".cache" / "mirctl"


def test_an_absent_entry_reads_as_empty_and_makes_no_folder():
    entry = cache.entry("states", "abc")
    assert entry.read() == cache.Record()
    assert entry.damaged() == []
    entry.touch()
    assert not entry.folder.exists()


def test_what_was_committed_is_read_back():
    entry = fill("abc", what="states of x", a="1", b="22")
    record = cache.entry("states", "abc").read()
    assert (record.what, record.meta) == ("states of x", {"rows": 2})
    assert record.files["b"] == {"size": 2, "sha256": files.sha256(entry.folder / "b")}
    assert record.created.startswith("20")


def test_a_commit_adds_drops_and_keeps_the_rest():
    entry = fill("abc", a="1", b="2")
    files.write_text(entry.folder / "c", "3")
    entry.commit(add=["c"], drop=["a"])
    assert entry.read().files.keys() == {"b", "c"}
    assert not (entry.folder / "a").exists()
    assert entry.read().meta == {"rows": 2}
    entry.commit(meta={"new": 1})
    assert entry.read().meta == {"new": 1}
    assert entry.read().files.keys() == {"b", "c"}


def test_files_may_lie_in_folders_of_an_entry():
    entry = cache.entry("models", "pip-x-1!2.0+cpu")
    files.write_text(entry.folder / "1_Pooling" / "config.json", "{}")
    entry.commit(add=["1_Pooling/config.json"])
    assert entry.damaged() == []
    cache.prune(None, None)
    assert entry.damaged() == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", ".x", "a\\b", "a\nb", "x" * 300])
def test_a_key_names_one_folder(name):
    with pytest.raises(ValueError, match="cannot name"):
        cache.entry("states", name)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../x", "", ".x", "entry.json"])
def test_a_file_stays_in_its_entry(name):
    with pytest.raises(ValueError):
        cache.entry("states", "abc").commit(add=[name])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"files": []}',
        '{"files": {"a": 1}}',
        '{"files": {"../a": {"size": 1, "sha256": ""}}}',
        '{"files": {}, "meta": 1}',
    ],
)
def test_a_broken_record_counts_as_absent_and_is_told(capsys, text):
    entry = fill("abc", a="1")
    (entry.folder / "entry.json").write_text(text)
    assert entry.read() == cache.Record()
    assert "counts as absent" in capsys.readouterr().err
    assert entry.damaged() == ["entry.json"]
    assert [e.key for e in cache.entries()] == ["abc"]


def test_a_flipped_byte_a_cut_and_a_missing_file_are_found():
    entry = fill("abc", a="1", b="22", c="3", d="4")
    (entry.folder / "a").write_text("0")
    (entry.folder / "b").write_text("2")
    (entry.folder / "c").unlink()
    assert entry.damaged() == ["a", "b", "c"]


def test_an_entry_killed_before_the_commit_is_the_old_one():
    entry = fill("abc", a="1")
    code = """
import os
from mirctl import cache, files
entry = cache.entry("states", "abc")
with entry.lock():
    files.write_text(entry.folder / "b", "2")
    os._exit(9)
"""
    assert finish(python(code))[0] == 9
    assert entry.read().files.keys() == {"a"}
    assert entry.damaged() == []
    assert (entry.folder / "b").exists()
    cache.prune(None, None)
    assert not (entry.folder / "b").exists()
    assert entry.damaged() == []


def test_an_entry_killed_after_the_record_is_the_new_one():
    entry = fill("abc", a="1", b="2")
    code = """
import os
from pathlib import Path
from mirctl import cache
Path.unlink = lambda *_, **__: os._exit(9)
cache.entry("states", "abc").commit(drop=["a"])
"""
    assert finish(python(code))[0] == 9
    assert entry.read().files.keys() == {"b"}
    assert entry.damaged() == []
    cache.prune(None, None)
    assert not (entry.folder / "a").exists()


def test_processes_take_turns():
    code = """
from mirctl import cache
entry = cache.entry("states", "abc")
for _ in range(50):
    with entry.lock():
        entry.commit(meta={"n": entry.read().meta.get("n", 0) + 1})
"""
    workers = [python(code) for _ in range(3)]
    assert [finish(worker) for worker in workers] == [(0, "", "")] * 3
    assert cache.entry("states", "abc").read().meta == {"n": 150}


def test_threads_take_turns_and_a_holder_may_enter_again():
    entry = cache.entry("states", "abc")
    inside, most = [], []

    def work() -> None:
        for _ in range(20):
            with entry.lock(), entry.lock():
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}


def test_a_long_wait_is_told(monkeypatch, capsys):
    monkeypatch.setattr(locks, "PATIENCE", 0.1)
    entry = cache.entry("states", "abc", what="states of x")
    ready = threading.Event()

    def hold() -> None:
        with entry.lock():
            ready.set()
            time.sleep(0.4)

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait()
    with entry.lock():
        pass
    thread.join()
    assert capsys.readouterr().err.count("works on states of x") == 1


def test_a_lock_on_an_entry_removed_meanwhile_is_taken_anew():
    entry = fill("abc", a="1")
    handle = os.open(entry.folder / ".lock", os.O_RDWR)
    try:
        assert cache.remove(entry)
        with entry.lock():
            files.write_text(entry.folder / "b", "2")
            entry.commit(add=["b"])
            assert not cache.remove(entry)
    finally:
        os.close(handle)
    assert entry.damaged() == []


def test_a_writer_and_a_pruner_do_not_lose_a_commit():
    code = """
import sys, time
from mirctl import cache, files
end = time.monotonic() + 1.0
while time.monotonic() < end:
    if sys.argv[1] == "prune":
        cache.prune(0, None)
    else:
        entry = cache.entry("states", "abc")
        with entry.lock():
            files.write_text(entry.folder / "a", "1")
            entry.commit(add=["a"])
            assert entry.read().files.keys() == {"a"} and entry.damaged() == []
"""
    workers = [python(code, what) for what in ("write", "prune", "write", "prune")]
    assert [finish(worker) for worker in workers] == [(0, "", "")] * 4


def test_a_file_system_without_locks_is_an_error(monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with pytest.raises(RunError, match="MIRCTL_CACHE"), cache.entry("states", "abc").lock():
        pass


def test_a_cache_that_only_lets_read_is_readable(no_privileges):
    entry = fill("abc", a="1")
    entry.folder.chmod(0o555)
    try:
        entry.touch()
        assert entry.damaged() == []
    finally:
        entry.folder.chmod(0o755)


def test_a_root_that_is_a_file_is_told(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("MIRCTL_CACHE", str(tmp_path / "file"))
    assert list(cache.entries()) == []
    assert cache.entry("states", "abc").read() == cache.Record()
    with pytest.raises(UsageError, match="not a folder"), cache.entry("states", "abc").lock():
        pass


def test_a_writer_does_not_wait_for_those_who_read():
    entry, user = fill("abc", a="1"), User()
    with entry.lock():
        entry.keep_while(user)
    with entry.lock():
        files.write_text(entry.folder / "b", "2")
        entry.commit(add=["b"])
    assert entry.read().files.keys() == {"a", "b"}
    assert user


def test_a_root_that_leads_nowhere_is_told(monkeypatch, tmp_path):
    (tmp_path / "link").symlink_to("gone")
    monkeypatch.setenv("MIRCTL_CACHE", str(tmp_path / "link"))
    with pytest.raises(UsageError, match="is not a folder"), cache.entry("states", "abc").lock():
        pass
