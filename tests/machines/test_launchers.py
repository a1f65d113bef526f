"""Real launchers: torchrun and accelerate start two processes, which are stopped and killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from impute.conftest import csv_text, holes, rows
from mirctl.testing.catalogue import write_catalogue

pytestmark = pytest.mark.slow
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "mirctl")
ACCELERATE = (
    "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
    "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
    "--main_process_port", "0", "-m", "mirctl",
)  # fmt: skip
ADAPT = (
    "uses: adapt/run\n"
    "data: {interactions: interactions.csv, items: items.csv}\n"
    "model: {method: id, dim: 16, history: 12, dropout: 0.0, user_layers: 1}\n"
    "train: {epochs: 3, batch_size: 16, lr: 1.0e-2, loss: batch, checkpoint_every: 0}\n"
    "device: cpu\n"
)
IMPUTE = (
    "uses: impute/fit\n"
    "data: {table: table.csv}\n"
    "model: {width: 16, heads: 2, encoder_layers: 1, decoder_layers: 1, dropout: 0.0}\n"
    "train: {epochs: 2, epoch_rows: 256, batch_size: 32, optimizer: adamw}\n"
    "device: cpu\n"
)
LONG = "train.epochs=30"


@pytest.fixture
def recipes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_catalogue(tmp_path)
    Path("table.csv").write_text(csv_text(rows(90), holes(90)))
    Path("adapt.yaml").write_text(ADAPT)
    Path("impute.yaml").write_text(IMPUTE)


def launched(launcher, *line):
    ran = subprocess.run(
        [sys.executable, *launcher, *line], capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    return ran


@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
@pytest.mark.parametrize("job", ["adapt", "impute"])
def test_a_launcher_s_two_processes_learn_what_one_does(recipes, mirctl, launcher, job):
    ran = launched(launcher, "run", f"{job}.yaml", "--out", "two", "--json")
    assert json.loads(ran.stdout)["artifact"] == "two"
    assert ran.stderr.count("in 2 processes") == 1
    assert ran.stderr.count("epoch 2/") == 1
    assert mirctl("run", f"{job}.yaml", "--out", "one").code == 0
    histories = [json.loads(Path(n, "extra/history.json").read_text()) for n in ("one", "two")]
    one, two = ([entry["loss"] for entry in history] for history in histories)
    assert two == pytest.approx(one, abs=1e-6)


def test_what_stops_the_first_process_stops_all_at_once(recipes):
    Path("there").mkdir()
    line = [sys.executable, *TORCHRUN, "run", "adapt.yaml", "--out", "there", "--json"]
    begin = time.monotonic()
    ran = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert time.monotonic() - begin < 25, "torchrun kills after 30 seconds"
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["error"]["code"] == 2
    assert ran.stderr.count("exists already") == 1
    assert not Path("there.partial").exists()


def started(out, *line):
    process = subprocess.Popen(
        [sys.executable, *TORCHRUN, "run", *(line or ("adapt.yaml", LONG)), "--out", out],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline:
        if Path(f"{out}.partial/checkpoint.pt").is_file():
            return process
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"no checkpoint came: {process.communicate()[1]}")


def worker(launcher, rank):
    """The process id of a launcher's process of that rank."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            told = (place / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == launcher.pid and b"RANK=%d" % rank in told:
            return int(place.name)
    raise LookupError(rank)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_stopped_or_killed_it_goes_on_to_the_same_bytes(recipes, mirctl):
    launched(TORCHRUN, "run", "adapt.yaml", LONG, "--out", "whole")
    for how, whom in ((signal.SIGTERM, None), (signal.SIGKILL, 1), (signal.SIGKILL, 0)):
        process = started("again")
        victim = process.pid if whom is None else worker(process, whom)
        os.kill(victim, how)
        begin = time.monotonic()
        out, told = process.communicate(timeout=300)
        assert process.returncode != 0
        assert time.monotonic() - begin < 45
        assert out == ""
        assert not Path("again").exists()
        left = set(os.listdir("again.partial"))
        if whom == 0:  # killed while it wrote a checkpoint, which nobody could then clear away
            left = {name for name in left if not name.endswith(".tmp")}
        assert left == {".lock", "checkpoint.pt", "log.txt", "run.json"}
        if whom is None:
            assert told.count("a checkpoint is written") == 1
        elif whom:
            assert "another process of this run has ended" in told
        launched(TORCHRUN, "run", "adapt.yaml", LONG, "--out", "again", "--resume")
        for file in ("model.safetensors", "metrics.json", "extra/history.json"):
            assert Path("again", file).read_bytes() == Path("whole", file).read_bytes()
        launched(("-m", "mirctl"), "artifact", "verify", "again")
        subprocess.run(["rm", "-r", "again"], check=True)


def test_in_pieces_it_goes_on_to_the_same_bytes(recipes, mirctl):
    line = ["impute.yaml", "model.width=128", "train.parallel=fsdp", "train.optimizer=muon"]
    line += ["train.ema=0.9", "train.checkpoint_every=0", "train.epochs=4", "model.dropout=0.2"]
    launched(TORCHRUN, "run", *line, "--out", "whole")
    process = started("again", *line)
    process.terminate()
    assert "a checkpoint is written" in process.communicate(timeout=300)[1]
    launched(TORCHRUN, "run", *line, "--out", "again", "--resume")
    for file in ("model.safetensors", "metrics.json", "extra/history.json"):
        assert Path("again", file).read_bytes() == Path("whole", file).read_bytes()


def test_two_launchers_are_two_machines(recipes, mirctl):
    line = ["run", "impute.yaml", "--out", "two", "--json"]
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    where = ["--nnodes", "2", "--nproc-per-node", "1", "--master-addr", "localhost"]
    both = [
        subprocess.Popen(
            [
                *[sys.executable, "-m", "torch.distributed.run", *where, "--master-port", port],
                *["--node-rank", node, "-m", "mirctl", *line],
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for node in "01"
    ]
    told = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert json.loads(told[0])["artifact"] == "two"
    assert told[1] == ""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_one_process_takes_up_the_checkpoint_of_two(recipes, mirctl):
    whole = mirctl("run", "adapt.yaml", LONG, "--out", "whole")
    assert whole.code == 0
    process = started("again")
    os.kill(worker(process, 1), signal.SIGINT)
    told = process.communicate(timeout=300)[1]
    assert "a checkpoint is written" in told
    assert "exitcode: 130" in told
    resumed = mirctl("run", "adapt.yaml", LONG, "--out", "again", "--resume")
    assert resumed.code == 0
    assert "the checkpoint is of 2 processes" in resumed.err
    histories = [json.loads(Path(n, "extra/history.json").read_text()) for n in ("whole", "again")]
    one, two = ([entry["loss"] for entry in history] for history in histories)
    assert two == pytest.approx(one, abs=1e-4)
