"""What a run cost: phases, rates, and the parts of a run that was interrupted."""

import time

import pytest
import torch

from mirctl.efficiency import Meter, together


def spend(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_a_phase_tells_its_time_and_its_rate():
    with Meter() as meter:
        with meter.phase("work") as phase:
            spend(0.02)
            phase.items = 10
        report = meter.report()
    part = report["phases"]["work"]
    assert part["seconds"] >= 0.02
    assert part["items_per_second"] == pytest.approx(10 / part["seconds"])
    assert report["seconds"] >= part["seconds"]


def test_a_phase_that_comes_twice_adds_up():
    with Meter() as meter:
        for _ in range(2):
            with meter.phase("work") as phase:
                phase.items = 3
    assert meter.report()["phases"]["work"]["items"] == 6


def test_a_phase_that_did_nothing_has_no_rate():
    with Meter() as meter, meter.phase("work"):
        pass
    assert "items_per_second" not in meter.report()["phases"]["work"]


def test_a_resumed_run_tells_what_all_its_parts_spent():
    with Meter() as first, first.phase("train"):
        spend(0.05)
        saved = first.state()
        spend(0.05)  # lost with the kill
    with Meter() as second:
        with second.phase("train"):
            second.go_on(saved)
            spend(0.02)
        report = second.report()
    assert report["parts"] == 2
    assert 0.07 <= report["phases"]["train"]["seconds"] < 0.1
    assert 0.07 <= report["seconds"] < 0.1


def test_a_figure_that_cannot_be_read_is_null(monkeypatch):
    monkeypatch.setattr("mirctl.efficiency._cpu_energy", lambda: None)
    with Meter() as meter:
        assert meter.report()["energy_joules"] == {"cpu": None}


def test_energy_of_the_parts_adds_up(monkeypatch):
    joules = iter([10.0, 14.0, 100.0, 101.0])
    monkeypatch.setattr("mirctl.efficiency._cpu_energy", lambda: next(joules))
    first = Meter()
    saved = first.state()
    second = Meter()
    second.go_on(saved)
    assert second.report()["energy_joules"] == {"cpu": pytest.approx(4 + 1)}


def test_a_counter_that_began_anew_is_not_believed(monkeypatch):
    joules = iter([10.0, 4.0])
    monkeypatch.setattr("mirctl.efficiency._cpu_energy", lambda: next(joules))
    assert Meter().report()["energy_joules"] == {"cpu": None}


def test_a_cuda_run_tells_the_energy_of_its_card(monkeypatch):
    joules = iter([1000.0, 1250.0])
    monkeypatch.setattr("mirctl.efficiency._cuda_energy", lambda device: next(joules))
    monkeypatch.setattr("torch.cuda.max_memory_allocated", lambda device: 7)
    monkeypatch.setattr("torch.cuda.reset_peak_memory_stats", lambda device: None)
    state = Meter(torch.device("cuda")).state()
    assert state["joules"]["cuda"] == pytest.approx(250)
    assert state["peak_cuda"] == 7


def spent(seconds, cpu, items=0, *, peak=0, joules=None, shared=False):
    one = {"seconds": seconds, "cpu_seconds": cpu, "items": items, "shared": shared}
    return {
        "total": {**one, "items": 0},
        "joules": joules or {},
        "peak": peak,
        "peak_cuda": 2 * peak,
        "parts": 1,
        "phases": {"work": one},
    }


def test_of_several_processes_sums_and_the_largest_are_told():
    first = spent(10.0, 4.0, 7, peak=100, joules={"cpu": 5.0, "cuda": 1.0})
    found = together([first, spent(9.0, 3.0, 7, peak=300, joules={"cuda": 2.5})])
    assert (found["total"]["seconds"], found["total"]["cpu_seconds"]) == (10.0, 7.0)
    assert (found["peak"], found["peak_cuda"]) == (300, 600)
    assert found["joules"] == {"cpu": 5.0, "cuda": 3.5}
    assert found["phases"]["work"]["items"] == 7


def test_items_that_processes_share_add_up():
    found = together([spent(1.0, 1.0, 7, shared=True), spent(1.0, 1.0, 6, shared=True)])
    assert found["phases"]["work"]["items"] == 13


def test_one_energy_that_cannot_be_read_leaves_the_sum_unknown():
    found = together([spent(1.0, 1.0, joules={"cuda": j}) for j in (1.0, None)])
    assert found["joules"] == {"cuda": None}


def test_what_one_process_spent_is_what_it_spent():
    one = spent(3.0, 2.0, 5, peak=8, joules={"cpu": 1.5})
    assert together([one]) == one
