"""Two processes learn what one does."""

import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

from align.runs import history, line, write
from bench import align_readers
from processes import command_lines, in_two

JOBS = {
    "none": ["model.method=full"],
    "aux": ["gaze.inject=aux-loss", "gaze.weight=0.5"],
    "add": ["gaze.inject=add", "gaze.generator=data"],
}
PIECES = {
    "full": ["model.method=full", "gaze.inject=concat"],
    "lora": ["gaze.inject=add", "model.checkpointing=true"],
    "aux": ["gaze.inject=aux-loss", "train.ema=0.5"],
}


def compare(mirctl, tmp_path, pairs, base, jobs, *changes):
    """Do jobs in one process and in two. Of 37 pairs 33 are learned from: 4 batches and one pair
    more, for which one process has nothing to do."""
    same = ["gaze.dropout=[0,0]", "train.smoothing=0.1", "train.centering=0.01", "train.lr=1e-3"]

    def lines(name):
        return {
            job: line(pairs, base, tmp_path / f"{name}-{job}", *same, *own)
            for job, own in jobs.items()
        }

    in_two(command_lines, tmp_path / "told", *([*one, *changes] for one in lines("two").values()))
    told = "".join((tmp_path / f"told/stderr-{rank}").read_text() for rank in (0, 1))
    for number, (job, one) in enumerate(lines("one").items()):
        codes = [(tmp_path / f"told/{number}-{rank}.code").read_text() for rank in (0, 1)]
        assert codes == ["0", "0"], told
        assert mirctl(*one).code == 0
        alone, both = (tmp_path / f"{name}-{job}" for name in ("one", "two"))
        for a, b in zip(history(alone), history(both), strict=True):
            assert b == pytest.approx(a, abs=1e-5)
        for file in ("model", "scored"):
            wanted, found = (load_file(f / f"{file}.safetensors") for f in (alone, both))
            assert_close(found, wanted, atol=1e-3, rtol=0)
    assert told.count("fp32 in 2 processes") == len(jobs)


def test_two_processes_learn_what_one_does(mirctl, tmp_path, llama):
    pairs = write(tmp_path / "pairs.jsonl", 37)
    compare(mirctl, tmp_path, pairs, llama, JOBS)
    told = (tmp_path / "told/stderr-0").read_text()
    assert "99 texts predicted now" in told, "of 33 pairs each text once, by one of the processes"


@pytest.mark.slow
def test_two_processes_with_a_part_of_the_model_each_do_too(mirctl, tmp_path):
    words = {"hidden_size": 128, "intermediate_size": 256}  # wide enough for blocks of their own
    base = align_readers.model(tmp_path / "llama", **words)
    pairs = align_readers.write(tmp_path / "pairs.jsonl", 37, seed=0)
    compare(mirctl, tmp_path, pairs, base, PIECES, "train.parallel=fsdp")
