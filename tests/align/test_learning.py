"""Where a reader's own reading times decide, models that get them learn, and others cannot."""

import json

import pytest

from bench import align_readers


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    """A folder with pairs to learn from, others to measure on, and a small Llama."""
    folder = tmp_path_factory.mktemp("readers")
    align_readers.write(folder / "train.jsonl", 400, seed=0)
    align_readers.write(folder / "test.jsonl", 400, seed=1)
    align_readers.model(folder / "llama")
    return folder


@pytest.fixture
def accuracy(mirctl, readers, tmp_path):
    """accuracy(changes) -> that of a model on the other pairs, with its interval."""

    def trained(*changes):
        ran = mirctl(
            "align", "train", "align/pairs", f"data.train={readers / 'train.jsonl'}",
            f"data.test={readers / 'test.jsonl'}", f"model.base={readers / 'llama'}",
            "model.method=full", "text.template=plain", "gaze.generator=data", "train.epochs=6",
            "train.lr=1e-3", "train.metric=null", *changes, "--out", tmp_path / "model", "--json",
            "--force",
        )  # fmt: skip
        assert ran.code == 0, ran.err
        return json.loads(ran.out)["metrics"]["accuracy"]

    return trained


@pytest.fixture(scope="module")
def chance():
    """What a model may reach that sees nothing of use: one half, and three standard errors."""
    return pytest.approx(0.5, abs=3 * 0.5 / 400**0.5)


@pytest.mark.parametrize("inject", ["add", "concat"])
def test_a_readers_own_times_are_learned_and_those_of_others_are_not(accuracy, chance, inject):
    assert accuracy(f"gaze.inject={inject}")["low"] > 0.7
    assert accuracy(f"gaze.inject={inject}", "gaze.shuffle=true")["value"] == chance


def test_the_text_alone_says_nothing(accuracy, chance):
    assert accuracy("gaze.inject=none")["value"] == chance
