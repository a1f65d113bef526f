"""A run in two processes: what one would do, written by the first of them alone."""

import json
import shutil
from itertools import product

import pytest
from safetensors.torch import load_file

from impute.conftest import csv_text, holes, rows
from mirctl.testing.catalogue import write_catalogue
from processes import command_lines, in_two

SMALL_TABLE = (
    "uses: impute/fit\n"
    "data: {table: table.csv}\n"
    "model: {width: 16, heads: 2, encoder_layers: 1, decoder_layers: 1, dropout: 0.0}\n"
    "train: {epochs: 2, epoch_rows: 256, batch_size: 33, optimizer: adamw}\n"
)
CATALOGUE = (
    "uses: adapt/run\n"
    "data: {interactions: interactions.csv, items: items.csv}\n"
    "model: {method: iisan-versa, text: TEXT, dim: 16, history: 12, bottleneck: 8,\n"
    "        user_layers: 1, dropout: 0.0, ids: true}\n"
    "train: {epochs: 2, batch_size: 16, lr: 1.0e-2}\n"
)
FUSED = (
    "uses: fuse/train\n"
    "data: {interactions: interactions.csv, items: items.csv}\n"
    "model: {modalities: {title: TEXT, first: {model: TEXT, pool: cls}}, dim: 16, history: 12,\n"
    "        bottleneck: 8, rank: 4, user_layers: 1, dropout: 0.0, modality_dropout: 0.0,\n"
    "        balance: 0.0}\n"  # which is over the items of each process
    "train: {epochs: 2, batch_size: 16, lr: 1.0e-2}\n"
)
PAIRS = (
    "uses: fuse/retrieval\n"
    "data: {items: items.csv}\n"
    "model: {queries: {title: TEXT}, items: {first: {model: TEXT, pool: cls}}, dim: 16,\n"
    "        bottleneck: 8, rank: 4, modality_dropout: 0.0, balance: 0.0}\n"
    "train: {epochs: 3, batch_size: 9, chunk: 2, lr: 1.0e-2}\n"
    "evaluation: {valid: 0.2}\n"
)
KEPT = ("model.safetensors", "metrics.json", "extra/history.json")


