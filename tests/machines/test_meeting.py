"""Processes that wait for each other hear why one of them does not come."""

import json
import time
from datetime import timedelta
from threading import Thread

import pytest
from torch.distributed import PrefixStore, TCPStore

from impute.conftest import csv_text, holes, rows
from mirctl import distributed, meeting
from mirctl.errors import MissingError, RunError, UsageError
from mirctl.meeting import ElsewhereError, Failure
from processes import by_hand, free_port

SMALL = ["model.width=8", "model.heads=1", "train.epochs=1", "train.epoch_rows=64"]


@pytest.fixture
def one_of_three(monkeypatch):
    """Makes this process one of three; gives the port where they meet."""
    port = free_port()
    told = {"WORLD_SIZE": 3, "LOCAL_WORLD_SIZE": 3, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}

    def be(rank, **more):
        for key, value in {**told, "RANK": rank, "LOCAL_RANK": rank, **more}.items():
            monkeypatch.setenv(key, str(value))
        distributed.begin()
        return port

    monkeypatch.setattr(meeting, "_store", None)
    monkeypatch.setattr(meeting, "_met", 0)
    yield be
    monkeypatch.undo()
    distributed.begin()


def other(port):
    """What another process of the three has in hand."""
    store = TCPStore("127.0.0.1", port, 3, False, timedelta(seconds=20), wait_for_workers=False)
    return PrefixStore("mirctl///0", store)


def test_those_that_do_not_come_are_named(one_of_three):
    port = one_of_three(0, MIRCTL_MEETING=1)

    def come():
        store = other(port)
        store.set("here/1", "")
        store.add("here", 1)

    Thread(target=come).start()
    with pytest.raises(RunError, match=r"^process 2 of 3 did not come within 1 s"):
        meeting.come()


def test_nobody_is_there(one_of_three):
    port = one_of_three(2, MIRCTL_MEETING=0.3)
    told = rf"^process 0 cannot be reached at 127.0.0.1:{port} within 0.3 s"
    with pytest.raises(RunError, match=told):
        meeting.come()


def test_a_failure_elsewhere_ends_the_waiting_with_its_message_and_code(one_of_three):
    port = one_of_three(0)
    failure = Failure(MissingError.code, "no weights", "org/name", 2)
    Thread(target=lambda: other(port).set("failed", failure.text())).start()
    with pytest.raises(ElsewhereError) as raised:
        meeting.come()
    assert (raised.value.code, raised.value.rank) == (5, 2)
    assert str(raised.value) == "org/name: no weights"
    assert failure.document()["message"] == "process 2: no weights"


def test_all_go_on_once_all_have_come(one_of_three):
    port = one_of_three(0)
    Thread(target=lambda: other(port).add("here", 2)).start()
    meeting.come().set("key", "of the next meeting")
    assert not other(port).check(["key"])


def test_only_what_the_first_process_does_not_say_is_left_to_say(one_of_three):
    port = one_of_three(0)
    mine, theirs = Failure(3, "lost", "t.csv", 0), Failure(3, "lost", "t.csv", 1)
    assert meeting.settled(mine) == (mine, False)
    one_of_three(1)  # the store is still the first one's
    assert meeting.settled(theirs) == (theirs, True)
    unlike = Failure(3, "lost", "u.csv", 1)
    assert meeting.settled(unlike) == (unlike, False)
    assert other(port).add("heard", 0) == 2


def test_a_lost_process_is_explained_by_what_it_said(one_of_three):
    port = one_of_three(0)
    failure = Failure(2, "has another recipe", None, 2)
    Thread(target=lambda: other(port).set("failed", failure.text())).start()
    lost = Failure(1, distributed.LOST, None, 0)
    assert meeting.settled(lost) == (failure, False)


def test_the_first_process_stays_until_all_have_heard(one_of_three):
    port = one_of_three(0)
    failure = Failure(2, "wrong", None, 0)
    meeting.settled(failure)

    def hear():
        time.sleep(0.3)
        other(port).add("heard", 2)

    Thread(target=hear).start()
    begin = time.monotonic()
    meeting.leave(failure)
    assert 0.2 < time.monotonic() - begin < 4


@pytest.mark.parametrize("seconds", ["x", "0", "-1", "nan", "1e99"])
def test_a_limit_that_is_no_time_is_refused(one_of_three, seconds):
    one_of_three(0, MIRCTL_MEETING=seconds)
    with pytest.raises(UsageError, match="MIRCTL_MEETING="):
        meeting.come()


@pytest.mark.parametrize("port", ["", "x", "70000"])
def test_a_place_that_is_none_is_refused(one_of_three, port):
    one_of_three(0, MASTER_PORT=port)
    with pytest.raises(UsageError, match=r"says no place to meet .*start it with torchrun"):
        meeting.come()


@pytest.mark.slow
def test_a_failure_of_one_process_ends_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(csv_text(rows(90), holes(90)))
    lines = [["impute", "fit", name, *SMALL, "--out", "new", "--json"] for name in ("t.csv", "no")]
    (first, out, told), (second, nothing, silence) = by_hand(*lines)
    assert (first, second, nothing, silence) == (3, 3, "", "")
    assert told.startswith("process 1: error: ")
    assert told.count("no: no such file") == 1
    assert json.loads(out)["error"]["message"].startswith("process 1: ")
    for ended in (by_hand(lines[1], lines[0]), by_hand(lines[1], lines[1])):
        assert [code for code, _, _ in ended] == [3, 3]
        assert "".join(err for _, _, err in ended).count("no: no such file") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.slow
def test_a_process_that_never_starts_does_not_keep_the_others_for_long(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(csv_text(rows(90), holes(90)))
    line = ["impute", "fit", "t.csv", *SMALL, "--out", "new"]
    ended = by_hand(line, None, line, MIRCTL_MEETING="15")
    assert [code for code, _, _ in ended] == [1, 1]
    assert "".join(err for _, _, err in ended).count("process 1 of 3 did not come within 15 s") == 1
