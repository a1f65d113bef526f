"""A run's folder: one process at a time, nothing of anybody else's touched."""

import io
import os
import subprocess
import sys

import pytest
import torch

from mirctl import files, locks, run
from mirctl.errors import ArtifactError, RunError, UsageError
from mirctl.section import JobConfig

CONFIG = JobConfig(uses="x/run", device="cpu")


def start(out, **options):
    return run.start(CONFIG, out, **{"resume": False, "force": False, **options})


def test_a_second_run_into_one_place_is_refused(tmp_path):
    with start(tmp_path / "out"), pytest.raises(UsageError, match="another run is at work"):
        start(tmp_path / "out", force=True).__enter__()


def test_the_first_run_is_not_disturbed_by_the_second(tmp_path):
    with start(tmp_path / "out") as first:
        first.save_checkpoint({"x": 1})
        with pytest.raises(UsageError):
            start(tmp_path / "out", force=True).__enter__()
        assert first.load_checkpoint() == {"x": 1}


def test_a_killed_run_holds_nothing(tmp_path):
    code = (
        "import os, sys; from pathlib import Path\n"
        "from mirctl import run; from mirctl.section import JobConfig\n"
        "config = JobConfig(uses='x/run', device='cpu')\n"
        "with run.start(config, Path(sys.argv[1]), resume=False, force=False) as r:\n"
        "    r.save_checkpoint({'x': 1}); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "out"], check=False)
    assert done.returncode == -9
    with start(tmp_path / "out", resume=True) as again:
        assert again.load_checkpoint() == {"x": 1}
    assert os.listdir(tmp_path) == []


def test_a_file_system_without_locks_is_told_and_used(tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with start(tmp_path / "out") as works:
        works.save_checkpoint({"x": 1})
    assert "no locks" in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_checkpoint_on_a_full_disk_is_told(tmp_path, monkeypatch):
    with start(tmp_path / "out") as works:
        full = io.FileIO("/dev/full", "wb")
        monkeypatch.setattr(files.os, "fdopen", lambda *_: full)
        with pytest.raises(RunError, match="the disk is full"):
            works.save_checkpoint({"x": torch.zeros(100_000)})
        monkeypatch.undo()


def test_starting_over_clears_the_old_folder(tmp_path):
    with pytest.raises(KeyboardInterrupt), start(tmp_path / "out") as first:
        first.save_checkpoint({"x": 1})
        (first.work / "more").mkdir()
        raise KeyboardInterrupt
    with start(tmp_path / "out", force=True) as second:
        assert second.load_checkpoint() is None
        assert not (second.work / "more").exists()


def test_another_version_does_not_go_on(tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt), start(tmp_path / "out") as first:
        first.save_checkpoint({"x": 1})
        raise KeyboardInterrupt
    monkeypatch.setattr(run, "__version__", "99")
    with pytest.raises(UsageError, match="changed since"):
        start(tmp_path / "out", resume=True).__enter__()


def test_somebody_else_s_folder_stays_as_it_was(tmp_path):
    theirs = tmp_path / "out.partial"
    theirs.mkdir()
    (theirs / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match="in the way"):
        start(tmp_path / "out").__enter__()
    assert os.listdir(theirs) == ["mine.txt"]


def test_a_damaged_note_is_told(tmp_path):
    with pytest.raises(KeyboardInterrupt), start(tmp_path / "out") as first:
        first.save_checkpoint({"x": 1})
        (first.work / run.NOTE).write_text("{")
        raise KeyboardInterrupt
    with pytest.raises(ArtifactError, match="damaged"):
        start(tmp_path / "out", resume=True).__enter__()


def test_a_place_taken_while_the_inputs_are_hashed_costs_no_run(tmp_path, monkeypatch):
    def taken(work):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "x").write_text("theirs")
        return real(work)

    real = run._only_run_in
    monkeypatch.setattr(run, "_only_run_in", taken)
    with pytest.raises(UsageError, match="exists already"):
        start(tmp_path / "out").__enter__()
    assert not (tmp_path / "out.partial").exists()


def test_an_input_found_on_the_way_must_be_the_same_again(tmp_path):
    with pytest.raises(KeyboardInterrupt), start(tmp_path / "out") as first:
        first.note_input("pictures", "a")
        first.save_checkpoint({"x": 1})
        raise KeyboardInterrupt
    with (
        start(tmp_path / "out", resume=True) as second,
        pytest.raises(UsageError, match="pictures"),
    ):
        second.note_input("pictures", "b")


def test_a_link_stands_for_what_it_leads_to(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "latest").symlink_to("deep/model")
    with start(tmp_path / "latest") as made:
        assert made.out == tmp_path / "deep" / "model"


def test_force_replaces_what_a_job_makes_and_nothing_else(tmp_path):
    table = tmp_path / "out.csv"
    table.write_text("old")
    with pytest.raises(UsageError, match="the result is a folder"):
        start(table, force=True).__enter__()
    with start(table, force=True, makes="table") as made:
        made.out.write_text("new")
    assert table.read_text() == "new"
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="the result is a file"):
        start(tmp_path / "folder", force=True, makes="table").__enter__()
