"""A run that is stopped, repeated or in the way of another."""

import signal
import subprocess
import sys
import time

import pytest

from adapt.conftest import run


def test_one_seed_gives_the_same_bytes(mirctl, recipe, tmp_path):
    for name in ("a", "b"):
        run(mirctl, recipe, tmp_path / name)
    for file in ("metrics.json", "model.safetensors", "items.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    run(mirctl, recipe, tmp_path / "c", "seed=9")
    assert (tmp_path / "a" / "model.safetensors").read_bytes() != (
        tmp_path / "c" / "model.safetensors"
    ).read_bytes()


def start(recipe, out, *options):
    command = [sys.executable, "-m", "mirctl", "adapt", "run", str(recipe), "--out", str(out)]
    return subprocess.Popen(
        [*command, "train.checkpoint_every=0", "train.epochs=40", *options],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def wait_for_checkpoint(process, out):
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if (out.parent / f"{out.name}.partial" / "checkpoint.pt").is_file():
            return
        time.sleep(0.01)
    pytest.fail(f"no checkpoint came: {process.stderr.read()}")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_resumes_to_the_same_bytes(mirctl, recipe, tmp_path, how):
    changes = ["train.checkpoint_every=0", "train.epochs=40"]
    run(mirctl, recipe, tmp_path / "whole", *changes)
    out = tmp_path / "stopped"
    with start(recipe, out) as process:
        wait_for_checkpoint(process, out)
        process.send_signal(how)
        process.wait()
        assert process.returncode == (130 if how == signal.SIGINT else -9)
    assert not out.exists()
    again = mirctl("adapt", "run", recipe, *changes, "--out", out)
    assert again.code == 2
    assert "--resume goes on with it" in again.err
    resumed = mirctl("adapt", "run", recipe, *changes, "--out", out, "--resume")
    assert resumed.code == 0, resumed.err
    assert "going on from epoch" in resumed.err
    for file in ("metrics.json", "model.safetensors", "extra/history.json"):
        assert (tmp_path / "whole" / file).read_bytes() == (out / file).read_bytes()


def test_a_run_does_not_resume_on_other_data(mirctl, recipe, tmp_path, catalogue):
    out = tmp_path / "model"
    with start(recipe, out) as process:
        wait_for_checkpoint(process, out)
        process.kill()
        process.wait()
    with open(catalogue / "interactions.csv", "a") as file:
        file.write("u0,i3,2000\n")
    options = ["train.checkpoint_every=0", "train.epochs=40", "--out", out, "--resume"]
    ran = mirctl("adapt", "run", recipe, *options)
    assert ran.code == 2
    assert "changed since this run began" in ran.err


def test_what_exists_is_not_overwritten_without_force(mirctl, recipe, tmp_path):
    out = tmp_path / "model"
    run(mirctl, recipe, out, "model.method=pop")
    before = (out / "manifest.json").read_bytes()
    ran = mirctl("adapt", "run", recipe, "--out", out)
    assert ran.code == 2
    assert "--force" in ran.err
    assert (out / "manifest.json").read_bytes() == before
    assert mirctl("adapt", "run", recipe, "model.method=pop", "--out", out, "--force").code == 0


def test_a_job_that_is_ended_from_outside_leaves_nothing_half_written(recipe, tmp_path):
    code = (
        "import os, signal, sys\nfrom mirctl import cli\n"
        "from mirctl_adapt import saving\n"
        "saving.card = lambda *_: os.kill(os.getpid(), signal.SIGTERM)\n"
        f"sys.argv = ['mirctl', 'adapt', 'run', {str(recipe)!r}, 'model.method=pop',"
        f" '--out', {str(tmp_path / 'm')!r}]\ncli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
