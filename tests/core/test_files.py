import os
import time

import pytest

from mirctl import files
from mirctl.errors import UsageError


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.atomic_file(path) as file:
        file.write(b"new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_modes_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a", "x")
        with files.atomic_folder(tmp_path / "b"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("atomic", [True, False])
def test_a_folder_takes_the_place_of_the_old_one(tmp_path, monkeypatch, atomic):
    if not atomic:
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    path = tmp_path / "out"
    path.mkdir()
    (path / "manifest.json").write_text("old")
    with files.atomic_folder(path, force=True) as folder:
        (folder / "manifest.json").write_text("new")
        assert (path / "manifest.json").read_text() == "old"
    assert (path / "manifest.json").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_writer_left_goes_after_a_day(tmp_path):
    def leave(name, *, days, deep=0):
        file = tmp_path / name / "extra" / "x"
        files.write_text(file, "x")
        for path, age in ((file, deep), (file.parent, days), (file.parent.parent, days)):
            os.utime(path, (time.time() - age * files.DAY,) * 2)

    leave(".out.abcdefg_.tmp", days=2, deep=2)
    kept = [".out.abcdefgh.tmp", ".out.x.abcdefgh.tmp", ".out.abcdefgh.old", ".other.abcdefgh.tmp"]
    leave(kept[0], days=2)
    for name in kept[1:]:
        leave(name, days=2, deep=2)
    with files.atomic_folder(tmp_path / "out"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"out", *kept}


def test_force_does_not_replace_a_folder_that_is_no_artifact(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").write_text("x")
    with pytest.raises(UsageError, match="something else made it"):
        files.refuse_to_overwrite(tmp_path / "photos", force=True)


def test_a_full_disk_is_said(tmp_path):
    full = "/dev/full"
    if not os.path.exists(full):
        pytest.skip("this system has no /dev/full")
    with (
        pytest.raises(Exception, match="the disk is full"),
        files.refusals_are_errors(tmp_path),
        open(full, "wb") as file,
    ):
        file.write(b"x" * 10)
        file.flush()


def test_of_a_link_the_target_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / files.MANIFEST).write_text("old")
    (tmp_path / "link").symlink_to("real")
    with files.atomic_folder(tmp_path / "link", force=True) as folder:
        (folder / files.MANIFEST).write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / files.MANIFEST).read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def test_a_link_that_leads_nowhere_is_filled(tmp_path):
    (tmp_path / "link").symlink_to("later")
    with files.atomic_folder(tmp_path / "link") as folder:
        (folder / "x").write_text("new")
    assert (tmp_path / "later" / "x").read_text() == "new"


def test_a_place_below_a_file_is_wrong_usage(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is every folder above it a folder"):
        files.write_text(tmp_path / "file" / "x", "y")


def test_what_goes_wrong_inside_is_not_blamed_on_the_target(tmp_path):
    with pytest.raises(FileNotFoundError), files.atomic_file(tmp_path / "out"):
        (tmp_path / "no input").read_text()
    with pytest.raises(FileNotFoundError), files.atomic_folder(tmp_path / "out"):
        (tmp_path / "no input").read_text()
    assert list(tmp_path.iterdir()) == []


def test_force_replaces_no_file_by_a_folder(tmp_path):
    (tmp_path / "data.csv").write_text("mine")
    with (
        pytest.raises(UsageError, match="does not replace this file"),
        files.atomic_folder(tmp_path / "data.csv", force=True),
    ):
        pass
    assert (tmp_path / "data.csv").read_text() == "mine"


def test_endless_nesting_is_no_json():
    with pytest.raises(ValueError, match="nested too deeply"):
        files.json_value("[" * 100_000)