@pytest.fixture
def work(tmp_path, bert):
    """A folder with the tiny catalogue, some of its titles missing, and a table; and recipes."""
    write_catalogue(tmp_path)
    lines = (tmp_path / "items.csv").read_text().splitlines()
    lines[3::7] = [line.partition(",")[0] + "," for line in lines[3::7]]
    (tmp_path / "items.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "adapt.yaml").write_text(CATALOGUE.replace("TEXT", str(bert)))
    (tmp_path / "fuse.yaml").write_text(FUSED.replace("TEXT", str(bert)))
    (tmp_path / "pairs.yaml").write_text(PAIRS.replace("TEXT", str(bert)))
    (tmp_path / "table.csv").write_text(csv_text(rows(90), holes(90)))
    (tmp_path / "impute.yaml").write_text(SMALL_TABLE)
    return tmp_path


def losses(artifact):
    return [entry["loss"] for entry in json.loads((artifact / "extra/history.json").read_text())]


def test_two_processes_learn_what_one_does(work, mirctl):
    jobs = {
        "impute": [work / "impute.yaml"],
        "catalogue": [work / "adapt.yaml", "train.loss=catalogue"],
        "batch": [work / "adapt.yaml", "train.loss=batch"],
        "fuse": [work / "fuse.yaml"],
        "pairs": [work / "pairs.yaml"],
        "pairs in pieces": [work / "pairs.yaml", "train.parallel=fsdp", "train.chunk=9"],
        # wide enough for blocks of their own; with a running mean of the weights
        "fsdp": [work / "impute.yaml", "train.parallel=fsdp", "model.width=128", "train.ema=0.9"],
    }
    lines = [["run", *what, "--json", "--out", work / f"two-{name}"] for name, what in jobs.items()]
    in_two(command_lines, work / "told", *lines)
    for number, (name, what) in enumerate(jobs.items()):
        assert mirctl("run", *what, "--out", work / f"one-{name}").code == 0
        one, two = work / f"one-{name}", work / f"two-{name}"
        assert losses(two) == pytest.approx(losses(one), abs=1e-6)
        weights = load_file(one / "model.safetensors")
        for key, found in load_file(two / "model.safetensors").items():
            assert (found - weights[key]).abs().max() < 1e-3, key
        assert weights.keys() == load_file(two / "model.safetensors").keys()
        assert json.loads((two / "efficiency.json").read_text())["processes"] == 2
        codes = [(work / f"told/{number}-{rank}.code").read_text() for rank in (0, 1)]
        assert codes == ["0", "0"]
        assert "metrics" in json.loads((work / f"told/{number}-0.out").read_text())
        assert (work / f"told/{number}-1.out").read_text() == ""
    spent = json.loads((work / "two-catalogue/efficiency.json").read_text())
    assert spent["phases"]["encode text"]["items"] == 26  # titles, each by one process
    assert spent["cpu_seconds"] > spent["phases"]["train"]["cpu_seconds"] > 0
    told = (work / "told/stderr-0").read_text()
    assert told.count("fp32 in 2 processes") == 7
    assert (work / "told/stderr-1").read_text() == ""
    assert not [*work.glob("*.partial")]


@pytest.mark.slow
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_a_process_without_any_row_of_a_batch_takes_part(work, mirctl, parallel):
    jobs = {
        "impute": [work / "impute.yaml", "train.epoch_rows=3"],
        "batch": [work / "adapt.yaml", "train.loss=batch", "train.epochs=1"],
        "catalogue": [work / "adapt.yaml", "train.loss=catalogue", "train.epochs=1"],
    }
    lines = [
        ["run", *what, "train.batch_size=1", "train.lr=1e-4", "--out", work / f"two-{name}"]
        for name, what in jobs.items()
    ]
    in_two(command_lines, work / "told", *([*line, f"train.parallel={parallel}"] for line in lines))
    # In pieces a weight that no row uses has a gradient of zero, and AdamW moves it on.
    tolerance = 1e-5 if parallel == "ddp" else 1e-3
    for (name, line), number in zip(zip(jobs, lines), range(3)):
        told = (work / "told/stderr-0").read_text() + (work / "told/stderr-1").read_text()
        codes = [(work / f"told/{number}-{rank}.code").read_text() for rank in (0, 1)]
        assert codes == ["0", "0"], told
        assert mirctl(*line[:-1], work / f"one-{name}").code == 0
        assert losses(work / f"two-{name}") == pytest.approx(
            losses(work / f"one-{name}"), abs=tolerance
        )


@pytest.mark.slow
def test_a_model_in_pieces_reads_content_too(work, mirctl):
    changes = ["model.dim=128", "train.loss=batch", "train.lr=1e-4"]
    line = ["run", work / "adapt.yaml", *changes]
    in_two(command_lines, work / "told", [*line, "train.parallel=fsdp", "--out", work / "two"])
    assert mirctl(*line, "--out", work / "one").code == 0
    assert losses(work / "two") == pytest.approx(losses(work / "one"), abs=1e-6)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_compiled_it_learns_the_same(work, mirctl):
    line = ["run", work / "adapt.yaml", "train.lr=1e-4"]
    for name, change in (("plain", "false"), ("compiled", "true")):
        ran = mirctl(*line, f"train.compile={change}", "--out", work / name)
        assert ran.code == 0, ran.err
    assert losses(work / "compiled") == pytest.approx(losses(work / "plain"), abs=1e-5)


@pytest.mark.slow
def test_dropout_and_mean_weights_are_alike_in_both_processes(work):
    changes = ["model.dropout=0.3", "train.ema=0.9", "train.optimizer=muon"]
    lines = [
        ["run", work / f"{job}.yaml", *changes, "--out", work / f"{job}-{n}"]
        for job, n in product(("impute", "adapt"), (1, 2))
    ]
    in_two(command_lines, work / "told", *lines)
    for job in ("impute", "adapt"):
        for file in KEPT:
            one, two = (work / f"{job}-{n}" / file for n in (1, 2))
            assert one.read_bytes() == two.read_bytes()


@pytest.mark.slow
def test_what_is_wrong_is_told_by_each(work):
    line = ["run", work / "impute.yaml", "train.epochs=x", "--json", "--out", work / "new"]
    in_two(command_lines, work / "told", line)
    codes = [(work / f"told/0-{rank}.code").read_text() for rank in (0, 1)]
    assert codes == ["2", "2"]
    assert "process 1: error: " in (work / "told/stderr-1").read_text()
    assert (work / "told/0-1.out").read_text() == ""
