"""A limit of time ends what takes longer, and leaves other limits as they were."""

import signal
import threading
import time

import pytest

from mirctl import stopping


def test_what_takes_longer_ends_and_what_is_in_time_does_not():
    with stopping.within(5):
        pass
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match=r"took longer than 0\.05 s"), stopping.within(0.05):
        time.sleep(9)
    assert time.monotonic() - begin < 5


def test_the_limit_around_it_stays():
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match=r"0\.1 s"), stopping.within(0.1):
        with stopping.within(9):
            pass
        time.sleep(9)
    assert time.monotonic() - begin < 5
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_in_another_thread_there_is_no_limit():
    done = []

    def work():
        with stopping.within(0.01):
            time.sleep(0.05)
        done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1]


class Stopped:
    def __set_name__(self, owner, name):
        raise KeyboardInterrupt


def test_ctrl_c_is_known_though_python_wraps_it_while_a_class_is_made():
    with pytest.raises((RuntimeError, KeyboardInterrupt)) as told:
        type("Made", (), {"part": Stopped()})
    assert stopping.interrupted(told.value)
    assert not stopping.interrupted(ValueError("no"))


def test_a_command_that_python_stops_so_is_interrupted(mirctl, monkeypatch):
    def stopped(*arguments, **options):
        raise RuntimeError("Error calling __set_name__") from KeyboardInterrupt()

    monkeypatch.setattr("mirctl.recipe_list.listing", stopped)
    assert mirctl("recipe", "list").code == 130
