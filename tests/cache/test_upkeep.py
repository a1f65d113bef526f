"""The whole cache is listed, verified and pruned, and what is in use stays."""

import json

import pytest

from cache.helpers import User, fill, finish, python
from mirctl import cache, console, files


def test_touching_moves_an_entry_to_the_end_of_the_line():
    fill("a", age=100, x="1")
    fill("b", age=50, x="1")
    cache.entry("states", "a").touch()
    assert [item.entry.key for item in cache.usage()] == ["b", "a"]


def test_pruning_by_age_removes_what_was_not_used():
    fill("old", age=100, x="1")
    fill("new", x="1")
    (removed,) = cache.prune(None, 50)
    assert (removed.entry.key, removed.size > 0) == ("old", True)
    assert [entry.key for entry in cache.entries()] == ["new"]
    assert sorted(path.name for path in cache.root().iterdir()) == ["states"]


def test_pruning_by_size_removes_the_least_recently_used_first():
    for age, key in ((30, "c"), (20, "b"), (10, "a")):
        fill(key, age=age, x="1" * 1000)
    assert [item.entry.key for item in cache.prune(2800, None)] == ["c"]
    assert cache.prune(2800, None) == []


def test_pruning_leaves_an_entry_in_use():
    entry = fill("abc", age=100, x="1")
    fill("other", age=10, x="1")
    with entry.lock():
        files.write_text(entry.folder / "unfinished", "2")
        assert [item.entry.key for item in cache.prune(0, 1)] == ["other"]
    assert entry.damaged() == []
    assert (entry.folder / "unfinished").exists()


def test_pruning_leaves_what_is_used_while_it_looks(monkeypatch):
    entry = fill("abc", age=100, x="1")
    listed = cache.usage()
    monkeypatch.setattr(cache.upkeep, "usage", lambda: listed)
    entry.touch()
    assert cache.prune(0, None) == []
    assert entry.damaged() == []


def test_a_dry_run_of_pruning_removes_nothing():
    fill("abc", age=100, x="1")
    assert len(cache.prune(0, None, dry_run=True)) == 1
    assert len(list(cache.entries())) == 1


def test_pruning_removes_unfinished_entries_and_earlier_removals():
    with cache.entry("states", "unfinished").lock():
        pass
    files.write_text(cache.root() / "states" / "never-locked" / "a", "1")
    (cache.root() / ".removed-x" / "abc").mkdir(parents=True)
    fill("whole", x="1")
    removed = {item.entry.key for item in cache.prune(None, None)}
    assert removed == {"unfinished", "never-locked"}
    assert [path.name for path in cache.root().iterdir()] == ["states"]


def test_ls_lists_entries_for_people_and_programs(mirctl):
    assert mirctl("cache", "ls").code == 0
    entry = fill("abc", what="states of x", a="1" * 5000)
    fill("def", age=7300, b="1")
    ran = mirctl("cache", "ls")
    assert [line.split()[0] for line in ran.out.splitlines()[1:]] == ["states/abc", "states/def"]
    assert ran.out.splitlines()[1].endswith("  states of x")
    assert " 5.2 kB " in ran.out
    assert "2 h 1 min ago" in ran.out
    found = json.loads(mirctl("cache", "ls", "--json").out)
    assert found["entries"][0]["what"] == "states of x"
    assert found["entries"][0]["bytes"] == cache.size(entry)
    assert found["bytes"] == sum(item["bytes"] for item in found["entries"])


def test_ls_cuts_long_digests_for_people_only(mirctl):
    fill("ab" * 32, a="1")
    assert "states/abababababab... " in mirctl("cache", "ls").out
    assert json.loads(mirctl("cache", "ls", "--json").out)["entries"][0]["key"] == "ab" * 32


def test_du_adds_up_each_section(mirctl):
    assert mirctl("cache", "du").out == ""
    fill("abc", a="1" * 5000)
    fill("def", b="1" * 3000)
    with cache.entry("models", "m").lock():
        pass
    found = json.loads(mirctl("cache", "du", "--json").out)
    by_section = {item["section"]: item for item in found["sections"]}
    assert by_section["states"]["entries"] == 2
    assert by_section["states"]["bytes"] == sum(map(cache.size, cache.entries()))
    assert found["bytes"] == by_section["states"]["bytes"]
    lines = mirctl("cache", "du").out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["models", "1"], ["states", "2"]]


def test_verify_exits_4_until_fixed(mirctl):
    entry = fill("abc", a="1", b="2")
    fill("whole", a="1")
    assert mirctl("cache", "verify").code == 0
    (entry.folder / "a").write_text("0")
    ran = mirctl("cache", "verify")
    assert (ran.code, "states/abc: damaged: a" in ran.err) == (4, True)
    found = json.loads(mirctl("cache", "verify", "--json").out)
    assert found["error"]["code"] == 4
    assert [(item["key"], item["files"]) for item in found["damaged"]] == [("abc", ["a"])]
    fixed = mirctl("cache", "verify", "--fix")
    assert (fixed.code, "entry removed" in fixed.err) == (0, True)
    assert "whole" in mirctl("cache", "verify").out
    assert [entry.key for entry in cache.entries()] == ["whole"]


def test_prune_reads_ages_and_sizes(mirctl):
    fill("old", age=3 * 86400, x="1" * 2000)
    fill("new", x="1" * 2000)
    dry = json.loads(mirctl("cache", "prune", "--older-than", "2d", "--dry-run", "--json").out)
    assert (dry["dry_run"], [item["key"] for item in dry["removed"]]) == (True, ["old"])
    ran = mirctl("cache", "prune", "--max-size", "3kB")
    assert (ran.out.split()[0], "1 entry" in ran.err) == ("states/old", True)
    assert mirctl("cache", "prune", "--all").out.startswith("states/new")
    assert list(cache.entries()) == []


@pytest.mark.parametrize(
    "arguments", [("--older-than", "30"), ("--older-than", "x"), ("--max-size", "-1GB")]
)
def test_an_age_or_size_that_is_none_is_wrong_usage(mirctl, arguments):
    fill("abc", x="1")
    ran = mirctl("cache", "prune", *arguments)
    assert ran.code == 2
    assert "as in" in ran.err
    assert len(list(cache.entries())) == 1


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (4_200_000, "4.2 MB"), (7 * 10**12, "7 TB")],
)
def test_sizes_read_as_people_say_them(count, text):
    assert console.size_text(count) == text


def test_the_cache_is_listed_without_heavy_imports():
    code = "import sys; from mirctl import cache; print([m for m in ('torch', 'numpy', 'pydantic')"
    worker = python(code + " if m in sys.modules])")
    assert finish(worker) == (0, "[]\n", "")


def test_what_is_in_use_stays_until_its_user_is_gone():
    entry, user = fill("abc", a="1"), User()
    with entry.lock():
        entry.keep_while(user)
    assert not cache.remove(entry)
    assert cache.prune(0, None) == []
    assert entry.damaged() == []
    del user
    assert [item.entry.key for item in cache.prune(0, None)] == ["abc"]
