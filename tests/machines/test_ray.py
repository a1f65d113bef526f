"""Jobs in shards: by hand, and on a Ray cluster of two workers."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from impute.conftest import csv_text, holes, rows
from mirctl import cli


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A table with holes, a model of it and a recipe that fills it; eight blocks of rows."""
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(csv_text(rows(7500), holes(7500, 0.02)))
    small = ["model.width=8", "model.heads=1", "train.epochs=1", "train.epoch_rows=1"]
    assert cli.run_command(["impute", "fit", "t.csv", *small, "--out", "model", "-q"]) == 0
    Path("fill.yaml").write_text("uses: impute/fill\nmodel: model\ntable: t.csv\nsteps: 1\n")
    return tmp_path


def test_a_recipe_s_job_is_done_in_parts(mirctl, here):
    assert mirctl("run", "fill.yaml", "--out", "whole.csv").code == 0
    for i in (1, 2):
        ran = mirctl("run", "fill.yaml", "--shard", f"{i}/2", "--out", f"full-{i}-of-2.csv")
        assert ran.code == 0, ran.err
    parts = sorted(Path().glob("full-*"))
    assert mirctl("artifact", "merge", *parts, "--out", "full.csv").code == 0
    assert Path("full.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_what_is_not_done_in_shards_is_told(mirctl, here):
    Path("fit.yaml").write_text("uses: impute/fit\ndata: {table: t.csv}\n")
    for option in (["--shard", "1/2"], ["--on", "ray"]):
        ran = mirctl("run", "fit.yaml", *option, "--out", "new")
        assert ran.code == 2
        assert "impute/fit is not done in shards" in ran.err
    assert mirctl("run", "fill.yaml", "--on", "mars", "--out", "new.csv").code == 2
    Path("steps.yaml").write_text("steps:\n  a: {uses: impute/fit, data: {table: t.csv}}\n")
    ran = mirctl("run", "steps.yaml", "--shard", "1/2", "--out", "new")
    assert (ran.code, "of one job" in ran.err) == (2, True)


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is here")
def test_without_ray_it_is_told_how_to_get_it(mirctl, here):
    ran = mirctl("run", "fill.yaml", "--on", "ray", "--out", "new.csv")
    assert ran.code == 5
    assert "pip install 'mirctl[ray]'" in ran.err


@pytest.fixture
def cluster(here):
    """Two local workers; gives the environment that leads to them."""
    ray = pytest.importorskip("ray", reason="needs mirctl[ray]")
    about = ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    address = about.address_info["gcs_address"]
    yield os.environ | {"RAY_ADDRESS": address}
    ray.shutdown()


def on_ray(environment, *options):
    line = ["run", "fill.yaml", "--on", "ray", "--out", "full.csv", *options]
    return subprocess.Popen(
        [sys.executable, "-m", "mirctl", *line],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_ray_maps_the_shards_of_a_job(mirctl, cluster):
    assert mirctl("run", "fill.yaml", "--out", "whole.csv").code == 0
    out, told = (process := on_ray(cluster, "--json")).communicate(timeout=300)
    assert process.returncode == 0, told
    assert json.loads(out)["table"] == "full.csv"
    assert Path("full.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert not Path("full.csv.partial").exists()


@pytest.mark.slow
def test_a_shard_that_fails_is_told_and_what_is_done_stays(mirctl, cluster):
    text = Path("t.csv").read_text().splitlines(keepends=True)
    assert mirctl("run", "fill.yaml", "--out", "whole.csv").code == 0
    Path("t.csv").write_text("".join([*text[:-1], "x,y\n"]))
    _, told = (process := on_ray(cluster, "--shards", "4")).communicate(timeout=300)
    assert process.returncode == 1
    assert "ended with exit 3" in told
    assert not Path("full.csv").exists()


@pytest.mark.slow
def test_stopped_it_goes_on_with_what_is_left(mirctl, cluster):
    assert mirctl("run", "fill.yaml", "steps=60", "--out", "whole.csv").code == 0
    process = on_ray(cluster, "steps=60", "--shards", "8")
    deadline = time.monotonic() + 300
    while not [*Path().glob("full.csv.partial/1-of-8-full.csv")]:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 130, told
    _, told = (again := on_ray(cluster, "steps=60", "--shards", "3", "--resume")).communicate()
    assert again.returncode == 2
    assert "was begun with --shards 8" in told
    _, told = (again := on_ray(cluster, "steps=60", "--shards", "8", "--resume")).communicate()
    assert again.returncode == 0, told
    assert Path("full.csv").read_bytes() == Path("whole.csv").read_bytes()
