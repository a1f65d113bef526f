"""Small results by the content that they came from."""

import hashlib

import pytest

from mirctl import cache
from mirctl.cache import kept
from mirctl.cache.kept import Kept


def results(start, count):
    """Keys and results of every length, none among them."""
    numbers = range(start, start + count)
    return {hashlib.sha256(b"%d" % n).digest(): b"%d" % n * (n % 4) for n in numbers}


def opened():
    return Kept("words", "a" * 64, "results")


def test_what_was_added_is_found_before_it_is_written_and_after(mirctl_cache):
    added, other = results(0, 50), results(50, 5)
    first = opened()
    first.add(added)
    assert first.find([*added, *other]) == added
    first.commit()
    assert first.new == {}
    assert first.find([*other, *added]) == added
    assert opened().find([*reversed(added), *other]) == added
    assert opened().find([]) == opened().find(list(other)) == {}


def test_results_of_no_bytes_are_results(mirctl_cache):
    first = opened()
    first.add({b"k" * 32: b""})
    first.commit()
    assert opened().find([b"k" * 32]) == {b"k" * 32: b""}


def test_a_known_row_takes_sixteen_bytes_however_much_it_holds(mirctl_cache):
    first = opened()
    first.add({hashlib.sha256(b"%d" % n).digest(): b"x" * 1000 for n in range(100)})
    first.commit()
    (rows,) = opened().rows.values()
    assert rows.order.nbytes + rows.heads.nbytes == 1600
    assert not rows.bytes.flags.owndata
    assert not rows.keys.flags.owndata


def test_small_files_are_joined_in_groups_and_large_ones_left(mirctl_cache, monkeypatch):
    monkeypatch.setattr(kept, "SMALL", 3000)
    first, every = opened(), {}
    for start, count in ((0, 200), *((1000 + 10 * n, 10) for n in range(12))):
        first.add(results(start, count))
        first.commit()
        every |= results(start, count)
    large = next(name for name, rows in first.rows.items() if len(rows.order) == 200)
    first.compact()
    assert large in first.rows
    assert len(first.rows) == len(list(mirctl_cache.glob("words/*/*.safetensors"))) < 6
    assert first.find(list(every)) == opened().find(list(every)) == every


def test_many_results_are_written_before_their_time(mirctl_cache, monkeypatch):
    monkeypatch.setattr(kept, "SMALL", 100)
    first = opened()
    first.add({b"k" * 32: b"x" * 100})
    assert not first.rows
    first.add({b"l" * 32: b"x"})
    assert len(first.rows) == 1
    assert not first.new


def test_where_nothing_may_be_written_results_stay_in_memory(mirctl_cache, monkeypatch):
    monkeypatch.setattr(cache.Entry, "only_reads", lambda self: True)
    first = opened()
    first.add(results(0, 5))
    first.commit()
    first.compact()
    assert first.find(list(results(0, 5))) == results(0, 5)


@pytest.mark.parametrize("most_files", [0, 8])
def test_what_another_process_joined_meanwhile_is_not_lost(mirctl_cache, monkeypatch, most_files):
    monkeypatch.setattr(kept, "MOST_FILES", most_files)
    one, other = opened(), opened()
    for start in range(0, 60, 10):
        one.add(results(start, 5))
        one.commit()
        other.add(results(start + 5, 5))
        other.commit()
        one.compact()
    every = results(0, 60)
    assert opened().find(list(every)) == every
    for own, start in ((one, 0), (other, 5)):
        written = {k: v for n in range(start, 60, 10) for k, v in results(n, 5).items()}
        assert own.find(list(written)) == written


def test_a_key_is_told_from_one_that_begins_as_it_does(mirctl_cache):
    first = opened()
    first.add({b"same start" + b"a" * 22: b"a"})
    first.commit()
    assert opened().find([b"same start" + b"b" * 22]) == {}
