"""Folders from elsewhere that hold links: nothing outside is written, emptied or removed."""

import json
import os
from pathlib import Path

import pytest

from mirctl import artifact, cache, files
from mirctl.errors import DataError, UsageError
from mirctl.inputs import Input

RECIPE = "uses: adapt/run\ndata: {interactions: log.csv}\nmodel: {method: pop}\n"
STEPS = """
steps:
  fit: {uses: adapt/run, data: {interactions: log.csv}, model: {method: pop}}
  more:
    uses: adapt/recommend
    model: {step: fit}
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The current folder, with recipes and data."""
    rows = [f"u{u},i{(u + t) % 7},{t}\n" for u in range(9) for t in range(5)]
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\n" + "".join(rows))
    (tmp_path / "r.yaml").write_text(RECIPE)
    (tmp_path / "p.yaml").write_text(STEPS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def outside(tmp_path, tmp_path_factory):
    """What must stay as it is: a file, and a folder that looks like an unfinished run."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "mine").write_text("mine")
    for name in ("run", "model"):
        (folder / name).mkdir()
        (folder / name / "precious").write_text("mine")
    (folder / "run" / "run.json").write_text("{}")
    (folder / "run" / "checkpoint.pt").write_text("x")
    (folder / "model" / "manifest.json").write_text("{}")

    def state():
        found = {
            p: (p.stat().st_mtime_ns, p.is_file() and p.read_bytes()) for p in folder.rglob("*")
        }
        return found, os.listdir(folder)

    before = state()
    yield folder
    assert state() == before


def link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


@pytest.mark.parametrize("mode", ["--force", "--resume"])
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("out.partial", "run"),
        ("out.partial", "nothing"),
        ("out.partial/log.txt", "mine"),
        ("out.partial/.lock", "nothing"),
        ("out.partial/old", "run"),
        ("out.partial/old/deep", "run"),
    ],
)
def test_a_link_in_an_unfinished_run_is_refused(mirctl, shop, outside, mode, name, target):
    link(shop / name, outside / target)
    if name != "out.partial":
        (shop / "out.partial" / "run.json").write_text("{}")
    ran = mirctl("adapt", "run", "r.yaml", "--out", "out", mode)
    assert ran.code == 2, ran.err
    assert "is a link to" in ran.err
    assert not Path("out").exists()


def test_an_unfinished_run_that_logs_to_a_pipe_is_refused(mirctl, shop):
    Path("out.partial").mkdir()
    os.mkfifo("out.partial/log.txt")
    Path("out.partial/run.json").write_text("{}")
    ran = mirctl("adapt", "run", "r.yaml", "--out", "out", "--force")
    assert ran.code == 2
    assert "is a pipe or a device" in ran.err


def test_a_folder_with_links_is_replaced_and_what_they_name_stays(mirctl, shop, outside):
    assert mirctl("adapt", "run", "r.yaml", "--out", "out").code == 0
    for name, target in {"a": "mine", "b": "run", "extra/c": "model"}.items():
        link(shop / "out" / name, outside / target)
    Path("out/metrics.json").unlink()
    link(shop / "out" / "metrics.json", outside / "mine")
    ran = mirctl("adapt", "run", "r.yaml", "--out", "out", "--force")
    assert ran.code == 0, ran.err
    assert artifact.verify(Path("out")) == []
    assert not any(path.is_symlink() for path in Path("out").rglob("*"))


@pytest.mark.parametrize("jobs", [(), ("--jobs", "2")])
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("fit", "model"),
        ("fit", "nothing"),
        ("more.csv", "mine"),
        ("more.csv", "nothing"),
        ("logs", "run"),
        ("logs/fit.log", "mine"),
        ("logs/more.log", "nothing"),
        ("sweep.csv", "mine"),
        (".lock", "nothing"),
    ],
)
def test_a_pipeline_writes_through_no_link(mirctl, shop, outside, name, target, jobs):
    assert mirctl("run", "p.yaml", "--out", "out").code == 0
    if (shop / "out" / name).is_dir():
        os.rename(shop / "out" / name, shop / "away")
    else:
        (shop / "out" / name).unlink(missing_ok=True)
    link(shop / "out" / name, outside / target)
    for mode in ("--force", "--resume", "--dry-run"):
        ran = mirctl("run", "p.yaml", "seed=1", "--out", "out", mode, *jobs)
        assert ran.code == (0 if (name, mode) == (".lock", "--dry-run") else 2), ran.err
        assert "link" in ran.err or ran.code == 0


@pytest.mark.parametrize("how", ["file", "folder", "listing", "artifact"])
@pytest.mark.parametrize("path", ["/", "nothing"])
def test_a_record_reads_only_what_the_recipe_names(mirctl, shop, outside, path, how):
    """It would be told that the disk is no input, or that something is missing."""
    assert mirctl("run", "p.yaml", "--out", "out").code == 0
    told = json.loads(Path("out/steps.json").read_text())
    for key in ("data.interactions", "data.items", "data", "data.interactions.0", ""):
        told["steps"]["fit"]["watched"] = [{"key": key, "path": str(outside / path), "how": how}]
        Path("out/steps.json").write_text(json.dumps(told))
        ran = mirctl("run", "p.yaml", "--out", "out", "--dry-run")
        assert ran.code == 0, ran.err
        assert "0 of 2 steps would run" in ran.err


def test_a_result_full_of_links_and_pipes_was_changed(mirctl, shop, outside):
    assert mirctl("run", "p.yaml", "--out", "out").code == 0
    Path("out/fit/metrics.json").unlink()
    Path("out/fit/metrics.json").symlink_to("/dev/zero")
    os.mkfifo("out/fit/pipe")
    ran = mirctl("run", "p.yaml", "--out", "out")
    assert ran.code == 0, ran.err
    assert "fit: adapt/run (its result was changed)" in ran.err


def test_the_whole_disk_is_no_input(shop, monkeypatch):
    with pytest.raises(DataError, match="the whole disk"):
        Input("data.images", Path("/")).files()
    monkeypatch.setattr("mirctl.inputs.MOST_FILES", 2)
    for name in "abc":
        link(shop / "deep" / "er" / name, "log.csv")
        (shop / "deep" / f"{name}.csv").write_text("x")
    with pytest.raises(DataError, match="over 2 files"):
        Input("data.images", shop / "deep").files()


def test_pruning_removes_nothing_behind_a_link(mirctl, own_cache, outside):
    link(own_cache / "models" / "there", outside / "model")
    link(own_cache / ".removed-1", outside / "model")
    entry = cache.entry("models", "here")
    with entry.lock():
        files.write_text(entry.folder / "x", "x")
        entry.commit(add=["x"])
        link(entry.folder / "stray", outside / "mine")
        link(entry.folder / "folder", outside / "run")
    for command in (("prune",), ("prune", "--older-than", "0s"), ("verify", "--fix"), ("du",)):
        mirctl("cache", *command)
    assert not entry.folder.exists()


def test_a_device_stays_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="a pipe or a device"):
        files.write_text(tmp_path / "pipe", "x")
    assert (tmp_path / "pipe").is_fifo()
