"""Paths that no file can have, or that lead nowhere: clear messages, and the right exit codes."""

import os
import subprocess
import sys
import threading

import pytest

pytestmark = pytest.mark.usefixtures("any_pathlib")

LONG = "x" * 300
BYTES = os.fsdecode(b"f\xff")
RECIPE = "uses: adapt/run\ndata: {interactions: log.csv}\nmodel: {method: pop}\n"
LOG = "user_id,item_id,timestamp\n" + "".join(
    f"u{u},i{(u + t) % 7},{t}\n" for u in range(9) for t in range(5)
)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The current folder, with a recipe and its data."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "r.yaml").write_text(RECIPE)
    (folder / "log.csv").write_text(LOG)
    (folder / "loop").symlink_to("loop")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["recipe", "check", "r.yaml", "data.interactions=~nobody-here/x"], 2, "whose home"),
        (["recipe", "check", "r.yaml", f"data.interactions={LONG}"], 3, "name too long"),
        (["recipe", "check", "r.yaml", 'data.interactions="a\\0b"'], 3, "does not exist"),
        (["recipe", "check", "r.yaml", f"data.interactions={BYTES}"], 2, "is not UTF-8"),
        (["recipe", "check", LONG], 2, "name too long"),
        (["adapt", "recommend", LONG, "--all"], 4, "name too long"),
        (["artifact", "verify", LONG], 4, "name too long"),
        (["data", "check", "--interactions", LONG], 3, "name too long"),
        (["data", "check", "--from", "microlens", LONG], 3, "name too long"),
        (["adapt", "run", "r.yaml", "--out", LONG], 2, "name too long"),
        (["adapt", "run", "r.yaml", "--out", LONG[:250], "--dry-run"], 2, "name too long"),
        (["adapt", "run", "r.yaml", "--out", "loop", "--force"], 2, "symbolic links"),
        (["adapt", "run", "r.yaml", "--out", "loop/x"], 2, "symbolic links"),
        (["adapt", "run", "r.yaml", "--out", "/", "--force"], 2, "no place for a result"),
        (["adapt", "run", "r.yaml", "--out", ".", "--force"], 2, "does not replace"),
    ],
)
def test_impossible_paths_are_told(mirctl, shop, arguments, code, message):
    ran = mirctl(*arguments)
    assert (ran.code, message in ran.out + ran.err) == (code, True), ran.err
    assert sorted(os.listdir()) == ["log.csv", "loop", "r.yaml"]


@pytest.mark.parametrize("variable", ["MIRCTL_CACHE", "XDG_CACHE_HOME"])
def test_a_cache_in_nobodys_home_is_wrong_usage(mirctl, monkeypatch, variable):
    monkeypatch.delenv("MIRCTL_CACHE")
    monkeypatch.setenv(variable, "~nobody-here/x")
    ran = mirctl("cache", "ls")
    assert (ran.code, "whose home" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"./{LONG}", "name too long"),
        (f"org/{LONG}", "is no model name"),
        (f"pip:{LONG}", "write pip:PACKAGE"),
        ('"./a\\0b"', "there is no such folder"),
        ("./loop", "there is no such folder"),
    ],
)
def test_a_model_of_an_impossible_name_is_missing(mirctl, shop, name, message):
    (shop / "items.csv").write_text("item_id,title\n" + "".join(f"i{n},t\n" for n in range(7)))
    changes = ["data.items=items.csv", "model.method=frozen", f"model.text={name}"]
    ran = mirctl("adapt", "run", "r.yaml", *changes, "--out", "m")
    assert (ran.code, message in ran.err) == (5, True), ran.err


def test_a_long_name_leaves_room_for_temporary_files(mirctl, shop):
    assert mirctl("adapt", "run", "r.yaml", "--out", "x" * 247).code == 0


def test_the_folder_one_is_in_is_not_replaced(mirctl, shop, monkeypatch):
    assert mirctl("adapt", "run", "r.yaml", "--out", "m").code == 0
    monkeypatch.chdir("m")
    ran = mirctl("adapt", "run", "../r.yaml", "--out", ".", "--force")
    assert (ran.code, "the folder you are in" in ran.err) == (2, True)


def test_a_folder_whose_name_is_not_utf_8_serves_what_it_holds(mirctl, shop, monkeypatch):
    folder = shop / BYTES
    folder.mkdir()
    (folder / "r.yaml").write_text(RECIPE)
    (folder / "log.csv").write_text(LOG)
    assert mirctl("adapt", "run", folder / "r.yaml", "--out", folder / "m").code == 0
    assert mirctl("adapt", "eval", folder / "m").code == 0
    assert mirctl("adapt", "recommend", folder / "m", "--user", "u1").code == 0
    ran = mirctl("adapt", "run", folder / "r.yaml", "--out", "elsewhere")
    assert (ran.code, "data.interactions" in ran.err) == (2, True)


def test_a_folder_that_is_gone_is_told(tmp_path):
    (tmp_path / "gone").mkdir()
    command = f"cd gone; rmdir ../gone; {sys.executable} -m mirctl recipe show adapt/ml-100k"
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "is gone" in done.stderr) == (2, True), done.stderr


def test_a_pipe_among_pictures_is_no_picture(mirctl, shop):
    (shop / "items.csv").write_text("item_id,cover\ni1,i1.jpg\n")
    (shop / "pictures").mkdir()
    os.mkfifo("pictures/i1.jpg")
    arguments = ["--interactions", "log.csv", "--items", "items.csv", "--images", "pictures"]
    # Should somebody wait for the pipe, let the test fail rather than hang.
    writer = threading.Timer(20, lambda: os.close(os.open("pictures/i1.jpg", os.O_WRONLY)))
    writer.start()
    ran = mirctl("data", "check", *arguments, "--drop-unknown", "--deep", "--json")
    waited = not writer.is_alive()
    writer.cancel()
    assert (ran.code, '"unreadable_images": 1' in ran.out, waited) == (0, True, False)


def test_a_zero_byte_in_a_picture_name_is_a_lost_picture(mirctl, shop):
    (shop / "items.csv").write_text("item_id,cover\ni1,a\0b/c.jpg\ni2,d.jpg\n")
    (shop / "d.jpg").touch()
    arguments = ["--interactions", "log.csv", "--items", "items.csv", "--column", "image=cover"]
    assert mirctl("data", "check", *arguments, "--drop-unknown").code == 0
